/** A ticket's words as Jira wants them: Atlassian Document Format, which has no escapes because it has no marks. Pure. */
import type { Note, TicketContent } from "./contract.ts";

type Text = { type: "text"; text: string; marks?: { type: "link"; attrs: { href: string } }[] };
type Paragraph = { type: "paragraph"; content: Text[] };
export interface Doc {
  type: "doc";
  version: 1;
  content: Paragraph[];
}

/** Jira refuses longer text (`CONTENT_LIMIT_EXCEEDED`); kept below it, since what it counts is not documented. */
const docCharsMax = 30_000;
/** Source: Jira Cloud platform REST API, "Create issue": a summary is one line of at most 255 characters. */
const summaryCharsMax = 255;

/** One line, cut by code points. */
export function summaryOf(title: string): string {
  const whole =
    title
      .toWellFormed()
      .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
      .trim() || "Alert";
  if (whole.length <= summaryCharsMax) return whole;
  let kept = "";
  for (const point of whole) {
    if (kept.length + point.length > summaryCharsMax - 1) break;
    kept += point;
  }
  return `${kept}…`;
}

/** Paragraphs; a text node is never empty, which Jira refuses. */
function docOf(lines: readonly string[], foot: string): Doc {
  const content: Paragraph[] = [];
  let left = docCharsMax - foot.length;
  for (const line of lines) {
    const clean = line
      .toWellFormed()
      .replace(/\p{Cc}/gu, " ")
      .trim();
    if (clean === "") continue;
    if (clean.length > left) {
      const cut = [...clean.slice(0, Math.max(0, left - 1))].join("").toWellFormed();
      content.push(paragraph(`${cut}…`));
      break;
    }
    content.push(paragraph(clean));
    left -= clean.length;
  }
  return { type: "doc", version: 1, content: [...content, paragraph(foot)] };
}

const paragraph = (line: string): Paragraph => ({
  type: "paragraph",
  content: line
    .split(/(https?:\/\/[^\s<>"]+)/)
    .filter((part) => part !== "")
    .map((text) =>
      /^https?:\/\//.test(text)
        ? { type: "text", text, marks: [{ type: "link", attrs: { href: text } }] }
        : { type: "text", text },
    ),
});

export const descriptionOf = (content: TicketContent, marker: string): Doc =>
  docOf(
    content.body.split(/\r?\n/),
    `Owner: ${content.owner} · severity: ${content.severity} · Quarterdeck ${marker}`,
  );

/** Its last line is by what it is found again. */
const noteFoot = (mark: string): string => `Quarterdeck ${mark}`;
export const noteDoc = (note: Note): Doc => docOf(note.text.split(/\r?\n/), noteFoot(note.mark));

/** Whether a comment, as Jira shows it, is the note of this mark. */
export function isNote(body: unknown, mark: string): boolean {
  const foot = JSON.stringify(noteFoot(mark));
  return JSON.stringify(body ?? null).includes(`"text":${foot}`);
}
