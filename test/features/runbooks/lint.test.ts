import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { problemText } from "../../../src/catalog/problem.ts";
import { openLibrary } from "../../../src/features/runbooks/library.ts";
import { lintRunbooks } from "../../../src/features/runbooks/lint.ts";
import { folderOf, front, sampleCatalog } from "./support.ts";

const commands = ["rollback", "access request", "oncall"];
const lint = async (files: Record<string, string>): Promise<string[]> => {
  const catalog = await sampleCatalog();
  for (const service of catalog.services) service.runbooks = [];
  const dir = folderOf(files);
  return (await lintRunbooks(dir, catalog, commands)).map((problem) =>
    problemText(problem).replace(`${dir}/`, ""),
  );
};

it("is content with the runbooks shipped", async () => {
  expect(await lintRunbooks("runbooks", await sampleCatalog(), commands)).toEqual([]);
  expect((await openLibrary("runbooks").shelf()).runbooks.map(({ name }) => name)).toEqual([
    "database-saturated",
    "high-error-rate",
    "high-latency",
  ]);
});

it("counts lines as the file does, front matter included", async () => {
  expect(await lint({ "a.md": `${front("services: [shop]\n")}fine\n{{nope}}\n` })).toEqual([
    expect.stringMatching(/^a\.md:7: names "nope", which is not known/),
  ]);
});

it.each([
  ["no front matter", "# Steps", /^a\.md:1: has no front matter/],
  ["no owner", "---\ntitle: A\n---\nx", /^a\.md:\d: owner: is missing/],
  ["no title", "---\nowner: olive\n---\nx", /^a\.md:\d: title: is missing/],
  [
    "an owner nobody knows",
    "---\ntitle: A\nowner: olve\n---\nx",
    /^a\.md:3: owner: names "olve".*Did you mean olive/,
  ],
  [
    "a service that is not",
    `${front("services: [shp]\n")}x`,
    /^a\.md:4: services.0: names service "shp".*shop/,
  ],
  [
    "a signal that is not",
    `${front("services: [shop]\nsignals: [error-rate]\n")}x`,
    /^a\.md:5: signals: names signal "error-rate".*error-ratio/,
  ],
  ["an unknown field", `${front("signal: [x]\n")}x`, /^a\.md:4: signal: is not a field of a runbook/],
  ["YAML that cannot be read", "---\ntitle: [\n---\nx", /^a\.md:\d: is not valid YAML/],
  ["no steps", front(), /^a\.md:\d: has no steps/],
  [
    "a command that is not",
    `${front()}{{action "rolback" service}}`,
    /^a\.md:5: has an action "rolback".*rollback/,
  ],
  [
    "an input that Quarterdeck fills in",
    `${front("inputs: { service: x }\n")}x`,
    /is filled in by Quarterdeck itself/,
  ],
  [
    "a verifier nobody knows",
    `${front("verified: { on: 2026-01-01, by: olve }\n")}x`,
    /^a\.md:4: verified.by: names "olve"/,
  ],
])("names the line of %s", async (_what, text, words) => {
  expect((await lint({ "a.md": text }))[0]).toMatch(words);
});

it("says when a verb of the command is taken as a name, and when a service lists a runbook without a file", async () => {
  expect(await lint({ "verify.md": `${front()}x` })).toEqual([expect.stringContaining('"verify" is a verb')]);
  const catalog = await sampleCatalog();
  const found = await lintRunbooks(folderOf({ "high-errors.md": `${front()}x` }), catalog);
  expect(found.map(problemText)).toEqual([
    expect.stringMatching(
      /services\.shop\.runbooks: names runbook "high-error-rate", which has no file here; Did you mean high-errors\?/,
    ),
  ]);
});

it("says which setting to change when the folder is not there", async () => {
  const { problems } = await openLibrary("/nowhere/runbooks").shelf();
  expect(problems[0]?.message).toContain("set RUNBOOKS_PATH");
});

it("reads a file again once it has changed, and keeps the others", async () => {
  const dir = folderOf({ "a.md": `${front()}one`, "b.md": `${front()}same` });
  const library = openLibrary(dir);
  const before = (await library.shelf()).runbooks;
  writeFileSync(join(dir, "a.md"), `${front()}two`);
  utimesSync(join(dir, "a.md"), new Date(), new Date(Date.now() + 5_000));
  const after = (await library.shelf()).runbooks;
  expect(after[0]?.steps).toBe("two");
  expect(after[1]).toBe(before[1]);
});
