import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readCatalog } from "../../src/catalog/load.ts";
import { problemText } from "../../src/catalog/problem.ts";

const around = `organisation:
  name: Test
  slackTeams: [T0A]
  defaultChannel: ops
  defaultOwner: storefront
channels:
${["ops", "shop-alerts", "storefront-leads"].map((name, n) => `  - { name: ${name}, slack: { T0A: C0${n}0 } }`).join("\n")}
people:
${["olive", "lena", "kim"].map((id) => `  - { id: ${id}, name: ${id} }`).join("\n")}
`;

it("the schedule and the providers that docs/paging.md shows are a catalog, with the gap it speaks of", () => {
  const page = readFileSync("docs/paging.md", "utf8");
  const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = ""]) => text);
  const files = [around, ...blocks].map((text, index) => ({ file: `${index}.yaml`, text }));
  const warningsAt = (now: string) => {
    const result = readCatalog("docs", files, {}, new Date(now));
    expect(result.ok ? [] : result.problems.map(problemText)).toEqual([]);
    return result.ok ? result.warnings.filter(({ field }) => field === "teams.storefront.onCall") : [];
  };
  expect(blocks).toHaveLength(2);
  expect(warningsAt("2026-03-08T20:00:00Z")).toHaveLength(1);
  expect(warningsAt("2026-03-29T10:00:00Z")).toEqual([]);
});
