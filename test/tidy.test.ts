import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

interface Rule {
  name: string;
  /** What must not stand there. */
  pattern: RegExp;
  /** Files the rule is about, and those it leaves out, with the reason beside. */
  files: RegExp;
  except?: RegExp;
  cure: string;
}

const rules: Rule[] = [
  {
    name: "reads the environment in config alone",
    pattern: /\bprocess\.env\b/,
    files: /^src\//,
    except: /^src\/config\//,
    cure: "Add the variable to src/config/config.ts with a description and take it from Settings.",
  },
  {
    name: "asks the wall clock in the clock alone",
    pattern: /\bDate\.now\(\)|\bnew Date\(\)/,
    files: /^src\//,
    // The command line and the demo are outside: they hand the moment in, or look on as a person does.
    except: /^src\/(platform\/clock\.ts|cli\/|sandbox\/demo\/|sandbox\/workspace\/page\/)/,
    cure: "Take `now` as a value, or ask the Clock you were given.",
  },
  {
    name: "has its randomness handed in",
    pattern: /\bMath\.random\(\)/,
    files: /^src\//,
    cure: "Take `random: () => number` as a part; app.ts hands it in.",
  },
  {
    name: "keeps the types honest",
    pattern: /@ts-(ignore|nocheck|expect-error)|\bas any\b/,
    files: /^(src|test|scripts)\//,
    cure: "Give it its type.",
  },
  {
    name: "leaves nothing for later",
    pattern: /\b(TODO|FIXME|XXX|HACK)\b/,
    files: /^(src|test|scripts|docs)\//,
    cure: "Do it, or leave it out.",
  },
  {
    name: "skips and singles out no test",
    pattern: /\b(it|test|describe)\.(skip|only|todo)\b/,
    files: /^test\//,
    cure: "Mend the test or delete it; for what needs a service, requireService with runIf.",
  },
  {
    name: "prints nothing but through the log or the command line",
    pattern: /\bconsole\.(log|info|warn|error|debug)\(/,
    files: /^src\/.*\.ts$/,
    cure: "Take the Log you were given, or write to stdout in src/cli.",
  },
];

/** Lines a file may have before it must be two. */
const linesMax = 400;

const self = "test/tidy.test.ts";
const files = ["src", "test", "scripts", "docs"]
  .filter((folder) => existsSync(folder))
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  )
  .filter((name) => /\.(ts|js|mjs|cjs|md)$/.test(name) && name !== self)
  .map((name) => ({ name, lines: readFileSync(name, "utf8").split("\n") }));

const inQuestion = (rule: Rule) =>
  files.filter(({ name }) => rule.files.test(name) && !rule.except?.test(name));

/** Comments may name what the code must not do. */
const codeOf = (line: string) => line.replace(/^\s*(\*|\/\*\*?|\/\/).*$/, "").replace(/\s\/\/ .*$/, "");

describe.each(rules)("the project $name", (rule) => {
  it("in every file", () => {
    expect(inQuestion(rule).length).toBeGreaterThan(0);
    const isAboutComments = /TODO|ts-/.test(rule.pattern.source);
    const found = inQuestion(rule).flatMap(({ name, lines }) =>
      lines.flatMap((line, index) =>
        rule.pattern.test(isAboutComments ? line : codeOf(line))
          ? [`${name}:${index + 1}: ${rule.cure}`]
          : [],
      ),
    );
    expect(found).toEqual([]);
  });
});

it("the project has no source file that is two things", () => {
  const long = files
    .filter(({ name, lines }) => /^src\/.*\.ts$/.test(name) && lines.length > linesMax)
    .map(
      ({ name, lines }) =>
        `${name}:${linesMax}: has ${lines.length} lines; the names of its two things are the two files`,
    );
  expect(long).toEqual([]);
});

it("the platform knows no feature", () => {
  // Ids have a letter each and examples in comments name things; code does not.
  const nouns = /\b(rollouts?|tickets?|runbooks?|grants?|incidents?|freezes?)\b/i;
  const found = files
    .filter(({ name }) => name.startsWith("src/platform/") && name !== "src/platform/ids.ts")
    .flatMap(({ name, lines }) =>
      lines.flatMap((line, index) =>
        nouns.test(codeOf(line)) && !/\bgrant\b.*\b(on|to)\b|sql`/.test(line)
          ? [`${name}:${index + 1}: says it in the platform's words, or moves to the feature`]
          : [],
      ),
    );
  expect(found).toEqual([]);
});
