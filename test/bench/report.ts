/** Results as a table, as JSON, and in docs/benchmarks.md. Pure. */
import { isOk, type Result } from "./measure.ts";

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
  const all = [["figure", "measured", "unit", "goal", "met", "beside it"], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
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
  const begin = page.indexOf(beginMark);
  const end = page.indexOf(endMark);
  if (begin < 0 || end < begin)
    throw new Error(`docs/benchmarks.md has lost its marks: put back ${beginMark} and ${endMark}`);
  return `${page.slice(0, begin + beginMark.length)}\n${ranOn}\n\n${markdownTable(results)}\n${page.slice(end)}`;
}
