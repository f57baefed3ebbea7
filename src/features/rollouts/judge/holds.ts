import { splitZ } from "../statistics.ts";
import { currentStep, harmRatioMaxOf, planDefaults, shareUpperMaxOf } from "./defaults.ts";
import { type Reading, versus, worse } from "./reading.ts";
import type { Reason, ReasonCode } from "./types.ts";
import { percent, seconds, short, weightText } from "./words.ts";

/** Why a critical counted signal does not let a step go on yet. */
export function holdsOf(found: Reading): Reason[] {
  const { plan, signal, tally, reading, nowMs } = found;
  const { weightPercent, minSamples = planDefaults.minSamples } = currentStep(plan);
  const { step, stepBins } = tally;
  const reasons: Reason[] = [];
  const name = signal.name;
  const hold = (code: ReasonCode, sentence: string) => reasons.push({ code, signal: name, sentence });

  const staleAfterSec = plan.staleAfterSec ?? planDefaults.staleAfterSec;
  const ageSec = reading.lastBinEndMs === null ? null : (nowMs - reading.lastBinEndMs) / 1000;
  const isSilent = ageSec === null || ageSec > staleAfterSec;
  if (isSilent && signal.noData === "ignore") return [];
  if (ageSec === null) hold("no-data", `${name}: no data`);
  else if (isSilent)
    hold("stale", `${name}: newest data is ${seconds(ageSec)} old, limit ${seconds(staleAfterSec)}`);
  const { droppedBins } = reading;
  if (droppedBins > planDefaults.droppedShareMax * (droppedBins + stepBins)) {
    hold(
      "bins-dropped",
      `${name}: ${droppedBins} readings made no sense and were left out, ${stepBins} are left`,
    );
  }
  const { canary, stable } = step;
  const total = canary.total + stable.total;
  const weight = weightPercent / 100;
  const z = splitZ(canary.total, total, weight);
  const offBy = total > 0 ? Math.abs(canary.total / total - weight) : 0;
  if (Math.abs(z) > planDefaults.splitZMax && offBy > planDefaults.splitToleranceRatio * weight) {
    const share = percent(canary.total / total);
    hold(
      "split",
      `${name}: the canary got ${share} of the traffic, not ${weightText(weightPercent)} % (z ${short(z)})`,
    );
  }
  if (canary.total < minSamples) {
    hold("too-few-samples", `${name}: ${short(canary.total)} of ${minSamples} canary events`);
  } else if (!reading.isProven) {
    hold("not-proven", notProven(found));
  }
  return reasons;
}

function notProven(found: Reading): string {
  const { plan, signal, slo, tally, reading } = found;
  const shareMax = shareUpperMaxOf(currentStep(plan), signal, slo.budgetRatio);
  const ratioMax = harmRatioMaxOf(plan);
  const { rateRatioUpper: ratio, shareUpper: share } = reading;
  const isWithin =
    (ratio !== null && ratio <= ratioMax) || (share !== null && shareMax !== null && share <= shareMax);
  const numbers = versus(found, tally.step);
  if (isWithin) return `${numbers}: within bounds so far, more traffic must confirm it`;
  const missing: string[] = [];
  if (ratio !== null)
    missing.push(
      `${short(ratio)}x ${signal.kind === "kpi" ? "fewer than " : ""}stable, limit ${short(ratioMax)}x`,
    );
  if (share !== null && shareMax !== null) missing.push(`${percent(share)}, limit ${percent(shareMax)}`);
  const why =
    missing.length > 0 ? `may be up to ${missing.join(", or ")}` : "no bad event on stable to compare with";
  return `${numbers}: ${why}; more traffic will tell`;
}

/** An advisory signal that looks harmful: said, and it decides nothing. */
export function mentionsOf(found: Reading): Reason[] {
  const { plan, signal, reading, tally } = found;
  if (reading.e < 1 / (plan.alpha ?? planDefaults.alpha)) return [];
  const sentence = `${versus(found, worse(tally.step, tally.all))}, E ${short(reading.e)} (advisory, does not decide)`;
  return [{ code: "advisory", signal: signal.name, sentence }];
}
