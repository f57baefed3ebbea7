/** What people may decide while a rollout is in flight. Decided on the locked row; pure but for the transaction. */
import type { Catalog } from "../../catalog/schema.ts";
import type { TimeSpan } from "../../platform/commands/spec.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import {
  type Decided,
  isOver,
  lastIndex,
  nextUp,
  type Rollout,
  type RolloutState,
  type Who,
} from "./model.ts";
import { clockText, nameOf } from "./words.ts";

export interface Press {
  readonly by: Who;
  readonly now: Date;
  /** `seq` of the rollout on the card that was pressed; undefined when typed. */
  readonly seen?: number | undefined;
  readonly reason?: string | undefined;
}

const wordOf: Record<Decided["what"], string> = {
  started: "started it",
  paused: "paused it",
  resumed: "resumed it",
  promoted: "promoted it",
  reverted: "reverted it",
  extended: "extended it",
};

/** `Changed since you looked: @lead reverted it at 03:15:40; it goes back. Nothing done.` */
export function changedSince(catalog: Catalog, rollout: Rollout, press: Press): Decision<never> {
  const { decided, state, id } = rollout;
  const isByPerson =
    state.is !== "reverting" && state.is !== "reverted" ? true : state.because.cause === "person";
  const who = isByPerson
    ? `${nameOf(catalog, decided.by)} ${wordOf[decided.what]} at ${clockText(catalog, press.by, new Date(decided.atMs))}; `
    : "";
  return refuse({
    rule: "bound-to-what-was-shown",
    message: `Changed since you looked: ${who}${id} ${standing(rollout)}. Nothing done.`,
    hint: isOver(rollout)
      ? `To go back from here: rollback ${rollout.service}@${rollout.environment}.`
      : "Its card shows how it stands now.",
  });
}

/** How it stands, after its id: `is paused at 10 %`. */
export function standing({ state, plan, from, to }: Rollout): string {
  const weight = (index: number): string => `${plan.steps[index]?.weightPercent ?? 0} %`;
  switch (state.is) {
    case "starting":
      return `is starting at ${weight(0)}`;
    case "promoting":
      return `is on its way to ${weight(state.index)}`;
    case "pausing":
    case "paused":
      return `is paused at ${weight(state.index)}`;
    case "step":
      return `is at ${weight(state.index)}`;
    case "watching":
      return `has all traffic on ${to} and is being watched`;
    case "reverting":
      return `is going back to ${from}`;
    case "reverted":
      return `went back to ${from}`;
    case "promoted":
      return `ended well with all traffic on ${to}`;
  }
}

type Pressed = Decision<RolloutState>;

/** A person decided after what the presser saw; what the judge did meanwhile does not count. */
const isOvertaken = ({ decided }: Rollout, { seen, by }: Press): boolean =>
  seen !== undefined &&
  decided.seq > seen &&
  (decided.by.person !== by.person || decided.by.team !== by.team);

export function pressPause(catalog: Catalog, rollout: Rollout, press: Press): Pressed {
  const { state, service } = rollout;
  if (isOvertaken(rollout, press)) return changedSince(catalog, rollout, press);
  const pause = { by: press.by, atMs: press.now.getTime(), reason: press.reason };
  switch (state.is) {
    case "starting":
      return allow({ is: "pausing", index: 0, pause });
    case "promoting":
      return allow({ is: "pausing", index: state.index, pause });
    case "step":
      return allow({ is: "paused", index: state.index, since: state.since, pause });
    case "watching":
      return refuse({
        rule: "all-traffic-moved",
        message: `${rollout.id} has all traffic on ${rollout.to}; there is no step left to pause.`,
        hint: `rollout revert ${service} takes it back.`,
      });
    case "pausing":
    case "paused":
    case "reverting":
    case "reverted":
    case "promoted":
      return changedSince(catalog, rollout, press);
  }
}

export function pressResume(catalog: Catalog, rollout: Rollout, press: Press): Pressed {
  const { state } = rollout;
  switch (state.is) {
    case "pausing":
      return allow({ is: "promoting", index: state.index });
    case "paused":
      // The step begins anew: what was counted before still tells of harm, not of having lasted long enough.
      return allow({ is: "step", index: state.index, since: press.now });
    case "starting":
    case "promoting":
    case "step":
    case "watching":
    case "reverting":
    case "reverted":
    case "promoted":
      return changedSince(catalog, rollout, press);
  }
}

/** To the next step, or with `isFull` to the last. Only the state that was shown: a second press would go too far. */
export function pressPromote(catalog: Catalog, rollout: Rollout, press: Press, isFull: boolean): Pressed {
  const { state, plan } = rollout;
  if (press.seen !== undefined && press.seen !== rollout.seq) return changedSince(catalog, rollout, press);
  switch (state.is) {
    case "step":
    case "paused": {
      const last = lastIndex(plan);
      return allow(
        isFull && state.index < last
          ? { is: "promoting", index: last }
          : nextUp(plan, state.index, press.now),
      );
    }
    case "starting":
    case "promoting":
    case "pausing":
    case "watching":
    case "reverting":
    case "reverted":
    case "promoted":
      return changedSince(catalog, rollout, press);
  }
}

/** Never refused while there is something to go back from. */
export function pressRevert(catalog: Catalog, rollout: Rollout, press: Press): Pressed {
  const { state } = rollout;
  switch (state.is) {
    case "reverting":
    case "reverted":
    case "promoted":
      return changedSince(catalog, rollout, press);
    case "starting":
    case "promoting":
    case "pausing":
    case "step":
    case "paused":
    case "watching":
      return allow({
        is: "reverting",
        because: { cause: "person", by: press.by, reason: press.reason },
        since: press.now,
      });
  }
}

export function pressExtend(
  catalog: Catalog,
  rollout: Rollout,
  press: Press,
  span: TimeSpan,
): Decision<Date> {
  if (isOver(rollout) || rollout.state.is === "reverting" || rollout.state.is === "watching")
    return changedSince(catalog, rollout, press);
  const deadlineAt = span.hasFixedEnd ? span.until : new Date(rollout.deadlineAt.getTime() + span.durationMs);
  const { deadlineMax } = catalog.policies.rollout;
  const latest = new Date(rollout.startedAt.getTime() + deadlineMax);
  if (deadlineAt > latest)
    return refuse({
      rule: "deadline-within-policy",
      message: `${rollout.id} may take ${formatDuration(deadlineMax)} in all, until ${clockText(catalog, press.by, latest)}.`,
      hint: "Promote or revert it, or extend it by less.",
    });
  if (deadlineAt <= rollout.deadlineAt)
    return refuse({
      rule: "deadline-only-later",
      message: `The deadline of ${rollout.id} is ${clockText(catalog, press.by, rollout.deadlineAt)} already.`,
      hint: "Name a later time.",
    });
  return allow(deadlineAt);
}

/** Seconds in which somebody who pressed something else is told that it was undone. */
const undoneWithinMs = 15_000;

/** Whoever pressed the opposite just before a revert: their press is undone, and they are told. */
export function undonePress({ decided }: Rollout, press: Press): Decided | undefined {
  const isOther = decided.by.person !== press.by.person || decided.by.team !== press.by.team;
  const isRecent = press.now.getTime() - decided.atMs <= undoneWithinMs;
  return isOther && isRecent && decided.what !== "started" && decided.by.team !== "-" ? decided : undefined;
}

export const undoneText = (
  catalog: Catalog,
  rollout: Rollout,
  undone: Decided,
  by: Who,
  reader: Who,
  at: Date,
): string =>
  `Changed since you looked: ${nameOf(catalog, by)} reverted ${rollout.id} at ${clockText(catalog, reader, at)}, right after you ${wordOf[undone.what].replace(" it", "")} it. It goes back to ${rollout.from}; your press has no effect any more.`;
