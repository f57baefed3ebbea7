/**
 * A ticket's words as Markdown for GitHub and GitLab. Text from outside stays text: it formats nothing, mentions
 * nobody, refers to nothing and runs no quick action. Pure.
 */
import type { Note, TicketContent } from "./contract.ts";

/** Stands between a sign and the word after it, so that no mention or reference is read; has no width. */
const joiner = "\u2060";

/**
 * Escapes one line: CommonMark's own marks, and what GitHub and GitLab read besides (`@dana`, `#12`, `!3`, `/close`).
 * Addresses stay links.
 */
function escapeLine(line: string): string {
  return line
    .split(/(https?:\/\/[^\s<>"'`|]+)/)
    .map((part, index) => (index % 2 === 1 ? `<${part}>` : escapeWords(part)))
    .join("")
    .replace(/^(\s*)([-+=#/])/, "$1\\$2")
    .replace(/^(\s*\d+)([.)])/, "$1\\$2");
}

const escapeWords = (words: string): string =>
  words.replace(/[\\`*_{}[\]<>()~|&$]/g, "\\$&").replace(/([@#!%^])(?=\w)/g, `$1${joiner}`);

/** Paragraphs of escaped text, at most so many characters. */
function paragraphs(text: string, charsMax: number): string {
  const lines = text
    .toWellFormed()
    .replace(/\r\n?/g, "\n")
    // Controls but the line feed, and what changes the direction of text.
    .replace(/(?!\n)[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const kept: string[] = [];
  let left = charsMax;
  for (const line of lines) {
    const shown = escapeLine(line);
    if (shown.length + 2 > left) {
      kept.push(cutLine(line, left - 20));
      break;
    }
    kept.push(shown);
    left -= shown.length + 2;
  }
  return kept.join("\n\n");
}

function cutLine(line: string, charsMax: number): string {
  if (charsMax < 1) return "…";
  let points = [...line].slice(0, charsMax);
  for (;;) {
    const shown = `${escapeLine(points.join(""))}…`;
    if (shown.length <= charsMax) return shown;
    points = points.slice(0, Math.floor((points.length * charsMax) / shown.length) - 1);
  }
}

/** One line, cut by code points; titles are plain text in both systems. */
export function titleText(title: string, charsMax: number): string {
  const points = [
    ...title
      .toWellFormed()
      .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, " ")
      .trim(),
  ];
  const whole = points.join("") || "Alert";
  if (whole.length <= charsMax) return whole;
  let kept = "";
  for (const point of points) {
    if (kept.length + point.length > charsMax - 1) break;
    kept += point;
  }
  return `${kept}…`;
}

const openingOf = (marker: string): string => `<!-- quarterdeck ${marker} -->`;
const closing = "<!-- /quarterdeck -->";

/** Our part of a ticket's body, between two marks that nobody sees. */
export function ourPart(content: TicketContent, marker: string, charsMax: number): string {
  const foot = `Owner: ${escapeLine(content.owner)} · severity: ${escapeLine(content.severity)} · Quarterdeck ${marker}`;
  const frame = `${openingOf(marker)}\n\n\n\n${foot}\n\n${closing}`;
  return `${openingOf(marker)}\n${paragraphs(content.body, charsMax - frame.length)}\n\n${foot}\n\n${closing}`;
}

/** Whether a body carries this marker. */
export const carries = (body: string | null | undefined, marker: string): boolean =>
  body?.includes(openingOf(marker)) === true;

/**
 * The body with our part brought up to date; what people wrote around it stays. Without our marks it is left as it
 * is, since somebody took them out. Undefined: nothing to change.
 */
export function withOurPart(
  body: string,
  content: TicketContent,
  marker: string,
  charsMax: number,
): string | undefined {
  const from = body.indexOf(openingOf(marker));
  const end = body.indexOf(closing, from);
  if (from < 0 || end < 0) return undefined;
  const before = body.slice(0, from);
  const after = body.slice(end + closing.length);
  const next = `${before}${ourPart(content, marker, charsMax - before.length - after.length)}${after}`;
  return next === body ? undefined : next;
}

const noteMarkOf = (mark: string): string => `<!-- quarterdeck note ${mark} -->`;

export const noteBody = (note: Note, charsMax: number): string => {
  const mark = noteMarkOf(note.mark);
  return `${paragraphs(note.text, charsMax - mark.length - 1)}\n${mark}`;
};

export const carriesNote = (body: string | null | undefined, mark: string): boolean =>
  body?.includes(noteMarkOf(mark)) === true;
