/** Reads the events of an SLO's windows from its metrics system, as counts the arithmetic takes. */
import { metricLabelsOf } from "../../catalog/lookup.ts";
import type { Catalog, Slo, SloSlices } from "../../catalog/schema.ts";
import { type Period, periodAt } from "../../catalog/slo-windows.ts";
import { underDeadline } from "../../platform/deadline.ts";
import type { Log } from "../../platform/log.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { CountAnswer, CountQuery } from "../../providers/metrics/contract.ts";
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
  providers: MetricsProviders;
  log: Log;
  deadlineMs?: number | undefined;
  /** The SLO's window alone, without those its rows name. */
  isPeriodOnly?: boolean | undefined;
}

/** Never rejects because of a metrics system: what it cannot say is null, with the reason among the troubles. */
export async function measureSlo(
  parts: MeasureParts,
  slo: Slo & { provider: string },
  at: Date,
): Promise<SloMeasuring> {
  const troubles: string[] = [];
  const partials: string[] = [];
  const counts: Counts = async (from, to, binSec) => {
    const answer = await countsOver(parts, slo, { from, to, binSec });
    if (answer.partial) partials.push(answer.partial);
    if (!("trouble" in answer)) return answer;
    troubles.push(answer.trouble);
    return null;
  };

  const period = periodAt(slo.window, at);
  const named = parts.isPeriodOnly ? [] : slo.alerting.flatMap(({ short, long }) => [short, long]);
  const lengths = [...new Set(named)];
  const read = slo.slices
    ? await readSlices(slo.slices, period, lengths, at, counts)
    : await readEvents(period, lengths, at, counts);
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

/** One question about an SLO's events; what cannot be answered is said instead. */
export async function countsOver(
  { catalog, providers, log, deadlineMs = readDeadlineMs }: MeasureParts,
  slo: Slo & { provider: string },
  span: { from: Date; to: Date; binSec: number | undefined },
): Promise<CountAnswer | { trouble: string; partial: string | null }> {
  const labels = metricLabelsOf(catalog, slo.service);
  try {
    const answer = await underDeadline(deadlineMs, (signal) =>
      providers.of(slo.provider).counts(queryOf(slo), { ...span, labels, signal }),
    );
    if (answer === "late") return { trouble: `no answer within ${deadlineMs} ms`, partial: null };
    return answer.invalid ? { trouble: answer.invalid, partial: answer.partial } : answer;
  } catch (error) {
    if (error instanceof ProviderError) return { trouble: `${error.message}. ${error.hint}`, partial: null };
    log.error({ err: error, slo: slo.name }, "an SLO could not be read");
    return { trouble: "it could not be read", partial: null };
  }
}

type Counts = (from: Date, to: Date, binSec?: number) => Promise<CountAnswer | null>;

interface Read {
  period: EventCounts | null;
  oldest: Date | null;
  windows: ReadonlyMap<number, EventCounts | null>;
}

async function readEvents(
  { from }: Period,
  lengths: readonly number[],
  at: Date,
  counts: Counts,
): Promise<Read> {
  const since = (start: Date): Promise<CountAnswer | null> => counts(start, at);
  // A calendar period that has only just begun has no events yet.
  const hasBegun = at.getTime() - from.getTime() >= rangeMinMs;
  const [whole, ...windows] = await Promise.all([
    hasBegun ? since(from) : null,
    ...lengths.map((length) => since(new Date(at.getTime() - length))),
  ]);
  const countsIn = (answer: CountAnswer | null | undefined): EventCounts | null => {
    const bin = answer?.bins[0];
    return bin ? { bad: bin.bad, total: bin.total } : null;
  };
  return {
    period: hasBegun ? countsIn(whole) : { bad: 0, total: 0 },
    oldest: whole?.oldestSampleAt ?? null,
    windows: new Map(lengths.map((length, index) => [length, countsIn(windows[index])])),
  };
}

/** All windows end at the last whole slice and lie in one answer, but for a calendar period that began within them. */
async function readSlices(
  slices: SloSlices,
  { from }: Period,
  lengths: readonly number[],
  at: Date,
  counts: Counts,
): Promise<Read> {
  const floor = (ms: number) => Math.floor(ms / slices.length) * slices.length;
  const endMs = floor(at.getTime());
  const startMs = floor(Math.min(from.getTime(), endMs - Math.max(...lengths)));
  const answer = await counts(new Date(startMs), new Date(endMs), slices.length / 1_000);
  const since = (ms: number): EventCounts | null =>
    answer === null || answer.bins.length === 0
      ? null
      : slicesOf(
          answer.bins.filter((bin) => bin.from.getTime() >= ms),
          slices.goodPercent,
        );
  return {
    period: since(from.getTime()),
    oldest: answer?.oldestSampleAt ?? null,
    windows: new Map(lengths.map((length) => [length, since(endMs - length)])),
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
