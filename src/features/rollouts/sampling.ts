/** Reads what was measured since the last bin, both versions over the same time. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog, Signal } from "../../catalog/schema.ts";
import type { Log } from "../../platform/log.ts";
import type { Signals } from "../signals/index.ts";
import type { Rollout } from "./model.ts";
import { isCounted } from "./plan.ts";
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
        const sample = isCounted(signal)
          ? await countsOf(signals, rollout, signal, span)
          : await levelOf(signals, rollout, signal, span);
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

async function countsOf(
  signals: Signals,
  { service, from: stable, to: canary }: Rollout,
  { name }: Signal,
  { from, to }: Span,
): Promise<Sample | undefined> {
  const { byVersion, partial } = await signals.counts(service, name, {
    from,
    to,
    versions: [canary, stable],
  });
  // Read again later, over a longer time: what is partly there would be judged as if it were all.
  if (partial !== null) return undefined;
  // Neither seen: nothing was measured. One not seen beside the other: it had no events.
  if (!byVersion.has(canary) && !byVersion.has(stable)) return undefined;
  const none = { bad: 0, total: 0 };
  return {
    signal: name,
    from,
    to,
    kind: "counts",
    canary: byVersion.get(canary) ?? none,
    stable: byVersion.get(stable) ?? none,
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
