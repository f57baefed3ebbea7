/**
 * What a rollout is and which presses it takes. Pure.
 *
 * starting → step 0 → promoting → step 1 → … → step n (100 %) → watching → promoted
 *   a pause: step → paused, or pausing while a weight is being set; resumed → step
 *   from anywhere before the end: reverting → reverted
 */
import type { Id } from "../../platform/ids.ts";
import type { TrafficSnapshot } from "../../providers/traffic/contract.ts";
import type { Drift, Share } from "./drift.ts";
import type { CanaryAlert, Reason, ReasonCode, Samples, SloState, Verdict } from "./judge.ts";
import type { RolloutPlan } from "./plan.ts";
import type { PutBack } from "./put-back.ts";
import type { Surroundings } from "./surroundings.ts";

/** Who acted: a Slack team and user, or Quarterdeck (`-`, `quarterdeck`). */
export interface Who {
  readonly team: string;
  readonly person: string;
}

export interface Pause {
  readonly by: Who;
  readonly atMs: number;
  readonly reason?: string | undefined;
}

export type Because =
  | {
      readonly cause: "breach";
      readonly code: string;
      readonly signal?: string | undefined;
      readonly sentences: readonly string[];
    }
  | { readonly cause: "deadline"; readonly sentences: readonly string[] }
  | { readonly cause: "person"; readonly by: Who; readonly reason?: string | undefined };

export type RolloutState =
  | { readonly is: "starting" }
  | { readonly is: "promoting"; readonly index: number }
  | { readonly is: "pausing"; readonly index: number; readonly pause: Pause }
  | { readonly is: "step"; readonly index: number; readonly since: Date }
  | { readonly is: "paused"; readonly index: number; readonly since: Date; readonly pause: Pause }
  | { readonly is: "watching"; readonly since: Date; readonly until: Date }
  | { readonly is: "reverting"; readonly because: Because; readonly since: Date }
  | { readonly is: "reverted"; readonly because: Because; readonly since: Date; readonly at: Date }
  | { readonly is: "promoted"; readonly at: Date };

/** The last thing a person decided, for whoever pressed at the same moment. */
export interface Decided {
  readonly seq: number;
  readonly by: Who;
  readonly atMs: number;
  readonly what: "started" | "paused" | "resumed" | "promoted" | "reverted" | "extended";
  /** Channel the press came from, to tell the person when another press undid theirs. */
  readonly channel: string;
}

/** An effect outside that does not come about. */
export interface Failing {
  readonly sinceMs: number;
  readonly attempts: number;
  readonly error: string;
  readonly isPaged: boolean;
  /** Accepted and not there yet, or not warm yet: nothing fails, it takes time. */
  readonly isWaiting?: boolean | undefined;
}

/** A step's weight as it was confirmed outside. */
export interface StepMark {
  readonly index: number;
  readonly weightPercent: number;
  readonly atMs: number;
  /** All shares as they were read back. */
  readonly versions?: readonly Share[] | undefined;
  /** Idempotency key of the change that set them. */
  readonly key?: string | undefined;
}

/** Whether the symptom went away after the way back, and stayed away while it was watched. */
export interface Recovery {
  readonly signal: string;
  readonly unit: string;
  /** Service-wide before; ratios as 0..1. */
  readonly before?: number | undefined;
  /** What the version gone back to showed meanwhile. */
  readonly reference?: number | undefined;
  readonly sinceMs: number;
  /** The last that was said. It may change until the watch is over. */
  readonly result?: RecoveryResult | undefined;
  /** From the decision to go back until users were well; undefined while they are not. The time to restore. */
  readonly restoredMs?: number | undefined;
  /** What was read when it had recovered. */
  readonly after?: number | undefined;
  /** The watch has ended: what was said last stays. */
  readonly isOver?: boolean | undefined;
}

export interface RecoveryResult {
  readonly is: "recovered" | "no-better" | "came-back";
  readonly text: string;
}

/** What the judge was told besides the samples, to judge the same again. */
export interface Judged {
  readonly atMs: number;
  readonly stepIndex: number;
  readonly stepStartedAtMs: number;
  readonly deadlineAtMs: number;
  readonly slo: SloState;
  readonly health?: Samples["health"] | undefined;
  readonly alerts: readonly CanaryAlert[];
  /** The engine found its processes down at this look. */
  readonly isDown: boolean;
}

export interface ParityNote {
  readonly equal: boolean;
  /** Each with what to do: `flag new-checkout changed since: off → on by @dev; turn it back`. */
  readonly differences: readonly string[];
}

export interface Rollout {
  readonly id: Id<"rollout">;
  readonly service: string;
  readonly environment: string;
  readonly from: string;
  readonly to: string;
  readonly startedBy: Who;
  readonly startedAt: Date;
  readonly deadlineAt: Date;
  /** Slack channel its card stands in. */
  readonly channel: string;
  readonly change?: string | undefined;
  readonly plan: RolloutPlan;
  readonly wayBack: TrafficSnapshot;
  /** Settings, flags and schema before the first step; undefined in rows of earlier releases. */
  readonly surroundings?: Surroundings | undefined;
  readonly state: RolloutState;
  /** Goes up with every change of state. */
  readonly seq: number;
  readonly decided: Decided;
  readonly failing?: Failing | undefined;
  /** The traffic is, or was at this step, not what this rollout set. */
  readonly drift?: Drift | undefined;
  readonly verdict?: Verdict | undefined;
  /** What the verdict rests on besides the samples. */
  readonly judged?: Judged | undefined;
  readonly marks: readonly StepMark[];
  readonly deployId?: Id<"deploy"> | undefined;
  readonly parity?: ParityNote | undefined;
  readonly recovery?: Recovery | undefined;
  /** After its revert the version got traffic again. */
  readonly putBack?: PutBack | undefined;
  readonly endedAt?: Date | undefined;
}

export const isOver = ({ state }: Pick<Rollout, "state">): boolean =>
  state.is === "reverted" || state.is === "promoted";

/** Traffic stands at a weight this rollout set and stays there until something is decided. */
export const isAtWeight = ({ is }: RolloutState): boolean =>
  is === "step" || is === "paused" || is === "watching";

export const lastIndex = (plan: RolloutPlan): number => plan.steps.length - 1;

/** The step a state is at, or on its way to. */
export function indexOf({ state, plan }: Pick<Rollout, "state" | "plan">): number {
  switch (state.is) {
    case "starting":
      return 0;
    case "promoting":
    case "pausing":
    case "step":
    case "paused":
      return state.index;
    case "watching":
    case "promoted":
    case "reverting":
    case "reverted":
      return lastIndex(plan);
  }
}

/** Share the new version should have outside, in percent. */
export function wantedPercent(rollout: Pick<Rollout, "state" | "plan">): number {
  const { state, plan } = rollout;
  if (state.is === "reverting" || state.is === "reverted") return 0;
  return plan.steps[indexOf(rollout)]?.weightPercent ?? 0;
}

/** What the judge's word makes of the state; undefined: nothing changes. */
export function afterVerdict(rollout: Rollout, verdict: Verdict, now: Date): RolloutState | undefined {
  const { state, plan } = rollout;
  switch (state.is) {
    case "step":
      if (verdict.do === "revert") return { is: "reverting", because: becauseOf(verdict), since: now };
      if (verdict.do !== "promote" || waitsForPerson(plan, state.index)) return undefined;
      return nextUp(plan, state.index, now);
    case "paused":
    case "promoting":
    case "pausing":
      return verdict.do === "revert"
        ? { is: "reverting", because: becauseOf(verdict), since: now }
        : undefined;
    case "watching":
      if (verdict.do === "revert") return { is: "reverting", because: becauseOf(verdict), since: now };
      return afterWatch(rollout, state.until, verdict, now);
    case "starting":
    case "reverting":
    case "reverted":
    case "promoted":
      return undefined;
  }
}

const waitsForPerson = ({ steps }: RolloutPlan, index: number): boolean =>
  steps[index]?.waitForPerson === true;

/** Good as it looks, the step goes on only once somebody promotes it; the deadline still takes it back. */
export const isWaitingForPerson = ({
  state,
  plan,
  verdict,
}: Pick<Rollout, "state" | "plan" | "verdict">): boolean =>
  state.is === "step" && verdict?.do === "promote" && waitsForPerson(plan, state.index);

/** Reasons that count before the new version has users: nothing can be compared yet. */
const previewCodes: readonly ReasonCode[] = [
  "too-early",
  "budget-burn",
  "budget-low",
  "budget-unknown",
  "alert-hold",
];

/** Without users a version is silent: that says nothing, whatever silence means in the steps after. */
export const previewPlanOf = (plan: RolloutPlan): RolloutPlan => ({
  ...plan,
  noVerdict: undefined,
  signals: plan.signals.map((signal) => ({ ...signal, noData: "ignore" })),
});

/** The judge's word on a preview: harm and time as always, and no numbers, since there are none without users. */
export function verdictOnPreview(verdict: Verdict): Verdict {
  if (verdict.do === "revert") return verdict;
  const reasons = verdict.reasons.filter(({ code }) => previewCodes.includes(code));
  if (reasons.length > 0) return { ...verdict, do: "hold", reasons };
  const ready: Reason = { code: "within-bounds", sentence: "runs and answers, without users yet" };
  return { ...verdict, do: "promote", reasons: [ready] };
}

/** Reasons for which a watch goes on: its numbers cannot be seen, or are too few yet. */
const unseenCodes: readonly ReasonCode[] = ["no-data", "stale"];

/** What keeps a watch from ending as good. */
export function unseenIn(verdict: Verdict | undefined): Reason | undefined {
  return verdict?.do === "hold" ? verdict.reasons.find(({ code }) => unseenCodes.includes(code)) : undefined;
}

/**
 * A watch ends well once its time is over. Traffic that is not the rollout's, or numbers that cannot be seen, show
 * nothing good: it goes on as long again, or to the deadline, and then goes back. With few requests it goes on as long,
 * and ends by what the steps have shown.
 */
function afterWatch(
  { plan, deadlineAt, drift }: Rollout,
  until: Date,
  verdict: Verdict,
  now: Date,
): RolloutState | undefined {
  const latestMs = Math.max(deadlineAt.getTime(), until.getTime() + plan.watchMs);
  const bad = drift?.isStanding ? drift.sentence : unseenIn(verdict)?.sentence;
  if (bad !== undefined) {
    if (now.getTime() < latestMs) return undefined;
    const sentences = [`the watch ended with ${bad}`];
    return { is: "reverting", because: { cause: "deadline", sentences }, since: now };
  }
  const isThin = verdict.do === "hold" && verdict.reasons.some(({ code }) => code === "too-few-samples");
  return now.getTime() >= (isThin ? latestMs : until.getTime()) ? { is: "promoted", at: now } : undefined;
}

/** The step after this one, or the watch after the last. */
export function nextUp(plan: RolloutPlan, index: number, now: Date): RolloutState {
  return index < lastIndex(plan)
    ? { is: "promoting", index: index + 1 }
    : { is: "watching", since: now, until: new Date(now.getTime() + plan.watchMs) };
}

export function becauseOf(verdict: Verdict): Because {
  const [first] = verdict.reasons;
  const sentences = verdict.reasons.filter(({ code }) => code !== "advisory").map(({ sentence }) => sentence);
  if (first?.code === "deadline") return { cause: "deadline", sentences };
  return { cause: "breach", code: first?.code ?? "unknown", signal: first?.signal, sentences };
}

/** The state once the weight of the step has been read back. New requests count from `since`. */
export function afterWeight(rollout: Rollout, since: Date): RolloutState | undefined {
  const { state } = rollout;
  switch (state.is) {
    case "starting":
      return { is: "step", index: 0, since };
    case "promoting":
      return { is: "step", index: state.index, since };
    case "pausing":
      return { is: "paused", index: state.index, since, pause: state.pause };
    case "step":
    case "paused":
    case "watching":
    case "reverting":
    case "reverted":
    case "promoted":
      return undefined;
  }
}
