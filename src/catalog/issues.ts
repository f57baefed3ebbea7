/** zod's issues in words that say what to do. */
import { closest } from "fastest-levenshtein";
import type { z } from "zod";
import type { Problem } from "./problem.ts";
import { catalogFileSchema } from "./schema.ts";
import type { YamlFile } from "./yaml-file.ts";

type Issue = z.core.$ZodIssue;

/** Checks one file's content; answers what it declares, or every problem with its line. */
export function readContent(
  source: YamlFile,
): { content: z.output<typeof catalogFileSchema> } | { problems: Problem[] } {
  const parsed = catalogFileSchema.safeParse(source.content);
  if (parsed.success) return { content: parsed.data };
  return { problems: parsed.error.issues.flatMap((issue) => problemsOf(source, issue)) };
}

function problemsOf(source: YamlFile, issue: Issue): Problem[] {
  const at = (path: readonly PropertyKey[], message: string): Problem => ({
    file: source.file,
    line: source.lineOf(path),
    field: source.fieldOf(path),
    message,
  });
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => at([...issue.path, key], unknownKey(issue.path, key)));
  }
  return [at(issue.path, wordsOf(issue))];
}

function unknownKey(path: readonly PropertyKey[], key: string): string {
  const known = path.length === 0 ? Object.keys(catalogFileSchema.shape) : [];
  const nearest =
    known.length > 0 ? `; did you mean ${closest(key, known)}?` : "; remove it or fix its spelling";
  return `is not a field of the catalog here${nearest}`;
}

function wordsOf(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      // With a message of its own a missing field would not say that it is missing.
      if (issue.input === undefined && /received undefined$/.test(issue.message)) return "is missing; add it";
      return issue.message.startsWith("Invalid input")
        ? `must be ${article(issue.expected)}; fix its type`
        : issue.message;
    case "invalid_value":
      return `must be one of ${issue.values.join(", ")}`;
    case "invalid_union":
      return unionWords(issue);
    case "too_small":
    case "too_big":
      return /^Too (small|big)/.test(issue.message) ? boundWords(issue) : issue.message;
    default:
      return issue.message;
  }
}

function unionWords(issue: Extract<Issue, { code: "invalid_union" }>): string {
  const { options } = issue as { options?: readonly unknown[] };
  if (options !== undefined) return `must be one of ${options.join(", ")}`;
  return issue.message === "Invalid input"
    ? "has none of the forms allowed here; see the catalog reference"
    : issue.message;
}

function boundWords(issue: Extract<Issue, { code: "too_small" | "too_big" }>): string {
  const bound = issue.code === "too_small" ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
  switch (issue.origin) {
    case "array":
      return `must have ${bound} entries`;
    case "string":
      return `must have ${bound} characters`;
    default:
      return `must be ${bound}`;
  }
}

function article(expected: string): string {
  const noun =
    expected === "array" ? "list" : expected === "object" || expected === "record" ? "map" : expected;
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}
