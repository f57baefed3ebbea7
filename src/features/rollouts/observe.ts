/** Reads what was measured of the weight that stands, judges it, and draws the consequence. */
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import type { Budget } from "../slos/index.ts";
import { healthFor, readCanary } from "./canary-state.ts";
import { heldByDrift } from "./drift.ts";
import { lookForDrift, noteDrift } from "./drift-watch.ts";
import { releaseTraffic } from "./holders.ts";
import { judge, type SloState, type Verdict } from "./judge.ts";
import { judgeInputOf } from "./judge-plan.ts";
import {
  afterVerdict,
  indexOf,
  isAtWeight,
  isWaitingForPerson,
  type Judged,
  type Rollout,
  type RolloutState,
  verdictOnPreview,
} from "./model.ts";
import { jobs, type Room } from "./room.ts";
import { appendSamples, samplesOf } from "./samples.ts";
import { collectSamples } from "./sampling.ts";
import { lockRollout } from "./store.ts";

/** Reads what was measured since the last look, judges all of it, and draws the consequence under the lock. */
export async function observe(room: Room, rollout: Rollout): Promise<Rerun> {
  const { platform, signals } = room;
  const { database, clock } = platform;
  const { id, seq, service, plan } = rollout;
  const standing = standingOf(rollout);
  if (!standing) return undefined;
  const { index, since: stepStartedAt } = standing;
  const now = clock.now();
  const known = await samplesOf(database.db, id);
  const [fresh, budget, look, canary] = await Promise.all([
    collectSamples({ signals, log: platform.log }, rollout, stepStartedAt, known, now),
    readBudget(room, service, now),
    lookForDrift(room, rollout),
    readCanary(room, rollout),
  ]);
  return database.tx(async (tx): Promise<Rerun> => {
    const locked = await lockRollout(tx.trx, id);
    // Decided by somebody while we read: look again at what it is now.
    if (!locked || locked.seq !== seq) return { again: tx.now };
    await appendSamples(tx.trx, id, fresh);
    const samples = await samplesOf(tx.trx, id);
    const noted = await noteDrift(room, tx, locked, look);
    // A drift that ended just now has begun the step anew.
    const begun = standingOf(noted) ?? standing;
    const judged: Judged = {
      atMs: tx.now.getTime(),
      stepIndex: index,
      stepStartedAtMs: begun.since.getTime(),
      deadlineAtMs: judgedDeadline(locked, tx.now).getTime(),
      slo: sloStateOf(budget),
      health: healthFor(canary.health, locked.judged?.isDown ?? false),
      alerts: canary.alerts,
      isDown: canary.health?.state === "down",
    };
    const input = judgeInputOf(plan, judged, samples);
    const verdict = judge(input.plan, input.samples, input.slo);
    const word = plan.steps[index]?.weightPercent === 0 ? verdictOnPreview(verdict) : verdict;
    return conclude(room, tx, { ...noted, judged }, heldByDrift(word, noted.drift));
  });
}

/** The step whose weight stands, since when: while another weight is being set, the one before; at first none. */
export function standingOf({ state, marks, plan }: Rollout): { index: number; since: Date } | undefined {
  if (isAtWeight(state) && "since" in state) return { index: indexOf({ state, plan }), since: state.since };
  const last = marks.at(-1);
  return last && { index: last.index, since: new Date(last.atMs) };
}

/** With all traffic moved nothing is late any more: the watch has its own end. */
const judgedDeadline = ({ state, deadlineAt }: Rollout, now: Date): Date =>
  state.is === "watching" ? new Date(Math.max(now.getTime() + 1, state.until.getTime() + 1)) : deadlineAt;

async function conclude(room: Room, tx: Tx, locked: Rollout, verdict: Verdict): Promise<Rerun> {
  const { id, plan } = locked;
  const next = afterVerdict(locked, verdict, tx.now);
  const again = { again: new Date(tx.now.getTime() + plan.intervalMs) };
  const reason = verdict.reasons[0]?.sentence;
  const judged = { ...locked, verdict };
  switch (next?.is) {
    case undefined:
      await room.change(tx, locked, { verdict });
      if (isWaitingForPerson(judged)) room.tellWaits(tx, judged);
      return again;
    case "reverting":
      await turnBack(room, tx, judged, next);
      return undefined;
    case "promoting":
      await room.change(
        tx,
        judged,
        { state: next },
        { actor: systemActor, action: "rollout.promoting", reason },
      );
      return { again: tx.now };
    case "watching":
      await room.change(
        tx,
        judged,
        { state: next },
        { actor: systemActor, action: "rollout.watching", reason },
      );
      return again;
    case "promoted":
      await finish(room, tx, judged, next);
      return undefined;
    case "starting":
    case "pausing":
    case "step":
    case "paused":
    case "reverted":
      throw new Error(`a verdict cannot make rollout ${id} ${next.is}`);
  }
}

async function finish(
  room: Room,
  tx: Tx,
  rollout: Rollout,
  state: RolloutState & { is: "promoted" },
): Promise<void> {
  const { id, service, environment, from, to, deployId } = rollout;
  await room.markers.mark(tx, {
    service,
    environment,
    kind: "promoted",
    version: to,
    from,
    percent: 100,
    thing: id,
    at: tx.now,
  });
  await room.change(
    tx,
    rollout,
    { state, endedAt: tx.now },
    { actor: systemActor, action: "rollout.promoted" },
  );
  if (deployId) await room.deploys.markOutcome(tx, deployId, "good");
  await releaseTraffic(tx, id);
  tx.emit("rollouts.promoted", id);
}

/** What the judge needs of the budget: the service's worst SLO. What cannot be read is unknown, never healthy. */
export function sloStateOf(budget: Budget | undefined): SloState {
  const worst = budget?.worst ?? budget?.readings[0];
  if (!budget || !worst)
    return { state: "unknown", severity: "none", budgetRatio: null, remaining: null, budgetEvents: null };
  const { budgetRatio, remaining, budgetEvents } = worst;
  const severity = budget.users === "hurting" ? "page" : worst.severity;
  // What is only partly read may show harm; it shows no health.
  if (worst.partial !== undefined)
    return { state: "unknown", severity, budgetRatio, remaining: null, budgetEvents: null };
  return { state: worst.state, severity, budgetRatio, remaining, budgetEvents };
}

async function readBudget({ platform, slos }: Room, service: string, now: Date): Promise<Budget | undefined> {
  try {
    return await slos.budgetOf(service, now);
  } catch (error) {
    // An unknown budget makes the judge slower; it must not keep it from seeing harm.
    platform.log.warn({ err: error, service }, "the budget could not be read");
    return undefined;
  }
}

export async function turnBack(
  room: Room,
  tx: Tx,
  locked: Rollout,
  state: RolloutState & { is: "reverting" },
): Promise<void> {
  const reason = state.because.cause === "person" ? undefined : state.because.sentences[0];
  await room.change(
    tx,
    locked,
    { state, failing: undefined },
    { actor: systemActor, action: "rollout.reverting", reason },
  );
  tx.ring({ job: jobs.revert, ref: locked.id, lane: "urgent" });
}
