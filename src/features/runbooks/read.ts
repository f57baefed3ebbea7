/** One runbook file: YAML front matter, then steps. */
import { z } from "zod";
import { durationOr, labelMatchersField, nameField, urlField, wordsField } from "../../catalog/fields.ts";
import type { Problem } from "../../catalog/problem.ts";
import { readYaml, type YamlFile } from "../../catalog/yaml-file.ts";
import { knownVariables, readTemplate, type Template } from "./template.ts";

/** Steps past this many characters are a book. */
const fileCharsMax = 60_000;
/** Verbs of the command; a runbook of that name could not be asked for. */
const reservedNames: readonly string[] = ["verify", "helped", "outdated"];

const inputNameField = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,40}$/, "must be a lower-case word, so that it can be typed as name=value")
  .refine(
    (name) => !(knownVariables as readonly string[]).includes(name),
    "is filled in by Quarterdeck itself; take another name",
  );

const frontSchema = z.strictObject({
  title: wordsField.max(80),
  /** A person id or a team of the catalog: answers for the runbook, is told when it is outdated. */
  owner: nameField.optional(),
  /** Services it is for; any when left out. */
  services: z.array(nameField).max(50).default([]),
  /** Names of alerts it is for. */
  alerts: z.array(z.string().min(1).max(200)).max(50).default([]),
  /** Or labels an alert must have. */
  labels: labelMatchersField.default({}),
  /** Signals by name, or golden ones by kind (errors, latency, traffic, saturation, kpi), the telling ones first. */
  signals: z.array(nameField).max(40).default([]),
  /** Signal drawn; the first when left out. */
  chart: nameField.optional(),
  /** How far back signals look. */
  window: durationOr("5m"),
  /** Values a person may give as name=value, with what each is. */
  inputs: z.record(inputNameField, wordsField).default({}),
  /** Where the file is edited. */
  source: urlField.optional(),
  /** The last verification before Quarterdeck knew the runbook. */
  verified: z.strictObject({ on: z.iso.date("must be a day such as 2026-01-31"), by: nameField }).optional(),
});
export type FrontMatter = z.output<typeof frontSchema>;

export interface Runbook {
  /** The file's name without `.md`. */
  name: string;
  file: string;
  front: FrontMatter;
  /** Steps as written. */
  steps: string;
  /** Undefined when the steps have a problem: they are then shown as written. */
  template: Template | undefined;
  /** Line of a front matter field, for problems only a catalog can show. */
  lineOf: YamlFile["lineOf"];
}

/** Front matter that cannot be read leaves no runbook; steps that cannot be read leave one that shows them raw. */
export function readRunbook(
  file: string,
  name: string,
  text: string,
): { runbook?: Runbook; problems: Problem[] } {
  const at = (line: number, message: string, field = ""): Problem => ({ file, line, field, message });
  const wrongName = nameProblem(name);
  if (wrongName) return { problems: [at(1, wrongName)] };
  if (text.length > fileCharsMax)
    return { problems: [at(1, `has ${text.length} characters, more than ${fileCharsMax}; split it`)] };

  const rows = text
    .replace(/^\ufeff/, "")
    .replaceAll("\r\n", "\n")
    .split("\n");
  const end =
    rows[0]?.trimEnd() === "---" ? rows.findIndex((row, index) => index > 0 && row.trimEnd() === "---") : -1;
  if (end < 0)
    return { problems: [at(1, "has no front matter; begin with ---, title and owner, and another ---")] };
  // Blank lines in place of what is cut out, so that every problem names the file's own line.
  const yaml = readYaml(file, ["", ...rows.slice(1, end)].join("\n"), {});
  if ("problems" in yaml) return { problems: yaml.problems };
  const front = frontSchema.safeParse(yaml.content);
  if (!front.success)
    return {
      problems: front.error.issues.flatMap((issue) =>
        issue.code === "unrecognized_keys"
          ? issue.keys.map((key) =>
              at(
                yaml.lineOf([...issue.path, key]),
                `is not a field of a runbook; there is ${Object.keys(frontSchema.shape).join(", ")}`,
                key,
              ),
            )
          : [at(yaml.lineOf(issue.path), issueText(issue), yaml.fieldOf(issue.path))],
      ),
    };

  const steps = rows
    .slice(end + 1)
    .join("\n")
    .trim();
  const read = readTemplate(
    [...rows.slice(0, end + 1).fill(""), ...rows.slice(end + 1)].join("\n"),
    Object.keys(front.data.inputs),
  );
  const problems = read.ok ? [] : read.problems.map(({ line, message }) => at(line, message));
  if (steps === "") problems.push(at(end + 1, "has no steps; write what to do first"));
  return {
    runbook: {
      name,
      file,
      front: front.data,
      steps,
      template: read.ok ? read.template : undefined,
      lineOf: yaml.lineOf,
    },
    problems,
  };
}

function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_key") return issue.issues[0]?.message ?? issue.message;
  return issue.input === undefined && /undefined$/.test(issue.message) ? "is missing; add it" : issue.message;
}

function nameProblem(name: string): string | undefined {
  const checked = nameField.safeParse(name);
  if (!checked.success) return `its name ${checked.error.issues[0]?.message ?? "cannot be typed"}`;
  return reservedNames.includes(name)
    ? `"${name}" is a verb of the runbook command; rename the file`
    : undefined;
}
