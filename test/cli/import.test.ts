import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tempDir } from "../support/temp-dir.ts";
import { quarterdeck } from "./quarterdeck.ts";

it("an imported Alertmanager is a catalog that lint takes once its variables are set", async () => {
  const dir = tempDir();
  const out = join(dir, "catalog", "imported.yaml");
  mkdirSync(join(dir, "catalog"));
  mkdirSync(join(dir, "runbooks"));
  const args = ["--slack-team", "T0ACME", "--out", out];
  const made = await quarterdeck([
    "import",
    "alertmanager",
    "test/fixtures/import/alertmanager.yml",
    ...args,
  ]);
  expect(made.err).toContain("note: global.slack_api_url may be a secret, and was not copied.");
  expect(made.err).toContain("to fill in: SLACK_CHANNEL_SHOP: Slack id of the channel #shop.");
  expect(made.code).toBe(0);
  const lint = (env: Record<string, string>) =>
    quarterdeck(["lint", join(dir, "catalog")], { RUNBOOKS_PATH: join(dir, "runbooks"), ...env });
  const unset = await lint({});
  expect(unset.out).toContain("variable SLACK_CHANNEL_SHOP is not set");
  expect(unset.code).toBe(1);
  const channels = [...readFileSync(out, "utf8").matchAll(/\$\{(SLACK_CHANNEL_\w+)\}/g)];
  const set = await lint(Object.fromEntries(channels.map(([, name], index) => [name, `C0CHANNEL${index}`])));
  expect(set.out).toMatch(/: well\. 6 services, 6 teams/);
  expect(set.code).toBe(0);
});

it("what cannot be read ends with 1 and names the field", async () => {
  const file = join(tempDir(), "openslo.yaml");
  writeFileSync(file, "apiVersion: openslo/v1\nkind: SLO\nmetadata: { name: a }\nspec: { service: shop }\n");
  const openslo = await quarterdeck(["slo", "import", file]);
  expect([openslo.code, openslo.out]).toEqual([1, ""]);
  expect(openslo.err).toContain("SLO a: spec.timeWindow is missing");
  const other = await quarterdeck(["import", "nagios", file]);
  expect([other.code, other.out]).toEqual([1, ""]);
  expect(other.err).toContain('"nagios" cannot be imported. Write one of alertmanager, oncall.');
});
