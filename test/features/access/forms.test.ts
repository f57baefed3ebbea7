import { expect, it } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { accessForms } from "../../../src/features/access/forms.ts";

const formOf = (name: string) => {
  const form = accessForms.find((one) => one.name === name);
  if (!form) throw new Error(`no form ${name}`);
  return form;
};
const values = { reason: "my own words", time: "5m" };

it.each(["access deny", "access review", "access revoke", "access extend"])(
  "%s says what its form shows and was typed into it, and no word of the link that opened it",
  (name) => {
    const form = formOf(name);
    const time = name === "access extend" ? "5m " : "";
    expect(form.line(values, "G-12")).toBe(`${name} G-12 ${time}"my own words"`);
    expect(form.line(values, "G-12 --seen 1f2e3d4c")).toBe(
      `${name} G-12 --seen 1f2e3d4c ${time}"my own words"`,
    );
    for (const words of ["G-12 it was all fine", " G-12\tit was all fine", "G-12 15m --dry-run"]) {
      expect(form.line(values, words)).toBe(`${name} G-12 ${time}"my own words"`);
      const context = { catalog: {} as Catalog, now: new Date(0), words };
      const shown = form.build({ ...context, actor: { team: "T", person: "U", door: "console" } });
      expect(JSON.stringify(shown)).toContain("*G-12*");
      expect(JSON.stringify(shown)).not.toContain("all fine");
    }
    expect(form.line(values, "")).toBe(`${name}  ${time}"my own words"`);
  },
);
