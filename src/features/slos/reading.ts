/** From the arithmetic of one SLO to its reading, and from all readings to how users are. Pure. */
import type { Slo } from "../../catalog/schema.ts";
import { type Period, windowText } from "../../catalog/slo-windows.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { BudgetStatus } from "./model.ts";
import type { Budget, SloReading } from "./types.ts";

export function readingOf(
  slo: Slo,
  status: BudgetStatus,
  {
    period,
    since,
    owner,
    partial,
    trouble,
  }: {
    period: Period;
    since: Date | null;
    owner: string;
    partial: string | null;
    trouble: string | null;
  },
): SloReading {
  const burnOf = (windowMs: number | undefined): number | undefined => {
    const window = status.burns.find((burn) => burn.windowMs === windowMs);
    return window?.state === "ok" ? window.burn : undefined;
  };
  const first = slo.alerting[0];
  const shortest = slo.alerting.reduce<typeof first>((a, b) => (a && a.short <= b.short ? a : b), undefined);
  const { row } = status.burn;
  const seen = row
    ? [burnOf(row.short), burnOf(row.long)]
    : [burnOf(shortest?.short) ?? burnOf(shortest?.long)];
  const known = seen.filter((burn) => burn !== undefined);
  const firstShort = status.burns.find(({ windowMs }) => windowMs === first?.short);
  return {
    slo: slo.name,
    objectivePercent: slo.objective,
    windowMs: period.to.getTime() - period.from.getTime(),
    windowText: windowText(slo.window, formatDuration),
    ...("calendar" in slo.window ? { renewsAt: period.to } : {}),
    ...(since === null ? {} : { since }),
    owner,
    decides: (slo.policy ?? "enforce") === "enforce",
    isUserFacing: slo.userFacing,
    state: status.state,
    severity: status.severity,
    why: status.why === null ? undefined : status.state === "unknown" ? (trouble ?? status.why) : status.why,
    partial: partial ?? undefined,
    budgetRatio: status.budgetRatio,
    remaining: status.remaining,
    budgetEvents: status.budgetEvents,
    budgetLeftRatio: status.remaining ?? undefined,
    burn: known.length > 0 ? Math.max(...known) : undefined,
    firing: row
      ? { severity: row.severity, longMs: row.long, shortMs: row.short, burn: row.burn }
      : undefined,
    exhaustion: status.exhaustion,
    burns: status.burns.map((window) => ({
      windowMs: window.windowMs,
      burn: window.state === "ok" ? window.burn : null,
    })),
    errorRatio: firstShort?.state === "ok" ? firstShort.errorRatio : undefined,
  };
}

/** Worst first: what pages, what cannot be read, what is spent, what burns, what has no data, what is well. */
const ranks = { unknown: 1, exhausted: 2, burning: 3, "no-data": 4, healthy: 5 } as const;
const rankOf = (reading: SloReading): number => (reading.severity === "page" ? 0 : ranks[reading.state]);

export function budgetOfReadings(service: string, at: Date, readings: readonly SloReading[]): Budget {
  const facing = readings.filter(({ isUserFacing }) => isUserFacing);
  const worst = [...facing].sort((a, b) => rankOf(a) - rankOf(b))[0];
  return { service, at, users: usersOf(facing), readings, worst };
}

function usersOf(facing: readonly SloReading[]): Budget["users"] {
  if (facing.some(({ severity }) => severity === "page")) return "hurting";
  if (facing.some(({ state }) => state === "unknown")) return "unknown";
  return facing.every(({ state }) => state === "no-data") ? "unknown" : "well";
}
