/**
 * Drift: the weights outside are not what the rollout set, because somebody or something else moved them. Pure.
 * While it stands nothing is promoted. By policy it is only said (`hold`) or set again (`correct`), a few times;
 * a call of ours that arrived late is always set again. A revert is never held by it.
 */
import type { TrafficState } from "../../providers/traffic/contract.ts";
import { ownerName } from "../gitops/index.ts";
import { weightText } from "./judge/words.ts";
import type { Reason, Verdict } from "./judge.ts";
import type { Rollout, RolloutState } from "./model.ts";

export type DriftPolicy = "hold" | "correct";

export interface Drift {
  /** False once the weights are again what the rollout set. */
  readonly isStanding: boolean;
  readonly sinceMs: number;
  /** `traffic moved outside: v42 has 30 %, should be 10 %` */
  readonly sentence: string;
  /** How often the weights of this step were set again. */
  readonly corrections: number;
}

/** Times a step's weights are set again; whoever moves them more often than this means it. */
export const correctionsMax = 3;

/** Percentage points two readings of one weight may differ by: engines round to hundredths. */
const toleranceWeightPercent = 0.02;

export interface Share {
  readonly version: string;
  readonly weightPercent: number;
}

/** Beginning of the keys with which the weights of the step it stands at are set again. */
export const correctionPrefix = ({ id, marks }: Pick<Rollout, "id" | "marks">): string =>
  `${id}:correct-${marks.length}-`;

const isLastOfOurs = (rollout: Pick<Rollout, "id" | "marks">, changedBy: string | null): boolean =>
  changedBy !== null &&
  (changedBy === rollout.marks.at(-1)?.key || changedBy.startsWith(correctionPrefix(rollout)));

/** The weights as they were read back after the step's change. */
export function sharesSet({ marks, to }: Pick<Rollout, "marks" | "to">): readonly Share[] | undefined {
  const last = marks.at(-1);
  return last && (last.versions ?? [{ version: to, weightPercent: last.weightPercent }]);
}

export const sharesIn = ({ versions }: Pick<TrafficState, "versions">): Share[] =>
  versions.map(({ version, weightPercent }) => ({ version, weightPercent }));

export interface Strayed {
  readonly sentence: string;
  /** The last change carries this rollout's mark: a call of ours that arrived late. */
  readonly isOurs: boolean;
}

/** What stands outside against what was set; undefined when it is the same, whoever wrote it. */
export function strayedOf(
  { id, to, ...rollout }: Pick<Rollout, "id" | "to" | "marks">,
  { versions, changedBy, managedBy }: TrafficState,
): Strayed | undefined {
  const set = sharesSet({ to, ...rollout });
  if (set === undefined) return undefined;
  const found = new Map(versions.map(({ version, weightPercent }) => [version, weightPercent]));
  const due = new Map(set.map(({ version, weightPercent }) => [version, weightPercent]));
  // Only the whole vector says which versions should have nothing.
  const isWhole = set.length > 1 || set[0]?.weightPercent === 100;
  const names = isWhole ? [...new Set([to, ...due.keys(), ...found.keys()])] : [...due.keys()];
  const differing = names.filter(
    (name) => Math.abs((found.get(name) ?? 0) - (due.get(name) ?? 0)) > toleranceWeightPercent,
  );
  if (differing.length === 0) return undefined;
  // Nobody changed what was set: shares that follow from which pods are there move with the pods.
  if (isLastOfOurs({ id, ...rollout }, changedBy)) return undefined;
  const differences = differing.map(
    (name) =>
      `${name} has ${weightText(found.get(name) ?? 0)} %, should be ${weightText(due.get(name) ?? 0)} %`,
  );
  const isOurs = changedBy?.startsWith(`${id}:`) ?? false;
  const who = isOurs ? " by a late call of ours" : changedBy ? ` by ${changedBy}` : "";
  const owner = managedBy ? `; managed by ${ownerName(managedBy)}` : "";
  return { sentence: `traffic moved outside${who}: ${differences.slice(0, 4).join(", ")}${owner}`, isOurs };
}

export interface DriftStep {
  readonly drift: Drift;
  /** What is new about it; undefined: known as it is. */
  readonly news: "began" | "changed" | "ended" | undefined;
  readonly isToCorrect: boolean;
}

/** What a look makes of the drift known so far; undefined: there is none, and none stood. */
export function nextDrift(
  known: Drift | undefined,
  strayed: Strayed | undefined,
  policy: DriftPolicy,
  now: Date,
): DriftStep | undefined {
  const standing = known?.isStanding ? known : undefined;
  if (!strayed)
    return standing && { news: "ended", isToCorrect: false, drift: { ...standing, isStanding: false } };
  const corrections = known?.corrections ?? 0;
  const mayCorrect = policy === "correct" || strayed.isOurs;
  const isToCorrect = mayCorrect && corrections < correctionsMax;
  const given = mayCorrect && !isToCorrect ? ` (set again ${corrections} times, now left as it is)` : "";
  const sentence = `${strayed.sentence}${given}`;
  return {
    drift: { isStanding: true, sinceMs: standing?.sinceMs ?? now.getTime(), sentence, corrections },
    news: standing === undefined ? "began" : standing.sentence === sentence ? undefined : "changed",
    isToCorrect,
  };
}

/**
 * The state once a drift is over. What was counted meanwhile still tells of harm; how long the step lasted and how it was
 * split is counted anew. A watch goes on as long again, and however often it is disturbed it ends: at the deadline, or
 * twice its length after all traffic was moved.
 */
export function begunAnew(
  { state, plan, marks, deadlineAt }: Pick<Rollout, "state" | "plan" | "marks" | "deadlineAt">,
  now: Date,
): RolloutState {
  const since = new Date(now.getTime() + plan.lagMs / 2);
  if (state.is === "step" || state.is === "paused") return { ...state, since };
  if (state.is !== "watching") return state;
  const movedMs = marks.at(-1)?.atMs ?? state.since.getTime();
  const latestMs = Math.max(deadlineAt.getTime(), movedMs + 2 * plan.watchMs);
  const againMs = Math.min(now.getTime() + plan.watchMs, latestMs);
  return { ...state, since, until: new Date(Math.max(state.until.getTime(), againMs)) };
}

/** The judge's word while the traffic is not the rollout's: never promote. Harm still reverts. */
export function heldByDrift(verdict: Verdict, drift: Drift | undefined): Verdict {
  if (!drift?.isStanding || verdict.do === "revert") return verdict;
  const reason: Reason = { code: "drift", sentence: drift.sentence };
  const others = verdict.do === "hold" ? verdict.reasons : verdict.reasons.filter(isMention);
  return { ...verdict, do: "hold", reasons: [reason, ...others] };
}

const isMention = ({ code }: Reason): boolean => code === "advisory";

/**
 * The weights to set, one call each, so that the step's shares stand again whatever stands there: the version gone
 * from first, so that what others lose is never the canary's; others to nothing; the canary last.
 */
export function correctionsOf(
  set: readonly Share[],
  { versions }: Pick<TrafficState, "versions">,
  { from, to }: Pick<Rollout, "from" | "to">,
): Share[] {
  const due = new Map(set.map(({ version, weightPercent }) => [version, weightPercent]));
  const canary = { version: to, weightPercent: due.get(to) ?? 0 };
  if (canary.weightPercent === 100) return [canary];
  const others = versions
    .map(({ version }) => version)
    .filter((version) => version !== to && version !== from)
    .map((version) => ({ version, weightPercent: due.get(version) ?? 0 }));
  if (others.length === 0) return [canary];
  return [{ version: from, weightPercent: due.get(from) ?? 0 }, ...others, canary];
}
