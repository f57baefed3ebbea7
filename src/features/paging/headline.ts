/** A page's line on a lock screen: what a phone shows of it must say the whole. Pure. */
import { cut, plainText } from "../../platform/messages/blocks.ts";

/** Characters that a phone shows of a notification before it is opened. */
const lockScreenChars = 80;

/** Fewer of a suspect say nothing: `. Suspect payments`. */
const suspectCharsMin = 20;

const suspect = /^Suspect\b/;
const verbs = /^Ack\b/;
const count = /^(\d+) more (services?) hit$/;

/**
 * A page's line shortened by what can be missed first: verbs (they are buttons), who made the suspect, the long way to
 * count services, the suspect's time, other sentences, the count, what stands in brackets, the first sentence's last
 * clauses, the end of the suspect. A line that fits is not touched.
 *
 * `PAGE shop: checkout errors 9 %, burn 90x. Suspect 1: shop v42, 02:58, by ci (@author). 11 more services hit. Ack / Roll back`
 * → `PAGE shop: checkout errors 9 %, burn 90x. Suspect shop v42, 02:58. +11 services`
 *
 * @param line plain text, sentences parted by a full stop and a blank
 */
export function headlineFor80(line: string, charsMax: number = lockScreenChars): string {
  const whole = line.replace(/\s+/g, " ").trim();
  if (charsIn(whole) <= charsMax) return whole;
  let parts: readonly string[] = whole.replace(/\.$/, "").split(/\. (?=\S)/);
  const fits = () => charsIn(parts.join(". ")) <= charsMax;
  for (const shorten of shortenings) {
    for (;;) {
      const shorter = shorten(parts);
      if (shorter === undefined) break;
      parts = shorter;
      if (fits()) return parts.join(". ").trim();
    }
  }
  const [first = ""] = parts;
  const isSuspectWorthIt = charsIn(first) <= charsMax - suspectCharsMin;
  return cut(isSuspectWorthIt ? parts.join(". ") : first, charsMax).trim();
}

const charsIn = (text: string): number => [...text].length;

/** Each takes one thing away; undefined when there is nothing of the kind. */
const shortenings: readonly ((parts: readonly string[]) => readonly string[] | undefined)[] = [
  (parts) => without(parts, (part) => verbs.test(part)),
  (parts) => withoutClause(parts, suspect, 2),
  (parts) => replaced(parts, count, (part) => part.replace(count, "+$1 $2")),
  (parts) => replaced(parts, /^Suspect \d+: /, (part) => part.replace(/^Suspect \d+: /, "Suspect ")),
  (parts) => withoutClause(parts, suspect, 1),
  (parts) => without(parts, (part, index) => index > 0 && !suspect.test(part) && !/^\+\d/.test(part)),
  (parts) => without(parts, (part) => /^\+\d/.test(part)),
  (parts) => replaced(parts, / \([^()]*\)$/, (part) => part.replace(/ \([^()]*\)$/, "")),
  (parts) => withoutClause(parts, /^/, 1),
];

function without(
  parts: readonly string[],
  matches: (part: string, index: number) => boolean,
): readonly string[] | undefined {
  const at = parts.findLastIndex(matches);
  return at < 0 ? undefined : parts.toSpliced(at, 1);
}

function replaced(
  parts: readonly string[],
  pattern: RegExp,
  shorter: (part: string) => string,
): readonly string[] | undefined {
  const at = parts.findIndex((part) => pattern.test(part));
  const part = parts[at];
  return part === undefined ? undefined : parts.with(at, shorter(part));
}

/** Without the last of the clauses of the first part that matches, while it has more than `keep`. */
function withoutClause(
  parts: readonly string[],
  pattern: RegExp,
  keep: number,
): readonly string[] | undefined {
  const at = parts.findIndex((part) => pattern.test(part));
  const clauses = parts[at]?.split(", ") ?? [];
  return clauses.length <= keep ? undefined : parts.with(at, clauses.slice(0, -1).join(", "));
}

/** A line of Slack's markup as plain text: for phones, which know no markup. */
export function plainLine(markup: string): string {
  return plainText(markup)
    .replace(/<[@#!]([^<>|]*)>/g, "@$1")
    .replaceAll("\u2060", "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
