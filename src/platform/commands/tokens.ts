/** A typed line as words, the way phones, Macs and Slack send it. */

export interface Token {
  /** The word without its quotes, curly quotes made straight only in that they count as quotes. */
  text: string;
  /** As typed. */
  raw: string;
  isQuoted: boolean;
}

/** A word that starts like a flag. `isDash`: typed with an en or em dash, so it may be mere punctuation. */
export interface FlagWord {
  /** Camel case: `--dry-run` is `dryRun`. */
  name: string;
  /** As typed behind the dashes. */
  shown: string;
  /** Behind `=`, if any. */
  value: string | undefined;
  isDash: boolean;
}

const doubleQuotes = '"“”„‟';
const singleQuotes = "'‘’‚‛";

/**
 * Splits at white space. A quote opens only at the start of a word (or behind `=`) and only when its like closes
 * it at the end of a word: an apostrophe stays an apostrophe. Slack's `<@U1|Olive Okafor>` stays one word.
 */
export function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  while (position < line.length) {
    if (isSpace(line[position])) {
      position += 1;
      continue;
    }
    const token = quotedAt(line, position) ?? plainAt(line, position);
    tokens.push(token);
    position += token.raw.length;
  }
  return tokens;
}

function quotedAt(line: string, start: number): Token | undefined {
  const end = closingQuote(line, start);
  if (end === undefined) return undefined;
  return { text: line.slice(start + 1, end), raw: line.slice(start, end + 1), isQuoted: true };
}

/** Index of the quote that closes the one at `start`; undefined when there is none there or nothing inside. */
function closingQuote(line: string, start: number): number | undefined {
  const opening = line[start] ?? " ";
  const alike = doubleQuotes.includes(opening)
    ? doubleQuotes
    : singleQuotes.includes(opening)
      ? singleQuotes
      : undefined;
  if (alike === undefined) return undefined;
  for (let index = start + 1; index < line.length; index += 1) {
    if (!alike.includes(line[index] ?? " ") || !(index + 1 === line.length || isSpace(line[index + 1])))
      continue;
    return line.slice(start + 1, index).trim() === "" ? undefined : index;
  }
  return undefined;
}

function plainAt(line: string, start: number): Token {
  let index = start;
  let quotedFrom: number | undefined;
  while (index < line.length && !isSpace(line[index])) {
    const escapeEnd = slackEscapeEnd(line, index);
    if (escapeEnd !== undefined) {
      index = escapeEnd;
      continue;
    }
    const closing = line[index] === "=" ? closingQuote(line, index + 1) : undefined;
    if (closing !== undefined) {
      quotedFrom = index + 1;
      index = closing + 1;
      break;
    }
    index += 1;
  }
  const raw = line.slice(start, index);
  if (quotedFrom === undefined) return { text: raw, raw, isQuoted: false };
  return {
    text: line.slice(start, quotedFrom) + line.slice(quotedFrom + 1, index - 1),
    raw,
    isQuoted: false,
  };
}

/** End of a Slack escape (`<@U1|name>`, `<#C1|name>`, `<https://…>`) that starts here. */
function slackEscapeEnd(line: string, start: number): number | undefined {
  const found = /^<(?:[@#!]|https?:|mailto:)[^<>\n]{0,500}>/.exec(line.slice(start, start + 510));
  return found === null ? undefined : start + found[0].length;
}

/** Reads a token as a flag: `--since`, `—since` (phones make one dash of two), `--since=24h`. */
export function flagWord(token: Token): FlagWord | undefined {
  if (token.isQuoted) return undefined;
  const match = /^(--|[–—―]-?)([A-Za-z][A-Za-z0-9-]*)(?:=(.*))?$/s.exec(token.text);
  if (match === null) return undefined;
  const [, dashes = "", shown = "", value] = match;
  return { name: camelCase(shown.toLowerCase()), shown, value, isDash: dashes !== "--" };
}

export const kebabCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const camelCase = (name: string) =>
  name.replace(/-+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()).replace(/-+$/, "");

const isSpace = (char: string | undefined) => char !== undefined && /\s/u.test(char);

/** Characters that steer or hide instead of showing: controls, zero width, bidi. */
const unseen = /[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\p{Cc}]/gu;

/**
 * Words as one line of plain text: Slack's escapes and entities undone, unseen characters removed. It is escaped
 * again where it leaves.
 */
export function plainText(tokens: readonly Token[]): string {
  const [only] = tokens;
  const typed = tokens.length === 1 && only?.isQuoted ? only.text : tokens.map(({ raw }) => raw).join(" ");
  return typed
    .replace(
      /<([@#])([A-Z0-9]+)(?:\|([^<>]*))?>/g,
      (_, mark: string, id: string, name?: string) => mark + (name || id),
    )
    .replace(/<((?:https?|mailto):[^<>|]*)(?:\|[^<>]*)?>/g, "$1")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&")
    .replace(unseen, "")
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .trim();
}
