/** Results as a table, as JSON, and in docs/benchmarks.md. Pure. */
import { isOk, type Result, type Table } from "./measure.ts";

export const beginMark = "<!-- results: written by `npm run bench -- --write` -->";
export const endMark = "<!-- end of results -->";

const places = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

const goalText = ({ goal }: Result): string =>
  goal === undefined ? "" : "atLeast" in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;

const verdict = (result: Result): string =>
  result.goal === undefined ? "" : isOk(result) ? "yes" : "**no**";

export function markdownTable(results: readonly Result[]): string {
  const rows = results.map((result) =>
    [
      `\`${result.name}\``,
      places(result.value),
      result.unit,
      goalText(result),
      verdict(result),
      result.beside ?? "",
    ].join(" | "),
  );
  return [
    "| Figure | Measured | Unit | Goal | Met | Beside it |",
    "|---|---:|---|---:|---|---|",
    ...rows.map((row) => `| ${row} |`),
  ].join("\n");
}

export function plainTable(results: readonly Result[]): string {
  const rows = results.map((result) => [
    result.name,
    places(result.value),
    result.unit,
    goalText(result),
    verdict(result).replaceAll("*", ""),
    result.beside ?? "",
  ]);
  return columns([["figure", "measured", "unit", "goal", "met", "beside it"], ...rows], 1);
}

/** Cells under each other, as wide as the widest; one column may stand to the right. */
function columns(all: readonly (readonly string[])[], rightColumn?: number): string {
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column === rightColumn ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export const plainOwnTable = ({ caption, head, rows }: Table): string =>
  `${caption}\n\n${columns([head, ...rows]).replaceAll("**", "")}`;

/** The page with a benchmark's own table between that table's marks. Throws when the marks are not there. */
export function ownTableIntoPage(page: string, { name, caption, head, rows }: Table, ranOn: string): string {
  const lines = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
  const [begin, end] = [`<!-- table ${name} -->`, `<!-- end of table ${name} -->`];
  return between(page, begin, end, `${caption} ${ranOn}\n\n${lines.join("\n")}`);
}

function between(page: string, begin: string, end: string, text: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`docs/benchmarks.md has lost its marks: put back ${begin} and ${end}`);
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}

export function json(results: readonly Result[]): string {
  return JSON.stringify(
    results.map((result) => ({
      name: result.name,
      value: Number(result.value.toFixed(3)),
      goal:
        result.goal === undefined
          ? null
          : "atLeast" in result.goal
            ? result.goal.atLeast
            : result.goal.atMost,
      unit: result.unit,
      ok: isOk(result),
    })),
    null,
    2,
  );
}

/** The page with this run's results between its marks. Throws when the marks are not there. */
export function intoPage(page: string, results: readonly Result[], ranOn: string): string {
  return between(page, beginMark, endMark, `${ranOn}\n\n${markdownTable(results)}`);
}
