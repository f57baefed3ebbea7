import { expect, it } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { denyForm } from "../../../src/features/catalog/forms.ts";

it("the form to deny a catalog shows which one, and says no word of the link that opened it", () => {
  const words = "1f2e3d4c5b6a nobody needs this";
  const context = { catalog: {} as Catalog, now: new Date(0), words };
  const shown = denyForm.build({ ...context, actor: { team: "T", person: "U", door: "console" } });
  expect(JSON.stringify(shown)).toContain("*1f2e3d4c5b6a*");
  expect(denyForm.line({ reason: 'too "wide" --now' }, words)).toBe(
    "catalog deny 1f2e3d4c5b6a \"too 'wide' --now\"",
  );
});
