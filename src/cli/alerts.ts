import { readFile } from "node:fs/promises";
import { loadCatalog } from "../catalog/load.ts";
import { problemText } from "../catalog/problem.ts";
import type { Catalog } from "../catalog/schema.ts";
import { environment, readSettings } from "../config/config.ts";
import { canRead, type Preview, previewOf, sourceNamed } from "../features/alerts/index.ts";
import { CommandError, say } from "./world.ts";

export interface ReadOptions {
  source: string;
  file: string;
  headers?: string;
  json?: boolean;
}

/**
 * Says what would be made of a body. Sends nothing and needs no database. Exit code 1, with the field, when anything
 * in it must be refused.
 */
export async function read(options: ReadOptions): Promise<void> {
  const catalog = await catalogOf(readSettings().CATALOG_PATH);
  const source = sourceNamed(catalog, options.source);
  if (source === undefined || !canRead(source.kind)) {
    const message =
      source === undefined
        ? `There is no source and no kind "${options.source}".`
        : `Bodies of kind ${source.kind} are read by another room, not as alerts.`;
    if (options.json) say(JSON.stringify({ error: { field: "source", message } }));
    throw new CommandError(
      message,
      `Sources of the catalog: ${catalog.hookSources.map(({ name }) => name).join(", ") || "none"}.`,
    );
  }
  const preview = previewOf(catalog, source, {
    body: await fileOf(options.file),
    headers: options.headers === undefined ? {} : headersOf((await fileOf(options.headers)).toString("utf8")),
    receivedAt: new Date(),
  });
  const { problems, ...shown } = preview;
  const [first] = problems;
  if (options.json) {
    const error = first && { field: first.field, message: `${first.field} ${first.why}`, problems };
    say(JSON.stringify(error === undefined ? shown : { ...shown, error }, null, 2));
  } else if (problems.length === 0 || preview.alerts.length + preview.events.length > 0) say(textOf(preview));
  for (const { field, why } of problems) process.stderr.write(`quarterdeck: refused: ${field} ${why}\n`);
  if (first !== undefined) process.exitCode = 1;
}

async function catalogOf(path: string): Promise<Catalog> {
  const loaded = await loadCatalog(path, environment());
  if (loaded.ok) return loaded.catalog;
  throw new CommandError(
    `The catalog in ${path} cannot be used: ${loaded.problems.slice(0, 3).map(problemText).join("; ")}.`,
    "`quarterdeck lint` names every problem; CATALOG_PATH says which folder is read.",
  );
}

const fileOf = (path: string): Promise<Buffer> =>
  readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(
      `${path} cannot be read: ${cause.message}.`,
      "Name a file with the body as it was sent.",
      cause,
    );
  });

/** Headers as a JSON object, or one `Name: value` on each line. */
function headersOf(text: string): Record<string, string> {
  const pairs: readonly (readonly [string, unknown])[] = text.trimStart().startsWith("{")
    ? Object.entries(jsonObject(text))
    : text.split(/\r?\n/).flatMap((line) => {
        const colon = line.indexOf(":");
        return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()] as const];
      });
  return Object.fromEntries(pairs.map(([name, value]) => [name.trim().toLowerCase(), String(value)]));
}

function jsonObject(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new CommandError(
      `The headers are not JSON: ${(cause as Error).message}.`,
      'Write { "X-Name": "value" }, or one `X-Name: value` on each line.',
      cause,
    );
  }
}

function textOf({ source, deliveryId, alerts, events, route }: Preview): string {
  const lines = [
    `${source}${deliveryId === null ? "" : `, delivery ${deliveryId}`}: ${counted(alerts.length, "alert")}, ${counted(events.length, "event")}`,
  ];
  for (const alert of alerts) {
    const said = alert.severityText === null ? "no severity given" : `the sender says ${alert.severityText}`;
    lines.push(
      "",
      `${alert.status}: ${plain(alert.title)}`,
      `  service   ${plain(alert.service ?? "not known")}`,
      `  severity  ${alert.severity} (${plain(said)})`,
      `  key       ${plain(alert.fingerprint)}`,
      `  began     ${alert.startsAt ?? "not known; receipt counts"}`,
    );
    if (alert.status === "resolved") lines.push(`  ended     ${alert.endsAt ?? "not known; receipt counts"}`);
    const labels = Object.entries(alert.labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    if (labels.length > 0) lines.push(`  labels    ${plain(labels.join(", "))}`);
    for (const { label, url } of alert.links) lines.push(`  link      ${plain(label)}: ${plain(url)}`);
  }
  for (const event of events) lines.push("", `${event.kind}: ${plain(JSON.stringify(event))}`);
  lines.push("", `goes to   ${route.to ?? "nobody"}`, `because   ${plain(route.why)}`);
  return lines.join("\n");
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/** On one line, without what a terminal would act on or turn around. */
const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, " ");
