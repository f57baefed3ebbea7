import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseAllDocuments, parseDocument, stringify } from "yaml";
import { importAlertmanager } from "../../src/catalog/import/alertmanager.ts";
import { importOnCall } from "../../src/catalog/import/oncall.ts";
import { importOpenSlo } from "../../src/features/slos/index.ts";

const fixture = (name: string) => readFileSync(`test/fixtures/import/${name}`, "utf8");
const options = { withOrganisation: true };

/** The value with one place in it replaced, found by following `turns`. */
function withAnother(value: unknown, turns: readonly number[], other: unknown): unknown {
  const [turn, ...rest] = turns;
  if (turn === undefined || typeof value !== "object" || value === null) return other;
  const keys = Object.keys(value);
  if (keys.length === 0) return other;
  const key = keys[turn % keys.length] as string;
  const inner = withAnother((value as Record<string, unknown>)[key], rest, other);
  if (Array.isArray(value)) return value.map((item, index) => (String(index) === key ? inner : item));
  return { ...value, [key]: inner };
}
const turns = fc.array(fc.nat(20), { minLength: 1, maxLength: 7 });
const junk = fc.oneof(
  fc.constantFrom<unknown>(null, "", 0, -1, [], {}, [null], true, "$".concat("{X}"), "{{", "a: b", 1e300),
  fc.jsonValue({ maxDepth: 2 }),
);

it.each<[string, unknown, (content: unknown) => { problems: readonly { field: string }[] }]>([
  [
    "alertmanager.yml",
    parseDocument(fixture("alertmanager.yml")).toJS(),
    (content) => importAlertmanager(stringify(content), options),
  ],
  [
    "oncall.json",
    JSON.parse(fixture("oncall.json")),
    (content) => importOnCall(JSON.stringify(content), options),
  ],
  [
    "openslo.yaml",
    parseAllDocuments(fixture("openslo.yaml")).map((document) => document.toJS() as unknown),
    (content) =>
      importOpenSlo(
        Array.isArray(content) ? content.map((one) => stringify(one)).join("---\n") : stringify(content),
      ),
  ],
])("%s with anything in any place is read or refused by a field", (_name, whole, read) => {
  expect(read(whole).problems).toEqual([]);
  fc.assert(
    fc.property(turns, junk, (path, other) => {
      for (const { field } of read(withAnother(whole, path, other)).problems) expect(field).not.toBe("");
    }),
    { numRuns: 150 },
  );
});
