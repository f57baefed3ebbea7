/** Reads what was measured since the last bin, both versions over the same time. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog, Signal } from "../../catalog/schema.ts";
import type { Log } from "../../platform/log.ts";
import type { Signals } from "../signals/index.ts";
import { countsEvents, exposureOf } from "./judge-plan.ts";
import type { Rollout } from "./model.ts";
import { lastEndOf, type Sample } from "./samples.ts";

/** Milliseconds after which what a service's signals tell of a moment is complete. */
export function lagMsOf(catalog: Catalog, signals: Signals, service: string): number {
  return Math.max(0, ...lookup.signalsOf(catalog, service).map(({ name }) => signals.lagMs(service, name)));
}

/** Shortest bin that can be read. */
const binMsMin = 1_000;

export interface Span {
  readonly from: Date;
  readonly to: Date;
}

/**
 * The bins to read of one signal: from the last one to what is complete by now, cut where the step began, so that
 * no bin holds two weights. A stretch too short to read waits for more; before a cut it is left out.
 */
export function openSpans(
  rollout: Pick<Rollout, "plan">,
  stepStartedAt: Date,
  lastEnd: Date | undefined,
  now: Date,
): Span[] {
  const { lagMs, intervalMs } = rollout.plan;
  const closedMs = now.getTime() - lagMs;
  const stepMs = stepStartedAt.getTime();
  const spans: Span[] = [];
  let fromMs = lastEnd?.getTime() ?? stepMs;
  if (fromMs < stepMs && stepMs <= closedMs) {
    if (stepMs - fromMs >= binMsMin) spans.push({ from: new Date(fromMs), to: stepStartedAt });
    fromMs = stepMs;
  }
  const toMs = fromMs < stepMs ? Math.min(closedMs, stepMs) : closedMs;
  if (toMs - fromMs >= Math.max(binMsMin, intervalMs / 2))
    spans.push({ from: new Date(fromMs), to: new Date(toMs) });
  return spans;
}

interface Parts {
  signals: Signals;
  log: Log;
}

/** New samples of every signal. A signal that cannot be read gives none: its time is read again next time. */
export async function collectSamples(
  { signals, log }: Parts,
  rollout: Rollout,
  stepStartedAt: Date,
  known: readonly Sample[],
  now: Date,
): Promise<Sample[]> {
  const ofSignal = async (signal: Signal): Promise<Sample[]> => {
    const found: Sample[] = [];
    try {
      for (const span of openSpans(rollout, stepStartedAt, lastEndOf(known, signal.name), now)) {
        const sample = await readSpan(signals, rollout, signal, span);
        if (!sample) break;
        found.push(sample);
      }
    } catch (error) {
      // Missing data holds the rollout, and its card says so; it must not keep the other signals from being read.
      log.warn({ err: error, rollout: rollout.id, signal: signal.name }, "a signal could not be read");
    }
    return found;
  };
  return (await Promise.all(rollout.plan.signals.map(ofSignal))).flat();
}

async function readSpan(
  signals: Signals,
  rollout: Rollout,
  signal: Signal,
  span: Span,
): Promise<Sample | undefined> {
  if (countsEvents(signal)) return countsOf(signals, rollout, signal, span);
  const exposure = exposureOf(signal, rollout.plan.signals);
  return exposure
    ? eventsOf(signals, rollout, signal, exposure, span)
    : levelOf(signals, rollout, signal, span);
}

const nothing = { bad: 0, total: 0 };

/** What both versions counted; undefined while that is not all there. */
async function readCounts(
  signals: Signals,
  { service, from: stable, to: canary }: Rollout,
  signal: Signal,
  span: Span,
): Promise<ReadonlyMap<string, { bad: number; total: number }> | undefined> {
  const { byVersion, partial } = await signals.counts(service, signal.name, {
    ...span,
    versions: [canary, stable],
    slowAbove: signal.kind === "quantile" ? signal.slowAbove : undefined,
  });
  // Read again later, over a longer time: what is partly there would be judged as if it were all.
  return partial === null ? byVersion : undefined;
}

async function countsOf(
  signals: Signals,
  rollout: Rollout,
  signal: Signal,
  span: Span,
): Promise<Sample | undefined> {
  const byVersion = await readCounts(signals, rollout, signal, span);
  const [canary, stable] = [byVersion?.get(rollout.to), byVersion?.get(rollout.from)];
  // Neither seen: nothing was measured. One not seen beside the other: it had no events.
  if (!canary && !stable) return undefined;
  const sides = { canary: canary ?? nothing, stable: stable ?? nothing };
  return { signal: signal.name, ...span, kind: "counts", ...sides };
}

/** Events of a rate (orders) with the requests of the same version over the same time. */
async function eventsOf(
  signals: Signals,
  rollout: Rollout,
  signal: Signal,
  exposure: Signal,
  span: Span,
): Promise<Sample | undefined> {
  const [events, requests] = await Promise.all([
    readCounts(signals, rollout, signal, span),
    countsOf(signals, rollout, exposure, span),
  ]);
  // A counter that nobody has seen yet: nothing was measured, and not that nothing was ordered.
  if (!events || events.size === 0 || requests?.kind !== "counts") return undefined;
  const side = (version: string, total: number) => ({ bad: events.get(version)?.total ?? 0, total });
  return {
    signal: signal.name,
    ...span,
    kind: "counts",
    canary: side(rollout.to, requests.canary.total),
    stable: side(rollout.from, requests.stable.total),
  };
}

async function levelOf(
  signals: Signals,
  { service, from: stable, to: canary, plan }: Rollout,
  { name, kind }: Signal,
  { from, to }: Span,
): Promise<Sample | undefined> {
  // A quantile without a bound cannot be counted and is not judged.
  if (kind === "quantile") return undefined;
  const windowSec = Math.max(plan.intervalMs, plan.lagMs, to.getTime() - from.getTime()) / 1_000;
  const values = await signals.values(service, name, { at: to, windowSec, versions: [canary, stable] });
  const value = values.get(canary);
  return value === undefined
    ? undefined
    : { signal: name, from, to, kind: "value", canary: value, stable: values.get(stable) ?? null };
}
