/** Reads the events of an SLO's windows from its metrics system, as counts the arithmetic takes. */
import { metricLabelsOf } from "../../catalog/lookup.ts";
import type { AlertingRow, Catalog, Slo, SloSlices } from "../../catalog/schema.ts";
import { type Period, periodAt } from "../../catalog/slo-windows.ts";
import { underDeadline } from "../../platform/deadline.ts";
import type { Log } from "../../platform/log.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { CountQuery, LabelMatchers, MetricsProvider } from "../../providers/metrics/contract.ts";
import type { MetricsProviders } from "../../providers/metrics/instances.ts";
import { type EventCounts, type Measured, slicesOf } from "./model.ts";

/** Longest a budget may take: whoever decides on it waits for it. */
const readDeadlineMs = 2_000;
/** The shortest range a metrics system is asked about. */
const rangeMinMs = 1_000;

export interface SloMeasuring {
  readonly measured: Measured;
  readonly period: Period;
  /** Begin of what was measured; null when nothing was. */
  readonly since: Date | null;
  /** Why something could not be read, the first first. */
  readonly troubles: readonly string[];
  /** Which part of the data is missing. */
  readonly partials: readonly string[];
}

export interface MeasureParts {
  catalog: Catalog;
  providers: Pick<MetricsProviders, "of">;
  log: Log;
  deadlineMs?: number | undefined;
  /** The SLO's window alone, without those its rows name. */
  isPeriodOnly?: boolean | undefined;
  /** One question for all windows, with the metrics system's own estimates: for lists, by which nobody is woken. */
  isEstimate?: boolean | undefined;
}

/** Never rejects because of a metrics system: what it cannot say is null, with the reason among the troubles. */
export async function measureSlo(
  parts: MeasureParts,
  slo: Slo & { provider: string },
  at: Date,
): Promise<SloMeasuring> {
  const troubles: string[] = [];
  const partials: string[] = [];
  const ask: Ask = async (question) => {
    const answer = await asked(parts, slo, question);
    if ("trouble" in answer) {
      troubles.push(answer.trouble);
      return null;
    }
    if (answer.value.partial) partials.push(answer.value.partial);
    return answer.value;
  };

  const period = periodAt(slo.window, at);
  const rows = parts.isPeriodOnly ? [] : slo.alerting;
  const read = slo.slices
    ? await readSlices(slo.slices, period, rows, at, ask)
    : await readEvents(period, rows, at, ask, parts.isEstimate ?? false);
  troubles.push(...read.invalid);
  const { oldest } = read;
  const since = new Date(Math.max(period.from.getTime(), oldest?.getTime() ?? 0));
  const elapsedMs = at.getTime() - since.getTime();
  if (troubles.length === 0 && read.period === null && !oldest) troubles.push("its metrics have no samples");
  return {
    measured: { period: read.period && { counts: read.period, elapsedMs }, windows: read.windows },
    period,
    since: read.period === null ? null : since,
    troubles,
    partials,
  };
}

/** Asks a metrics system about an SLO's events; `options` go with every question to it. */
type Question<T> = (
  provider: MetricsProvider,
  query: CountQuery,
  options: { labels: LabelMatchers; signal: AbortSignal },
) => Promise<T>;
type Ask = <T extends { partial: string | null }>(question: Question<T>) => Promise<T | null>;

/** What cannot be answered is said instead. */
export async function asked<T>(
  { catalog, providers, log, deadlineMs = readDeadlineMs }: MeasureParts,
  slo: Slo & { provider: string },
  question: Question<T>,
): Promise<{ value: T } | { trouble: string }> {
  const labels = metricLabelsOf(catalog, slo.service);
  try {
    const answer = await underDeadline(deadlineMs, async (signal) => ({
      value: await question(providers.of(slo.provider), queryOf(slo), { labels, signal }),
    }));
    return answer === "late" ? { trouble: `no answer within ${deadlineMs} ms` } : answer;
  } catch (error) {
    if (error instanceof ProviderError) return { trouble: `${error.message}. ${error.hint}` };
    log.error({ err: error, slo: slo.name }, "an SLO could not be read");
    return { trouble: "it could not be read" };
  }
}

interface Read {
  period: EventCounts | null;
  oldest: Date | null;
  windows: ReadonlyMap<number, EventCounts | null>;
  /** What was answered and contradicts itself. */
  invalid: readonly string[];
}

const lengthsOf = (rows: readonly AlertingRow[]): number[] => [
  ...new Set(rows.flatMap(({ short, long }) => [short, long])),
];

/**
 * Three questions, so that a window that takes too long takes none of the shorter ones with it: what pages, the rest of
 * the rows, the SLO's window.
 */
async function readEvents(
  { from }: Period,
  rows: readonly AlertingRow[],
  at: Date,
  ask: Ask,
  isEstimate: boolean,
): Promise<Read> {
  const paging = lengthsOf(rows.filter(({ severity }) => severity === "page"));
  const others = lengthsOf(rows).filter((length) => !paging.includes(length));
  const invalid: string[] = [];
  const spans = async (lengthsMs: readonly number[], withOldest = false) => {
    if (lengthsMs.length === 0) return { found: [], oldest: null };
    const spansSec = lengthsMs.map((ms) => ms / 1_000);
    const answer = await ask((provider, query, options) =>
      provider.spans(query, { ...options, to: at, spansSec, withOldest, isEstimate }),
    );
    for (const span of answer?.spans ?? []) if (span.invalid !== null) invalid.push(span.invalid);
    return {
      found: lengthsMs.map((_, index) => answer?.spans[index]?.counts ?? null),
      oldest: answer?.oldestSampleAt ?? null,
    };
  };
  // A calendar period that has only just begun has no events yet.
  const elapsedMs = at.getTime() - from.getTime();
  const hasBegun = elapsedMs >= rangeMinMs;
  const lengths = [...paging, ...others];
  const own = hasBegun ? [elapsedMs] : [];
  const [whole, counted] = isEstimate
    ? await spans([...own, ...lengths], true).then((all) => [all, all.found.slice(own.length)] as const)
    : await Promise.all([
        spans(own, true),
        Promise.all([spans(paging), spans(others)]).then(([pages, rest]) => [...pages.found, ...rest.found]),
      ]);
  return {
    period: hasBegun ? (whole.found[0] ?? null) : { bad: 0, total: 0 },
    oldest: hasBegun ? whole.oldest : null,
    windows: new Map(lengths.map((length, index) => [length, counted[index] ?? null])),
    invalid,
  };
}

/** All windows end at the last whole slice and lie in one answer, but for a calendar period that began within them. */
async function readSlices(
  slices: SloSlices,
  { from }: Period,
  rows: readonly AlertingRow[],
  at: Date,
  ask: Ask,
): Promise<Read> {
  const lengths = lengthsOf(rows);
  const floor = (ms: number) => Math.floor(ms / slices.length) * slices.length;
  const endMs = floor(at.getTime());
  const startMs = floor(Math.min(from.getTime(), endMs - Math.max(0, ...lengths)));
  const answer = await ask((provider, query, options) =>
    provider.counts(query, {
      ...options,
      from: new Date(startMs),
      to: new Date(endMs),
      binSec: slices.length / 1_000,
    }),
  );
  const since = (ms: number): EventCounts | null =>
    answer === null || answer.invalid !== null || answer.bins.length === 0
      ? null
      : slicesOf(
          answer.bins.filter((bin) => bin.from.getTime() >= ms),
          slices.goodPercent,
        );
  return {
    period: since(from.getTime()),
    oldest: answer?.oldestSampleAt ?? null,
    windows: new Map(lengths.map((length) => [length, since(endMs - length)])),
    invalid: answer?.invalid ? [answer.invalid] : [],
  };
}

/** The bad and all events that spend an SLO's budget. */
export function queryOf({ indicator }: Slo): CountQuery {
  switch (indicator.kind) {
    case "ratio":
      return { kind: "ratio", total: indicator.total, bad: indicator.bad, good: indicator.good };
    case "latency":
      return { kind: "slower-than", histogram: indicator.histogram, bound: indicator.threshold };
    case "availability":
      return { kind: "availability", gauge: indicator.gauge };
    case "promql": {
      const { total, bad, good } = indicator;
      return { kind: "expression", promql: { total, bad: bad ?? notGood(total, good ?? "0") } };
    }
  }
}

/** What is not good is bad; while no good event was ever counted there is no such series, and all are bad. */
const notGood = (total: string, good: string): string => `(${total}) - ((${good}) or vector(0))`;
