/** How an SLO's budget came to what is left of it: one question in bins over what was measured of its window. */
import type { Slo } from "../../catalog/schema.ts";
import { asked, type MeasureParts } from "./measure.ts";
import { burnDown, slicesOf } from "./model.ts";
import type { BudgetLine, SloReading } from "./types.ts";

/** Points of a line: more cannot be told apart on a picture. */
const pointsMax = 120;

/** Undefined where the budget is not known, or what it was cannot be read. */
export async function lineOf(
  parts: MeasureParts,
  slo: Slo & { provider: string },
  reading: SloReading,
  at: Date,
): Promise<BudgetLine | undefined> {
  const { since, budgetEvents } = reading;
  if (since === undefined || budgetEvents === null || reading.remaining === null) return undefined;
  const stepMs = slo.slices?.length ?? 1_000;
  const points = Math.min(pointsMax, Math.floor((at.getTime() - since.getTime()) / stepMs));
  if (points < 1) return undefined;
  const binMs = Math.ceil((at.getTime() - since.getTime()) / points / stepMs) * stepMs;
  const count = Math.floor((at.getTime() - since.getTime()) / binMs);
  const from = new Date(at.getTime() - count * binMs);
  const askedMs = slo.slices?.length ?? binMs;
  const answer = await asked(parts, slo, (provider, query, options) =>
    provider.counts(query, { ...options, from, to: at, binSec: askedMs / 1_000 }),
  );
  if ("trouble" in answer || answer.value.invalid !== null) return undefined;
  const found = answer.value.bins;
  const bins = Array.from({ length: count }, (_, index) => {
    const begin = from.getTime() + index * binMs;
    const within = found.filter((bin) => bin.from.getTime() >= begin && bin.from.getTime() < begin + binMs);
    if (within.length === 0) return null;
    return slo.slices ? slicesOf(within, slo.slices.goodPercent) : (within[0] ?? null);
  });
  return {
    slo: slo.name,
    from,
    to: at,
    points: burnDown(bins, budgetEvents).map((left, index) => ({
      at: new Date(from.getTime() + (index + 1) * binMs),
      left,
    })),
  };
}
