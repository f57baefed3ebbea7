/** One line of text → one command with its arguments, for all doors. */
import { allow, type Decision, type Refusal, refuse } from "../refusal.ts";
import type { GrammarContext } from "./context.ts";
import { placeholder } from "./help.ts";
import { nearest, suggestion } from "./nearest.ts";
import { type CommandIndex, exampleText, indexCommands, resolveCommand } from "./resolve.ts";
import {
  type ArgPart,
  type CommandSpec,
  type ParsedLine,
  partsOf,
  type Shape,
  type StandardFlags,
} from "./spec.ts";
import { flagWord, kebabCase, type Token, tokenize } from "./tokens.ts";
import { readValue } from "./values.ts";

export type { GrammarContext } from "./context.ts";

/** Longest line read, in characters: what Slack lets people type in one message. */
export const lineLengthMax = 4_000;

/**
 * Reads a line. Never throws for what was typed. Refusals name the word that is wrong, the nearest that is
 * right, and one example. Who may run the command is decided elsewhere.
 */
export function parseLine(
  text: string,
  commands: readonly CommandSpec[] | CommandIndex,
  context: GrammarContext,
): Decision<ParsedLine> {
  if (text.length > lineLengthMax) {
    return refuse({
      rule: "line-too-long",
      message: `The line has ${text.length} characters; at most ${lineLengthMax} are read.`,
      hint: "Shorten it.",
    });
  }
  const resolved = resolveCommand(
    tokenize(text),
    "byName" in commands ? commands : indexCommands(commands),
    context,
  );
  if (!resolved.ok) return resolved;
  const { spec, tokens, verbs } = resolved.value;

  const flags = takeFlags(spec, tokens, context);
  if (!flags.ok) return flags;
  const { values: flagValues, words } = flags.value;
  const line = { spec, flags: flagValues };
  if (words.length === 0 && spec.opensModal && context.hasModals)
    return allow({ ...line, args: {}, echo: flags.value.echo, isBare: true });

  const args = fillPositions(spec, words, verbs, context);
  if (!args.ok) return args;
  const checked = checkShape(spec, spec.args, args.value.values);
  if (!checked.ok) return checked;
  return allow({
    ...line,
    args: checked.value,
    echo: [...args.value.echo, ...flags.value.echo],
    isBare: false,
  });
}

interface TakenFlags {
  values: StandardFlags & Record<string, unknown>;
  words: Token[];
  echo: string[];
}

const standardFlags = ["dryRun", "yes"] as const;
const isStandard = (name: string): name is (typeof standardFlags)[number] =>
  name === "dryRun" || name === "yes";

/** Takes flags and their values out of the words, wherever they stand. */
function takeFlags(
  spec: CommandSpec,
  tokens: readonly Token[],
  context: GrammarContext,
): Decision<TakenFlags> {
  const parts = partsOf(spec.flags);
  const names = [...parts.map(({ name }) => name), ...(spec.acts ? standardFlags : [])];
  const standard: StandardFlags = { dryRun: false, yes: false };
  const given: Record<string, unknown> = {};
  const seen = new Set<string>();
  const words: Token[] = [];
  const echo: string[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index] as Token;
    if (token.text === "--" && !token.isQuoted) {
      // Behind a bare -- nothing is a flag.
      words.push(...tokens.slice(index + 1).map((word) => ({ ...word, isQuoted: true, text: word.text })));
      break;
    }
    const flag = flagWord(token);
    if (flag === undefined || (flag.isDash && !names.includes(flag.name))) {
      // A dash before a word that names no flag is punctuation.
      words.push(token);
      continue;
    }
    const said = `--${kebabCase(flag.name)}`;
    if (!names.includes(flag.name)) return refuseFlag(spec, flag.name, names);
    if (seen.has(flag.name))
      return refuse({ rule: "flag-twice", message: `${said} stands twice.`, hint: "Write it once." });
    seen.add(flag.name);
    const part = parts.find(({ name }) => name === flag.name);
    if (part === undefined || part.meta.kind === "switch") {
      if (flag.value !== undefined)
        return refuse({ rule: "flag-value", message: `${said} takes no value.`, hint: `Write ${said}.` });
      if (isStandard(flag.name)) standard[flag.name] = true;
      else given[flag.name] = true;
      continue;
    }
    const behind = tokens.slice(index + 1);
    const valueTokens =
      flag.value === undefined ? behind : [{ text: flag.value, raw: flag.value, isQuoted: true }];
    const [value] = valueTokens;
    if (value === undefined || value.text === "" || flagWord(value) !== undefined) {
      return refuse({
        rule: "missing-value",
        message: `${said} needs a value.`,
        hint: `${said} ${placeholder(part)}. ${exampleText(spec)}`,
      });
    }
    const found = readValue(part.meta, part.meta.kind === "rest" ? [value] : valueTokens, context);
    if (!found.ok) return withPlace(found.refusal, said, spec);
    given[flag.name] = found.value.value;
    echo.push(...found.value.echo.map((filled) => `${said}: ${filled}`));
    if (flag.value === undefined) index += found.value.wordCount;
  }
  const checked = checkShape(spec, spec.flags, given);
  return checked.ok ? allow({ values: { ...checked.value, ...standard }, words, echo }) : checked;
}

function refuseFlag(spec: CommandSpec, name: string, names: readonly string[]): Decision<never> {
  const said = `--${kebabCase(name)}`;
  if (isStandard(name)) {
    return refuse({
      rule: "nothing-to-confirm",
      message: `${spec.name} only shows: ${said} has no meaning here.`,
      hint: "Leave it out.",
    });
  }
  const hint = suggestion(
    said,
    names.map((known) => `--${kebabCase(known)}`),
  );
  return refuse({
    rule: "unknown-flag",
    message: `${spec.name} has no flag ${said.slice(0, 60)}.`,
    hint: `${hint} ${exampleText(spec)}`.trim(),
  });
}

interface FilledPositions {
  values: Record<string, unknown>;
  echo: string[];
}

/**
 * Gives each word to the first open position that can read it. Optional positions may be passed over and filled
 * later (`runbook high-error-rate shop`); a required one may not.
 */
function fillPositions(
  spec: CommandSpec,
  words: readonly Token[],
  verbs: readonly string[],
  context: GrammarContext,
): Decision<FilledPositions> {
  const parts = partsOf(spec.args);
  const values: Record<string, unknown> = {};
  const echo: string[] = [];
  const pairs = takePairs(parts, words);
  if (!pairs.ok) return pairs;
  Object.assign(values, pairs.value.values);
  let left: readonly Token[] = pairs.value.words;
  const open = parts.filter(({ meta }) => meta.kind !== "pairs");
  while (left.length > 0) {
    const candidates = reachable(open);
    let refusal: Refusal | undefined;
    let taken: ArgPart | undefined;
    for (const part of candidates) {
      const found = readValue(part.meta, left, context);
      if (found.ok) {
        values[part.name] = found.value.value;
        echo.push(...found.value.echo);
        left = left.slice(found.value.wordCount);
        taken = part;
        break;
      }
      refusal ??= found.refusal;
    }
    if (taken === undefined) return refuseWord(spec, left[0] as Token, refusal, candidates[0], verbs);
    open.splice(open.indexOf(taken), 1);
  }
  const missing = open.find(({ isOptional }) => !isOptional);
  if (missing !== undefined) {
    return refuse({
      rule: "missing-argument",
      message: `${spec.name} needs ${placeholder(missing)}.`,
      hint: exampleText(spec),
    });
  }
  return allow({ values, echo });
}

/** Open positions up to and with the first required one. */
function reachable(open: readonly ArgPart[]): readonly ArgPart[] {
  const required = open.findIndex(({ isOptional }) => !isOptional);
  return required < 0 ? open : open.slice(0, required + 1);
}

function refuseWord(
  spec: CommandSpec,
  token: Token,
  refusal: Refusal | undefined,
  part: ArgPart | undefined,
  verbs: readonly string[],
): Decision<never> {
  // A noun without a verb was taken as show: the word may be a mistyped verb.
  const verb = nearest(token.text, verbs);
  if (verb !== undefined) {
    const noun = spec.name.split(" ")[0];
    return refuse({
      rule: "unknown-verb",
      message: `"${token.text}" is not a verb of ${noun}.`,
      hint: `Did you mean ${noun} ${verb}?`,
    });
  }
  if (refusal !== undefined && part !== undefined) return withPlace(refusal, placeholder(part), spec);
  return refuse({
    rule: "word-too-many",
    message: `"${token.text.slice(0, 60)}" is one word too many for ${spec.name}.`,
    hint: exampleText(spec),
  });
}

function withPlace(refusal: Refusal, place: string, spec: CommandSpec): Decision<never> {
  const message = `${place}: ${refusal.message}`;
  return refuse({
    ...refusal,
    message,
    hint: [refusal.hint, exampleText(spec)].filter((part) => part !== "").join(" "),
  });
}

const pairPattern = /^([A-Za-z_][A-Za-z0-9_.-]{0,62})=(.*)$/s;

function takePairs(
  parts: readonly ArgPart[],
  words: readonly Token[],
): Decision<{ values: Record<string, unknown>; words: readonly Token[] }> {
  const part = parts.find(({ meta }) => meta.kind === "pairs");
  if (part === undefined) return allow({ values: {}, words });
  const pairs = new Map<string, string>();
  const others: Token[] = [];
  for (const word of words) {
    const [, key, value] = (word.isQuoted ? null : pairPattern.exec(word.text)) ?? [];
    if (key === undefined || value === undefined) {
      others.push(word);
      continue;
    }
    if (pairs.has(key))
      return refuse({ rule: "key-twice", message: `${key}= stands twice.`, hint: "Write it once." });
    pairs.set(key, value);
  }
  return allow({ values: pairs.size > 0 ? { [part.name]: Object.fromEntries(pairs) } : {}, words: others });
}

function checkShape(
  spec: CommandSpec,
  shape: Shape,
  values: Record<string, unknown>,
): Decision<Record<string, unknown>> {
  const parsed = shape.safeParse(values);
  if (parsed.success) return allow(parsed.data);
  const [issue] = parsed.error.issues;
  return refuse({
    rule: "argument-out-of-bounds",
    message: `${issue?.path.join(".") ?? spec.name}: ${issue?.message ?? "cannot be used"}.`,
    hint: exampleText(spec),
  });
}
