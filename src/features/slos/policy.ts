/**
 * What the budget left of a service means for changes to it. Pure. Pages and roll-backs are none of its business: users
 * who hurt page whatever is left, and a roll-back is never asked for budget.
 * Source: Google SRE Workbook, "Example Error Budget Policy"; the shares of 50, 20 and 0 % are the catalog's defaults.
 */
import { type BudgetLevel, budgetLevels } from "../../catalog/error-budget.ts";
import type { ErrorBudgetPolicy } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Budget, SloReading } from "./types.ts";
import { percentText } from "./words.ts";

export interface BudgetPolicy {
  readonly service: string;
  readonly at: Date;
  /**
   * `ship` asks nothing, `careful` smaller steps and a longer bake, `approval` a lead as well, `freeze` stops risky
   * change. From the strictest of the service's SLOs whose budget decides.
   */
  readonly level: BudgetLevel;
  /** `unknown`: what decided could not be read, or there is no SLO; never `ship`. */
  readonly state: "known" | "unknown";
  /** Share of the budget left that decided; negative when overspent; null when not known. */
  readonly left: number | null;
  /** SLO that decided; none where the service has none. */
  readonly slo: string | undefined;
  /** The budget says better already; the level before is kept until then, unless it gets worse again. */
  readonly heldUntil: Date | undefined;
  /** What is so and what it asks for, plain text: `shop-availability has 34 % of its budget left: …`. */
  readonly words: string;
  /** How a careful rollout differs. */
  readonly careful: ErrorBudgetPolicy["careful"];
}

/** What was left at a moment before, of each SLO that decides: null where it was not known. */
export interface BudgetLeftAt {
  readonly at: Date;
  readonly left: ReadonlyMap<string, number | null>;
}

/** At the border the stricter level counts: 50 % left is careful, 0 % frozen. */
export function levelOf(policy: ErrorBudgetPolicy, left: number | null): BudgetLevel {
  if (left === null) return policy.unknown;
  // 12 digits, so that a budget that is exactly spent is not left over by a float's dust.
  const percent = Number((left * 100).toPrecision(12));
  return policy.levels.findLast(({ leftPercent }) => percent <= leftPercent)?.action ?? "ship";
}

const strictness = (level: BudgetLevel): number => budgetLevels.indexOf(level);
const stricter = (a: BudgetLevel, b: BudgetLevel): BudgetLevel => (strictness(b) > strictness(a) ? b : a);

/**
 * The policy at a moment. A level is left only after the facts have said better for `leaveAfter`: the levels of
 * `earlier`, taken within that time, are kept until they are that old. Not having known something is no such level.
 */
export function policyOf(
  policy: ErrorBudgetPolicy,
  budget: Budget,
  earlier: readonly BudgetLeftAt[],
): BudgetPolicy {
  const { service, at } = budget;
  const findings = budget.readings
    .filter(({ decides }) => decides !== false)
    .map((reading) => findingOf(policy, reading));
  const worst = [...findings].sort(
    (a, b) => strictness(b.level) - strictness(a.level) || (a.left ?? 0) - (b.left ?? 0),
  )[0] ?? {
    level: policy.unknown,
    isKnown: false,
    left: null,
    slo: undefined,
    why: "it has no SLO that says",
  };

  const names = new Set(findings.map(({ slo }) => slo));
  const held = earlier
    .filter((moment) => at.getTime() - moment.at.getTime() <= policy.leaveAfter)
    .flatMap((moment) =>
      [...moment.left].flatMap(([slo, left]) =>
        left === null || !names.has(slo)
          ? []
          : [
              {
                slo,
                left,
                level: levelOf(policy, left),
                until: new Date(moment.at.getTime() + policy.leaveAfter),
              },
            ],
      ),
    )
    .filter(({ level }) => strictness(level) > strictness(worst.level))
    .sort((a, b) => strictness(b.level) - strictness(a.level) || b.until.getTime() - a.until.getTime())[0];

  const level = held?.level ?? worst.level;
  const state = worst.isKnown ? "known" : "unknown";
  const common = { service, at, level, state, left: worst.left, slo: held?.slo ?? worst.slo } as const;
  const fact = factOf(service, worst);
  const words = held
    ? `${fact}, but ${held.slo} had ${leftText(held.left)} within the last ${formatDuration(policy.leaveAfter)}: ${asks(level, policy)}`
    : `${fact}: ${asks(level, policy)}`;
  return { ...common, heldUntil: held?.until, words, careful: policy.careful };
}

interface Finding {
  level: BudgetLevel;
  isKnown: boolean;
  left: number | null;
  slo: string | undefined;
  why: string | undefined;
}

/** An SLO that cannot be read now, though its window could, is at least as strict as one that is not known. */
function findingOf(policy: ErrorBudgetPolicy, { slo, state, remaining, why }: SloReading): Finding {
  const isKnown = state !== "unknown" && remaining !== null;
  const level = levelOf(policy, remaining);
  return { level: isKnown ? level : stricter(level, policy.unknown), isKnown, left: remaining, slo, why };
}

function factOf(service: string, { isKnown, left, slo, why }: Finding): string {
  if (isKnown && left !== null) return `${slo} has ${leftText(left)}`;
  const because = [slo, why].filter((part) => part !== undefined).join(": ");
  return `The error budget of ${service} is not known${because === "" ? "" : ` (${because})`}`;
}

function leftText(left: number): string {
  if (left < 0) return `overspent its budget by ${percentText(-left)}`;
  return left === 0 ? "spent all of its budget" : `${percentText(left)} of its budget left`;
}

/** What a level asks of a change. */
export function asks(level: BudgetLevel, { careful }: Pick<ErrorBudgetPolicy, "careful">): string {
  switch (level) {
    case "ship":
      return "changes may go out";
    case "careful":
      return `steps of at most ${careful.stepMaxPercent} % and ${careful.holdFactor} times as long`;
    case "approval":
      return "a change needs a lead's approval, and goes in smaller steps";
    case "freeze":
      return "risky change is frozen; rolling back never is";
  }
}

/** Moments of the last while to look back at, for {@link policyOf}: quarters, so that a short dip is not missed. */
export function momentsBefore(policy: ErrorBudgetPolicy, at: Date): Date[] {
  return [1, 2, 3, 4].map((quarter) => new Date(at.getTime() - (policy.leaveAfter * quarter) / 4));
}

/** For messages: from the freest to the strictest. */
export const levelMarks: Readonly<Record<BudgetLevel, string>> = {
  ship: "🟢",
  careful: "🟡",
  approval: "🟠",
  freeze: "🔴",
};

/** The level a service's people were told of last. */
export interface KeptLevel {
  readonly level: BudgetLevel;
  readonly since: Date;
  /** Since when the budget has said better, without a break. */
  readonly betterSince: Date | undefined;
}

/**
 * What to keep now, undefined for what is kept already. A stricter level counts at once, a laxer one after
 * `leaveAfter`; what cannot be known changes nothing.
 */
export function nextLevel(
  kept: KeptLevel | undefined,
  { level, state, at }: Pick<BudgetPolicy, "level" | "state" | "at">,
  { leaveAfter }: Pick<ErrorBudgetPolicy, "leaveAfter">,
): KeptLevel | undefined {
  if (state === "unknown") return undefined;
  if (kept === undefined || strictness(level) > strictness(kept.level))
    return { level, since: at, betterSince: undefined };
  if (level === kept.level)
    return kept.betterSince === undefined ? undefined : { ...kept, betterSince: undefined };
  if (kept.betterSince === undefined) return { ...kept, betterSince: at };
  const betterMs = at.getTime() - kept.betterSince.getTime();
  return betterMs >= leaveAfter ? { level, since: at, betterSince: undefined } : undefined;
}
