/**
 * CSV (RFC 4180): every cell quoted, lines end in CR LF. A cell that a spreadsheet would take for a formula gets an
 * apostrophe in front (OWASP, "CSV Injection").
 */
import type { EntryBody, ExportFormat } from "./entry.ts";

const columns: readonly (readonly [string, (entry: EntryBody) => unknown])[] = [
  ["seq", ({ seq }) => seq],
  ["at", ({ at }) => at],
  ["team", ({ actor }) => actor.team],
  ["person", ({ actor }) => actor.person],
  ["door", ({ actor }) => actor.door],
  ["action", ({ action }) => action],
  ["subject", ({ subject }) => subject],
  ["service", ({ service }) => service],
  ["before", ({ before }) => before],
  ["after", ({ after }) => after],
  ["reason", ({ reason }) => reason],
  ["detail", ({ detail }) => detail && JSON.stringify(detail)],
  ["catalog", ({ catalog }) => catalog],
  ["correlation", ({ correlation }) => correlation],
];

/** Signs that begin a formula, their full-width forms, and white space that programs skip before them. */
const formula = /^[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|^[\t\r\n]/;

export function csvCell(value: unknown): string {
  const text = value === undefined || value === null ? "" : String(value);
  return `"${(formula.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

const lineOf = (cells: readonly unknown[]): string => `${cells.map(csvCell).join(",")}\r\n`;

export const csv: ExportFormat = {
  head: lineOf(columns.map(([name]) => name)),
  line: ({ read }) => lineOf(columns.map(([, cell]) => cell(read))),
};
