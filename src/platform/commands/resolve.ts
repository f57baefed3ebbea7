/** The first words of a line → the command they name. */
import type { Decision } from "../refusal.ts";
import { allow, refuse } from "../refusal.ts";
import type { GrammarContext } from "./context.ts";
import { nearest } from "./nearest.ts";
import { type CommandSpec, partsOf } from "./spec.ts";
import { flagWord, plainText, type Token } from "./tokens.ts";
import { readValue } from "./values.ts";

/** Commands by their names, made once and asked at every line. */
export interface CommandIndex {
  specs: readonly CommandSpec[];
  byName: ReadonlyMap<string, CommandSpec>;
  /** First words of the names. */
  nouns: readonly string[];
}

export function indexCommands(specs: readonly CommandSpec[]): CommandIndex {
  const byName = new Map<string, CommandSpec>();
  for (const spec of specs)
    for (const name of [spec.name, ...(spec.aliases ?? [])]) byName.set(name.toLowerCase(), spec);
  const nouns = [
    ...new Set([...byName.keys()].map((name) => name.split(" ")[0] ?? "").filter((name) => name !== "")),
  ];
  return { specs, byName, nouns };
}

export interface Resolved {
  spec: CommandSpec;
  /** The line without the command's own words. */
  tokens: Token[];
  /** Verbs the noun has, when it was named without one: a mistyped verb reads as an argument. */
  verbs: readonly string[];
}

/** No verb means show; a noun without `show` says the same in its own words. */
const showVerbs = ["show", "status", "list"];
/** The command that a service or an id alone stands for. */
const showCommand = "status";

export function resolveCommand(
  tokens: readonly Token[],
  { specs, byName, nouns }: CommandIndex,
  context: GrammarContext,
): Decision<Resolved> {
  const verbsOf = (noun: string) =>
    [...byName.keys()]
      .filter((name) => name.startsWith(`${noun} `))
      .map((name) => name.slice(noun.length + 1));
  const without = (...used: number[]) => tokens.filter((_, index) => !used.includes(index));

  const words = commandWords(tokens);
  const [first] = words;
  if (first === undefined) {
    const home = byName.get("");
    return home === undefined
      ? unknownCommand("", nouns, specs)
      : allow({ spec: home, tokens: [...tokens], verbs: [] });
  }

  // A line may start with a flag, and the first word be its value: `--since 24h alerts shop`.
  const nounAt = words.slice(0, first.mayBeValue ? 2 : 1).find(({ word }) => nouns.includes(word));
  if (nounAt === undefined)
    return (
      shownAlone(first.token, tokens, byName, context) ?? unknownCommand(first.word, nouns, specs, context)
    );

  const noun = nounAt.word;
  const behind = words.slice(words.indexOf(nounAt) + 1);
  for (const [index, { word, at }] of behind.entries()) {
    if (index > 0 && !behind[index - 1]?.mayBeValue) break;
    const spec = byName.get(`${noun} ${word}`);
    if (spec !== undefined) return allow({ spec, tokens: without(nounAt.at, at), verbs: [] });
  }
  const verbs = verbsOf(noun);
  const shown = [noun, ...showVerbs.map((verb) => `${noun} ${verb}`)]
    .map((name) => byName.get(name))
    .find((spec) => spec !== undefined);
  if (shown !== undefined) return allow({ spec: shown, tokens: without(nounAt.at), verbs });
  return refuseVerb(noun, behind[0]?.word, verbs, byName);
}

interface CommandWord {
  token: Token;
  word: string;
  at: number;
  /** Right behind a flag: may be that flag's value and not a word of the command. */
  mayBeValue: boolean;
}

/** Words that are no flags, with their place. Three are enough: a flag's value, the noun, the verb. */
function commandWords(tokens: readonly Token[]): CommandWord[] {
  const words: CommandWord[] = [];
  tokens.forEach((token, at) => {
    if (flagWord(token) !== undefined) return;
    const before = tokens[at - 1];
    const flag = before === undefined ? undefined : flagWord(before);
    words.push({
      token,
      word: token.text.toLowerCase(),
      at,
      mayBeValue: flag !== undefined && flag.value === undefined,
    });
  });
  return words.slice(0, 4);
}

/** A service or an id alone is shown. */
function shownAlone(
  token: Token,
  tokens: readonly Token[],
  byName: ReadonlyMap<string, CommandSpec>,
  context: GrammarContext,
): Decision<Resolved> | undefined {
  const spec = byName.get(showCommand);
  const [target] = spec === undefined ? [] : partsOf(spec.args);
  if (
    spec === undefined ||
    target === undefined ||
    target.meta.kind === "rest" ||
    target.meta.kind === "pairs"
  )
    return undefined;
  return readValue(target.meta, [token], context).ok
    ? allow({ spec, tokens: [...tokens], verbs: [] })
    : undefined;
}

function unknownCommand(
  word: string,
  nouns: readonly string[],
  specs: readonly CommandSpec[],
  context?: GrammarContext,
): Decision<never> {
  const near = nearest(word, [...nouns, ...(context?.services.map(({ name }) => name) ?? [])]);
  const example =
    specs.find(({ name, aliases = [] }) =>
      [name, ...aliases].some((known) => known.split(" ")[0] === near),
    ) ?? specs[0];
  const shown = plainText([{ text: word, raw: word, isQuoted: true }]).slice(0, 60);
  return refuse({
    rule: "unknown-command",
    message: word === "" ? "Nothing was asked." : `"${shown}" is not a command.`,
    hint: [
      near === undefined ? "Write help for what there is." : `Did you mean ${near}?`,
      exampleText(example),
    ]
      .join(" ")
      .trim(),
  });
}

function refuseVerb(
  noun: string,
  word: string | undefined,
  verbs: readonly string[],
  byName: ReadonlyMap<string, CommandSpec>,
): Decision<never> {
  const near = word === undefined ? undefined : nearest(word, verbs);
  const example = exampleText(byName.get(`${noun} ${near ?? verbs[0]}`));
  return refuse({
    rule: "unknown-verb",
    message:
      word === undefined ? `${noun} needs a verb.` : `"${word.slice(0, 60)}" is not a verb of ${noun}.`,
    hint: `${near === undefined ? `There is ${verbs.join(", ")}.` : `Did you mean ${noun} ${near}?`} ${example}`.trim(),
  });
}

export function exampleText(spec: CommandSpec | undefined): string {
  return spec === undefined ? "" : `Example: ${spec.example}`;
}
