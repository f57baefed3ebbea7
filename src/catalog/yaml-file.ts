/** One YAML file as plain data, with a way back from a field to its line. */
import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar, visit } from "yaml";
import { interpolate, type Variables } from "./interpolate.ts";
import type { Problem } from "./problem.ts";

export type FieldPath = readonly PropertyKey[];

export interface YamlFile {
  file: string;
  content: unknown;
  /** Line of a field; of its nearest parent when the field is missing. */
  lineOf(path: FieldPath): number;
  /** The path as people read it: entries of lists by their name or id. */
  fieldOf(path: FieldPath): string;
}

/** Aliases are shorthand; more than this many is a bomb. */
const aliasCountMax = 100;

/** Parses and fills in variables. Problems are of the file's form, not of its meaning. */
export function readYaml(
  file: string,
  text: string,
  variables: Variables,
): YamlFile | { problems: Problem[] } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true });
  const lineAt = (offset: number) => Math.max(1, lineCounter.linePos(offset).line);
  // The first error is the cause; those behind it are its echoes.
  const [first] = document.errors;
  if (first !== undefined) {
    const line = lineAt(first.pos[0]);
    const isVariableInBraces = /[{,[].*\$\{/.test(text.split("\n")[line - 1] ?? "");
    const hint = isVariableInBraces ? "; inside { } and [ ] write variables in quotes" : "";
    const message = `is not valid YAML: ${first.message.split("\n")[0]}${hint}`;
    return { problems: [{ file, line, field: "", message }] };
  }
  const problems: Problem[] = [];

  visit(document, {
    Scalar(key, node) {
      if (key === "key" || typeof node.value !== "string" || !node.value.includes("${")) return;
      const { text: filled, errors } = interpolate(node.value, variables);
      const line = lineAt(node.range?.[0] ?? 0);
      for (const message of errors) problems.push({ file, line, field: "", message });
      // A plain scalar that was nothing but variables reads as what it became: a number or a boolean.
      node.value = node.type === Scalar.PLAIN ? asPlain(filled) : filled;
    },
  });
  if (problems.length > 0) return { problems };

  const root = document.contents as Node | null;
  try {
    const content: unknown = document.toJS({ maxAliasCount: aliasCountMax }) ?? {};
    return {
      file,
      content,
      lineOf: (path) => lineAt(offsetOf(root, path)),
      fieldOf: (path) => fieldText(content, path),
    };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return {
      problems: [
        { file, line: 1, field: "", message: `cannot be read: ${message}; write it without aliases` },
      ],
    };
  }
}

function asPlain(text: string): string | number | boolean {
  if (/^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?$/.test(text)) return Number(text);
  if (text === "true" || text === "false") return text === "true";
  return text;
}

/** Offset of the key (or list entry) a path leads to, as far as it can be followed. */
function offsetOf(root: Node | null, path: FieldPath): number {
  let node: unknown = root;
  let offset = startOf(root) ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      // A list of one may be written without the list.
      if (step === 0) continue;
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === step);
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

function fieldText(content: unknown, path: FieldPath): string {
  const words: string[] = [];
  let value = content;
  for (const step of path) {
    const isEntry = Array.isArray(value);
    // A list of one may be written without the list.
    if (step === 0 && !isEntry && typeof value === "object" && value !== null) continue;
    value =
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined;
    words.push((isEntry ? nameOf(value) : undefined) ?? String(step));
  }
  return words.join(".");
}

function nameOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { name, id } = value as { name?: unknown; id?: unknown };
  // A person has both; the id is what others refer to.
  if (typeof id === "string") return id;
  return typeof name === "string" ? name : undefined;
}
