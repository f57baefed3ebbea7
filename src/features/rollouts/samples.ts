/** What was counted since the first traffic: kept per signal and bin, and as the judge reads it. */
import type { Selectable } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { CountBin, GaugeBin, Samples } from "./judge.ts";
import type { RolloutTables } from "./tables.ts";

export type Sample = { signal: string; from: Date; to: Date } & (
  | { kind: "counts"; canary: { bad: number; total: number }; stable: { bad: number; total: number } }
  | { kind: "value"; canary: number; stable: number | null }
);

type Row = Selectable<RolloutTables["rollout_samples"]>;

/** A bin that is there already stays as it is: two workers at the same step count nothing twice. */
export async function appendSamples(trx: Trx, rolloutId: string, samples: readonly Sample[]): Promise<void> {
  if (samples.length === 0) return;
  const none = {
    canary_bad: null,
    canary_total: null,
    stable_bad: null,
    stable_total: null,
    canary_value: null,
    stable_value: null,
  };
  await tables<RolloutTables>(trx)
    .insertInto("rollout_samples")
    .values(
      samples.map((sample) => ({
        rollout_id: rolloutId,
        signal: sample.signal,
        start_at: sample.from,
        end_at: sample.to,
        ...none,
        ...(sample.kind === "counts"
          ? {
              canary_bad: sample.canary.bad,
              canary_total: sample.canary.total,
              stable_bad: sample.stable.bad,
              stable_total: sample.stable.total,
            }
          : { canary_value: sample.canary, stable_value: sample.stable }),
      })),
    )
    .onConflict((conflict) => conflict.columns(["rollout_id", "signal", "start_at"]).doNothing())
    .execute();
}

/** Oldest first. */
export async function samplesOf(db: Db | Trx, rolloutId: string): Promise<Sample[]> {
  const rows = await tables<RolloutTables>(db)
    .selectFrom("rollout_samples")
    .selectAll()
    .where("rollout_id", "=", rolloutId)
    .orderBy("end_at")
    .execute();
  return rows.map(sampleOf);
}

/** The newest, oldest first. */
export async function newestSamplesOf(db: Db, rolloutId: string, limit: number): Promise<Sample[]> {
  const rows = await tables<RolloutTables>(db)
    .selectFrom("rollout_samples")
    .selectAll()
    .where("rollout_id", "=", rolloutId)
    .orderBy("end_at", "desc")
    .limit(limit)
    .execute();
  return rows.map(sampleOf).reverse();
}

function sampleOf(row: Row): Sample {
  const at = { signal: row.signal, from: row.start_at, to: row.end_at };
  return row.canary_total === null
    ? { ...at, kind: "value", canary: row.canary_value ?? Number.NaN, stable: row.stable_value }
    : {
        ...at,
        kind: "counts",
        canary: { bad: row.canary_bad ?? 0, total: row.canary_total },
        stable: { bad: row.stable_bad ?? 0, total: row.stable_total ?? 0 },
      };
}

/** End of the newest bin of a signal. */
export function lastEndOf(samples: readonly Sample[], signal: string): Date | undefined {
  return samples.findLast((sample) => sample.signal === signal)?.to;
}

export function judgeSamplesOf(samples: readonly Sample[], now: Date): Samples {
  const counts: Record<string, CountBin[]> = {};
  const gauges: Record<string, GaugeBin[]> = {};
  for (const sample of samples) {
    const bin = { startMs: sample.from.getTime(), endMs: sample.to.getTime() };
    if (sample.kind === "counts") {
      const bins = counts[sample.signal] ?? [];
      bins.push({ ...bin, canary: sample.canary, stable: sample.stable });
      counts[sample.signal] = bins;
    } else {
      const bins = gauges[sample.signal] ?? [];
      bins.push({ ...bin, canary: sample.canary, stable: sample.stable });
      gauges[sample.signal] = bins;
    }
  }
  return { now, counts, gauges };
}
