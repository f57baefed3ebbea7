import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { accessPolicySchema } from "../../src/catalog/access-policy.ts";
import { readCatalog } from "../../src/catalog/load.ts";
import { problemText } from "../../src/catalog/problem.ts";

const around = `organisation:
  name: Test
  slackTeams: [T0A]
  defaultChannel: ops
  defaultOwner: storefront
channels:
  - { name: ops, slack: { T0A: C000 } }
people:
${["olive", "lena", "kim"].map((id) => `  - { id: ${id}, name: ${id} }`).join("\n")}
teams:
  - { name: storefront, leads: [lena], alertChannel: ops, leadsChannel: ops, onCall: { rotation: [olive], start: "2026-01-05T09:00", zone: UTC } }
  - { name: payments, leads: [kim], alertChannel: ops, leadsChannel: ops }
services:
  - { name: shop, team: storefront, dri: olive }
providers:
  accessors:
    - { name: orders-postgres, kind: postgres, urlEnv: ORDERS_DB_URL, databases: [orders] }
`;
const page = readFileSync("docs/access.md", "utf8");

it("the policy that docs/access.md shows is a catalog", () => {
  const [policy = ""] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = ""]) => text);
  const files = [around, policy].map((text, index) => ({ file: `${index}.yaml`, text }));
  const result = readCatalog("docs", files, {});
  expect(result.ok ? [] : result.problems.map(problemText)).toEqual([]);
});

it("docs/access.md has a row for every field of a policy, and none for others", () => {
  const rows = [...page.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, names = ""]) =>
    [...names.matchAll(/`([A-Za-z]+)`/g)].map(([, name]) => name ?? ""),
  );
  expect(rows.sort()).toEqual([...Object.keys(accessPolicySchema.shape), "narrowerThan"].sort());
});
