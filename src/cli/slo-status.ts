/** How every SLO stands now, from a terminal: also when chat is away. */

import { metricsInstance } from "../catalog/lookup.ts";
import type { Catalog } from "../catalog/schema.ts";
import { environment, readSettings, type Settings } from "../config/config.ts";
import {
  type Budget,
  createSlosApi,
  type SloReading,
  type Slos,
  tableHead,
  tableRows,
  windowTextOf,
} from "../features/slos/index.ts";
import { formatDuration } from "../platform/commands/time.ts";
import { createLog } from "../platform/log.ts";
import { ProviderError } from "../providers/errors.ts";
import type { MetricsProvider } from "../providers/metrics/contract.ts";
import type { MetricsProviders } from "../providers/metrics/instances.ts";
import { prometheusOf } from "../providers/metrics/prometheus-instance.ts";
import { catalogFromFiles, chosenService } from "./catalog-files.ts";
import {
  appDatabaseUrl,
  CommandError,
  localSecrets,
  say,
  startedUrl,
  table,
  type World,
  withDatabase,
} from "./world.ts";

export interface StatusOptions {
  service?: string;
  json?: boolean;
}

/** Nobody decides by what is printed: it may wait for a slow metrics system longer than a page may. */
const deadlineMs = 20_000;

/** Reasons printed under the table. */
const troublesMax = 20;

/** One SLO as it is printed. Ratios, not percent, but for the objective. */
interface SloLine {
  service: string;
  slo: string;
  /** Percent: 99.9 */
  objective: number;
  /** `28d`, `the month in Europe/Berlin`. */
  window: string;
  state: SloReading["state"];
  severity: SloReading["severity"];
  /** Share of the budget left; negative when overspent; null when not known. */
  remaining: number | null;
  /** Burn rate by window, `5m`; null where it could not be read or nothing happened. */
  burns: Record<string, number | null>;
  timeToExhaustion: { when: "never" | "exhausted" | "in" | "unknown"; seconds: number | null };
  /** When a calendar window's budget is whole again. */
  renewsAt: string | null;
  owner: string | null;
  userFacing: boolean;
  /** Why it is unknown or has no data; which part is missing. */
  why: string | null;
}

export async function run(options: StatusOptions): Promise<void> {
  const settings = readSettings();
  // A database that is set must answer; the one of `start` counts while it runs.
  const isThere =
    settings.DATABASE_URL !== undefined ||
    ((await startedUrl(settings)) !== undefined && (await appDatabaseUrl(settings)) !== undefined);
  const found = isThere
    ? await withDatabase(settings, (world) => beside(settings, options, world))
    : await alone(settings, options);
  say(options.json ? JSON.stringify(reportOf(found)) : textOf(found));
}

interface Found {
  at: Date;
  /** `in force` in the database, else the `files` of CATALOG_PATH. */
  catalog: "in force" | "files";
  budgets: readonly Budget[];
}

/** With the database: the catalog in force, the embedded samples too. */
async function beside(settings: Settings, options: StatusOptions, world: World): Promise<Found> {
  const inForce = await catalogInForce(world);
  const catalog = inForce ?? (await catalogFromFiles(settings.CATALOG_PATH, environment()));
  const secrets = { ...(await localSecrets(settings)), ...environment() };
  const reading = readingOf(catalog);
  const { createMetricsProviders } = await import("../providers/metrics/instances.ts");
  const providers = createMetricsProviders({
    ...reading,
    clock: { now: world.now },
    database: world.database,
    env: (name) => secrets[name],
  });
  const slos = createSlosApi(reading, providers, { deadlineMs });
  return readAll(options, catalog, inForce ? "in force" : "files", slos, world.now());
}

/** Without: the files' catalog, and the Prometheus instances it names. */
async function alone(settings: Settings, options: StatusOptions): Promise<Found> {
  const catalog = await catalogFromFiles(settings.CATALOG_PATH, environment());
  const slos = createSlosApi(readingOf(catalog), prometheusesOf(catalog), { deadlineMs });
  return readAll(options, catalog, "files", slos, new Date());
}

const readingOf = (catalog: Catalog) => ({
  catalogs: { current: () => catalog, digest: () => "one", onSwitch: () => undefined },
  log: createLog("silent"),
});

async function catalogInForce({ db }: World): Promise<Catalog | undefined> {
  const row = await db
    .selectFrom("catalog_in_force")
    .innerJoin("catalogs", "catalogs.digest", "catalog_in_force.digest")
    .select("catalogs.content")
    .executeTakeFirst();
  return row?.content as Catalog | undefined;
}

function prometheusesOf(catalog: Catalog): Pick<MetricsProviders, "of"> {
  const built = new Map<string, MetricsProvider>();
  return {
    of(name) {
      const known = built.get(name);
      if (known) return known;
      const instance = metricsInstance(catalog, name);
      if (instance?.kind !== "prometheus")
        throw new ProviderError(
          "unreachable",
          `The samples of ${name} are in Quarterdeck's database`,
          "Set DATABASE_URL, or run this beside `quarterdeck start`",
        );
      const provider = prometheusOf(instance, (variable) => environment()[variable]);
      built.set(name, provider);
      return provider;
    },
  };
}

async function readAll(
  options: StatusOptions,
  catalog: Catalog,
  source: Found["catalog"],
  slos: Slos,
  at: Date,
): Promise<Found> {
  const chosen = chosenService(catalog, options.service);
  const services = [...new Set(catalog.slos.map(({ service }) => service))]
    .filter((service) => chosen === undefined || service === chosen)
    .sort();
  if (services.length === 0)
    throw new CommandError(
      chosen === undefined ? "The catalog has no SLO." : `${chosen} has no SLO.`,
      "Declare one under `slos` in the catalog.",
    );
  return { at, catalog: source, budgets: await slos.budgetsOf(services, at) };
}

const reportOf = ({ at, catalog, budgets }: Found) => ({
  at: at.toISOString(),
  catalog,
  slos: budgets.flatMap(({ service, readings }) => readings.map((reading) => lineOf(service, reading))),
});

function lineOf(service: string, reading: SloReading): SloLine {
  const { exhaustion, renewsAt, why, partial } = reading;
  return {
    service,
    slo: reading.slo,
    objective: reading.objectivePercent,
    window: windowTextOf(reading),
    state: reading.state,
    severity: reading.severity,
    remaining: reading.remaining,
    burns: Object.fromEntries(
      (reading.burns ?? []).map(({ windowMs, burn }) => [formatDuration(windowMs), burn]),
    ),
    timeToExhaustion: {
      when: exhaustion?.when ?? "unknown",
      seconds: exhaustion?.when === "in" ? Math.round(exhaustion.ms / 1_000) : null,
    },
    renewsAt: renewsAt?.toISOString() ?? null,
    owner: reading.owner ?? null,
    userFacing: reading.isUserFacing,
    why: why ?? partial ?? null,
  };
}

function textOf({ budgets }: Found): string {
  const rows = budgets.flatMap((budget) =>
    budget.readings.map((reading, index) => [
      budget.service,
      reading.severity === "none" ? reading.state : `${reading.state}, ${reading.severity}`,
      ...(tableRows(budget)[index] ?? []),
    ]),
  );
  const troubles = budgets.flatMap(({ service, readings }) =>
    readings.flatMap(({ slo, why, partial }) => {
      const said = why ?? partial;
      return said === undefined ? [] : [`${service} ${slo}: ${said}`];
    }),
  );
  const shown = troubles.slice(0, troublesMax);
  const more = troubles.length - shown.length;
  return [
    table(["service", "state", ...tableHead], rows),
    ...(shown.length > 0 ? ["", ...shown] : []),
    ...(more > 0 ? [`… and ${more} more; --json has them all.`] : []),
  ].join("\n");
}
