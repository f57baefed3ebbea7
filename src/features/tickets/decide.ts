/** Page or ticket. Pure: users' budget decides; only where it is not known does the sender's word count. */
import { pagesWhenUnknown, type Severity } from "../alerts/index.ts";
import type { Budget, SloReading } from "../slos/index.ts";

export const rules = [
  "users-hurting",
  "every-critical-alert",
  "users-well",
  "users-unknown-critical",
  "users-unknown-unsaid",
  "users-unknown",
  "other-environment",
  "flapping",
  "muted",
  "observing",
] as const;
export type Rule = (typeof rules)[number];

/** The decision as kept on the ticket, with the numbers it was made on. */
export interface Choice {
  page: boolean;
  /** It would page, and does not because its service is observed. */
  wouldPage?: boolean | undefined;
  rule: Rule;
  /** One or two sentences with the numbers, as plain text. */
  words: string;
  /** ISO 8601. */
  at: string;
  numbers: {
    users: Budget["users"] | "not asked";
    severity: Severity;
    slo?: string | undefined;
    burn?: number | undefined;
    budgetLeftRatio?: number | undefined;
    errorRatio?: number | undefined;
  };
}

export interface Evidence {
  /** Undefined when it could not be asked at all: no service is known. */
  budget: Budget | undefined;
  /** Why there is none. */
  whyNoBudget?: string | undefined;
  severity: Severity;
  severityText: string | null;
  /** The catalog's explicit rule, who answers for it and why. */
  always: { owner: string; reason: string } | undefined;
  /** Name of an environment other than the one users are in. */
  otherEnvironment: string | undefined;
  mute: { reason: string; withPages: boolean } | undefined;
  isFlapping?: boolean | undefined;
  /** Its service's mode: nothing is done, only shown. */
  isObserved?: boolean | undefined;
}

export function decide(evidence: Evidence, now: Date): Choice {
  const choice = unmuted(evidence);
  const { budget, severity, mute } = evidence;
  const worst = budget?.worst;
  const numbers: Choice["numbers"] = {
    users: budget?.users ?? "not asked",
    severity,
    slo: worst?.slo,
    burn: worst?.burn,
    budgetLeftRatio: worst?.budgetLeftRatio,
    errorRatio: worst?.errorRatio,
  };
  const made = { at: now.toISOString(), numbers };
  if (choice.page && evidence.isFlapping === true && choice.rule !== "users-hurting")
    return {
      ...made,
      page: false,
      rule: "flapping",
      words: `No page: it turns on and off, and users are not known to hurt. Without that: ${choice.words}`,
    };
  if (choice.page && mute?.withPages === true)
    return {
      ...made,
      page: false,
      rule: "muted",
      words: `No page: pages are muted (${mute.reason}). Without that: ${choice.words}`,
    };
  if (choice.page && evidence.isObserved === true)
    return {
      ...made,
      page: false,
      wouldPage: true,
      rule: "observing",
      words: `Observing, so nothing is done. It would have paged: ${choice.words.replace(/^Paged: /, "")}`,
    };
  return { ...made, ...choice };
}

function unmuted(evidence: Evidence): Pick<Choice, "page" | "rule" | "words"> {
  const { budget, severity, severityText, always, otherEnvironment } = evidence;
  const said = severityText ?? "no severity";
  if (otherEnvironment !== undefined)
    return {
      page: false,
      rule: "other-environment",
      words: `No page: it is about ${otherEnvironment}, where no users are.`,
    };
  if (budget?.users === "hurting")
    return {
      page: true,
      rule: "users-hurting",
      words: `Paged: users are hurting: ${numbersOf(budget.worst)}.`,
    };
  if (always !== undefined && severity === "critical")
    return {
      page: true,
      rule: "every-critical-alert",
      words: `Paged: the catalog pages for every critical alert here (${always.owner}: ${always.reason}). ${usersOf(evidence)}`,
    };
  if (budget?.users === "well")
    return { page: false, rule: "users-well", words: `No page: users are well: ${numbersOf(budget.worst)}.` };
  const unknown = usersOf(evidence);
  if (pagesWhenUnknown(severity, severityText) && severityText !== null)
    return {
      page: true,
      rule: "users-unknown-critical",
      words: `Paged: the sender says ${said}. ${unknown}`,
    };
  if (severityText === null)
    return {
      page: true,
      rule: "users-unknown-unsaid",
      words: `Paged: the sender gives no severity. ${unknown}`,
    };
  return { page: false, rule: "users-unknown", words: `No page: the sender says ${said}. ${unknown}` };
}

function usersOf({ budget, whyNoBudget }: Evidence): string {
  if (budget === undefined)
    return `Whether users hurt is not known: ${whyNoBudget ?? "no service is known"}.`;
  if (budget.users === "unknown")
    return `Whether users hurt is not known: ${budget.worst?.why ?? "it has no objective for users"}.`;
  return budget.worst === undefined
    ? `Users are ${budget.users}.`
    : `Users are ${budget.users}: ${numbersOf(budget.worst)}.`;
}

/** `burn 90x, errors 9.1 %, 40 % of the budget left (shop-availability, 99.5 %)` */
export function numbersOf(reading: SloReading | undefined): string {
  if (reading === undefined) return "no objective was read";
  const parts = [
    reading.burn === undefined ? "" : `burn ${short(reading.burn)}x`,
    reading.errorRatio === undefined ? "" : `errors ${short(reading.errorRatio * 100)} %`,
    reading.budgetLeftRatio === undefined
      ? ""
      : `${short(reading.budgetLeftRatio * 100)} % of the budget left`,
  ].filter((part) => part !== "");
  return `${parts.join(", ") || "numbers not known"} (${reading.slo}, ${reading.objectivePercent} %)`;
}

const short = (value: number): string =>
  Math.abs(value) >= 10 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);

/** Whether a decision that stands is replaced: a page stands until the ticket closes; the rest follows the rule. */
export function supersedes(next: Choice, standing: Choice): boolean {
  if (standing.page) return false;
  // What would have paged stands as well, for the report; it pages once its service is no longer only observed.
  if (standing.wouldPage === true) return next.page;
  return next.page || next.rule !== standing.rule;
}
