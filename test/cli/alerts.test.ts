import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tempDir } from "../support/temp-dir.ts";
import { quarterdeck } from "./quarterdeck.ts";

it("says what would be made of a body with its headers, from the catalog alone", async () => {
  const headers = join(tempDir(), "headers.txt");
  writeFileSync(headers, "Sentry-Hook-Resource: issue\r\nRequest-ID: 42\r\nAuthorization: Bearer secret\r\n");
  const { code, out } = await quarterdeck([
    ..."alerts read --source sentry --json --file test/fixtures/payloads/sentry-issue_created.json".split(
      " ",
    ),
    "--headers",
    headers,
  ]);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    source: "sentry",
    deliveryId: "42",
    alerts: [{ status: "firing", severity: "error", service: "ipe", fingerprint: "123" }],
    events: [],
    route: { to: "#ops, team storefront" },
  });
});

it("ends with 1 and names the field it refuses, on both outputs", async () => {
  const file = "test/fixtures/payloads/alertmanager-unversioned_no_ends_at.json";
  const { code, out, err } = await quarterdeck([
    "alerts",
    "read",
    "--source",
    "alertmanager",
    "--json",
    "--file",
    file,
  ]);
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ alerts: [], error: { field: "version" } });
  expect(err).toContain("refused: version is not one this reads");
});
