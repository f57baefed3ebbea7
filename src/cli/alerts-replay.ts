/** What Quarterdeck would have made of alerts that were heard of before; and those alerts as a file. */
import { createReadStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import type { Catalog } from "../catalog/schema.ts";
import { environment, readSettings, type Settings } from "../config/config.ts";
import { createAlerts, type Told, toldLine, toldOf } from "../features/alerts/index.ts";
import { createDeploys } from "../features/deploys/index.ts";
import { createSlosApi } from "../features/slos/index.ts";
import { type ReplayReport, replay } from "../features/tickets/index.ts";
import { parseDuration } from "../platform/commands/time.ts";
import { createLog } from "../platform/log.ts";
import type { Platform } from "../platform/platform.ts";
import { createMetricsProviders } from "../providers/metrics/instances.ts";
import { catalogFromFiles } from "./catalog-files.ts";
import { partlyAbsent } from "./declared.ts";
import { appDatabaseUrl, CommandError, say, table, type World, withDatabase } from "./world.ts";

export interface ReplayOptions {
  file?: string;
  since?: string;
  json?: boolean;
  metrics: boolean;
}

/** More changes than this are not replayed at once. */
const changesMax = 1_000_000;
/** Budgets of moments this near to each other are one reading. */
const momentMs = 60_000;

export async function run(options: ReplayOptions): Promise<void> {
  const settings = readSettings();
  if ((options.file === undefined) === (options.since === undefined))
    throw new CommandError(
      "Name where the alerts come from: --file or --since, one of them.",
      "Example: quarterdeck alerts replay --since 30d",
    );
  const catalog = await catalogFromFiles(settings.CATALOG_PATH, environment());
  const hasDatabase = (await appDatabaseUrl(settings)) !== undefined;
  const report =
    options.since !== undefined || hasDatabase
      ? await withDatabase(settings, (world) => replayed(options, settings, catalog, world))
      : await replayed(options, settings, catalog, undefined);
  say(options.json ? JSON.stringify(report, null, 2) : textOf(report));
}

/** Writes the beginnings and ends that are kept, a line each. */
export async function exportChanges(options: { since: string; out?: string }): Promise<void> {
  const settings = readSettings();
  const catalog = await catalogFromFiles(settings.CATALOG_PATH, environment());
  await withDatabase(settings, async (world) => {
    const platform = readingPlatform(settings, catalog, world);
    const since = new Date(world.now().getTime() - sinceMs(options.since));
    const changes = await createAlerts(platform).api.changesSince(world.db, since, changesMax);
    const text = changes.map((change) => `${JSON.stringify(toldLine(change))}\n`).join("");
    if (options.out === undefined) process.stdout.write(text);
    else {
      await writeFile(options.out, text);
      say(
        `${options.out}: ${changes.length} changes. Replay them: quarterdeck alerts replay --file ${options.out}`,
      );
    }
  });
}

async function replayed(
  options: ReplayOptions,
  settings: Settings,
  catalog: Catalog,
  world: World | undefined,
): Promise<ReplayReport> {
  const platform = readingPlatform(settings, catalog, world);
  const now = platform.clock.now();
  const told = await toldFrom(options, platform, catalog, world, now);
  const first = told.reduce((earliest, { seenAt }) => (seenAt < earliest ? seenAt : earliest), now);
  const changes =
    world === undefined
      ? []
      : await createDeploys(platform, { alerts: createAlerts(platform).api }).api.recentChanges(
          catalog.services.map(({ name }) => name),
          new Date(first.getTime() - 2 * 3_600_000),
        );
  const slos = createSlosApi(platform, createMetricsProviders(platform));
  return replay(told, {
    catalog,
    changes,
    budgetOf: async (service, at) => {
      if (!options.metrics || !catalog.slos.some((slo) => slo.service === service)) return undefined;
      return slos
        .budgetOf(service, new Date(Math.floor(at.getTime() / momentMs) * momentMs))
        .catch(() => undefined);
    },
  });
}

/** Enough of a platform to read with; what is not there says so when it is used. */
function readingPlatform(settings: Settings, catalog: Catalog, world: World | undefined): Platform {
  return partlyAbsent({
    settings,
    log: createLog("silent"),
    clock: { now: () => world?.now() ?? new Date() } as Platform["clock"],
    env: (name) => environment()[name],
    ...(world ? { database: world.database } : {}),
    catalogs: {
      current: () => catalog,
      digest: () => "files",
      put: async () => undefined as never,
      refresh: async () => undefined,
      start: () => undefined,
      stop: () => undefined,
      onSwitch: () => undefined,
    } as unknown as Platform["catalogs"],
  });
}

async function toldFrom(
  options: ReplayOptions,
  platform: Platform,
  catalog: Catalog,
  world: World | undefined,
  now: Date,
): Promise<readonly Told[]> {
  if (options.since !== undefined && world !== undefined) {
    const since = new Date(now.getTime() - sinceMs(options.since));
    return createAlerts(platform).api.changesSince(world.db, since, changesMax);
  }
  const { told, problems } = toldOf(await itemsOf(options.file ?? ""), catalog, now);
  for (const { field, why } of problems.slice(0, 20))
    process.stderr.write(`quarterdeck: left out: ${field} ${why}\n`);
  if (told.length === 0)
    throw new CommandError(
      `${options.file} holds no alert that can be read${problems[0] ? `: ${problems[0].field} ${problems[0].why}` : ""}.`,
      "It takes deliveries as { source, receivedAt, body }, lines of `quarterdeck alerts export`, or what Alertmanager's GET /api/v2/alerts gives.",
    );
  return told;
}

function sinceMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new CommandError(`--since: "${text}" is not a time.`, "Write 24h, 7d or 30d.");
  return ms;
}

/** A JSON list, one JSON value, or a value on each line. */
async function itemsOf(file: string): Promise<unknown[]> {
  const unreadable = (cause: unknown) =>
    new CommandError(
      `${file} cannot be read: ${(cause as Error).message}.`,
      "Name a file of exported alerts.",
      cause,
    );
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw unreadable(cause);
  });
  try {
    const whole: unknown = JSON.parse(text);
    return Array.isArray(whole) ? whole : [whole];
  } catch {
    // Not one value: a value on each line.
  }
  const items: unknown[] = [];
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    number += 1;
    if (line.trim() === "") continue;
    try {
      items.push(JSON.parse(line));
    } catch (cause) {
      throw unreadable(new Error(`line ${number} is not JSON: ${(cause as Error).message}`));
    }
  }
  return items;
}

const causesShownMax = 40;

function textOf(report: ReplayReport): string {
  const { causes } = report;
  const head = [
    `${report.alertCount} alerts (${report.changeCount} beginnings and ends) from ${report.from ?? "-"} to ${report.to ?? "-"}:`,
    `${report.cardCount} cards: ${report.pageCount} pages, ${report.ticketCount} tickets; ${report.transientCount} over before a card was due.`,
    ...(report.unknownPageCount > 0
      ? [`${report.unknownPageCount} pages by the sender's word, because the budget could not be known.`]
      : []),
  ];
  if (causes.length === 0) return head.join("\n");
  const rows = causes
    .slice(0, causesShownMax)
    .map((cause) => [
      cause.openedAt.slice(0, 16).replace("T", " "),
      cause.page || cause.rule === "observing" ? "page" : "ticket",
      cause.service ?? "-",
      cause.name,
      String(cause.services.length),
      String(cause.alertCount),
      cause.rule,
      cause.suspects[0] ? `${cause.suspects[0].service} ${cause.suspects[0].version}` : "-",
    ]);
  const more =
    causes.length > causesShownMax ? [`… and ${causes.length - causesShownMax} more; --json has all.`] : [];
  return [
    ...head,
    "",
    table(
      [
        "opened (UTC)",
        "would",
        "service",
        "rule that fires",
        "services",
        "alerts",
        "decided by",
        "suspect 1",
      ],
      rows,
    ),
    ...more,
  ].join("\n");
}
