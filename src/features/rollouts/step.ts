/** One short step of a rollout on its way up: set a weight, or read what was measured and judge it. */
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { Budget } from "../slos/index.ts";
import { healthFor, readCanary } from "./canary-state.ts";
import { heldByDrift, sharesIn } from "./drift.ts";
import { lookForDrift, noteDrift } from "./drift-watch.ts";
import { isIntended, recordEffect } from "./effects.ts";
import { releaseTraffic } from "./holders.ts";
import { judge, type SloState, type Verdict } from "./judge.ts";
import { judgeInputOf } from "./judge-plan.ts";
import {
  afterVerdict,
  afterWeight,
  indexOf,
  isWaitingForPerson,
  type Judged,
  type Rollout,
  type RolloutState,
  verdictOnPreview,
  wantedPercent,
} from "./model.ts";
import { jobs, type Room } from "./room.ts";
import { appendSamples, samplesOf } from "./samples.ts";
import { collectSamples } from "./sampling.ts";
import { findRollout, lockRollout } from "./store.ts";
import { warmthOf } from "./warm-up.ts";

const retryMs = { first: 1_000, most: 10_000 };

/** Waits a little longer each time, up to ten seconds: an engine that is back is used soon. */
export const retryAt = (now: Date, attempts: number): Date =>
  new Date(now.getTime() + Math.min(retryMs.most, retryMs.first * attempts));

export async function stepRollout(room: Room, id: string): Promise<Rerun> {
  const rollout = await findRollout(room.platform.database.db, id);
  switch (rollout?.state.is) {
    case "starting":
    case "promoting":
    case "pausing":
      return raise(room, rollout);
    case "step":
    case "paused":
    case "watching":
      return observe(room, rollout);
    case "reverting":
    case "reverted":
    case "promoted":
    case undefined:
      return undefined;
  }
}

/** Sets the weight of the step it is on its way to. */
async function raise(room: Room, rollout: Rollout): Promise<Rerun> {
  const { database, clock } = room.platform;
  const { id, service, to, seq } = rollout;
  if (clock.now() >= rollout.deadlineAt) return passDeadline(room, rollout);
  const percent = wantedPercent(rollout);
  // Pausing meanwhile does not change the weight, so it does not make another effect.
  const key = `${id}:step-${indexOf(rollout)}-at-${percent}`;
  const isSame = (now: Rollout | undefined): now is Rollout =>
    now !== undefined && isRaising(now) && wantedPercent(now) === percent;
  if (!(await isIntended(database.db, key))) {
    // Once the engine was asked for the weight it may have it, and only the judge keeps watch over that.
    const cold = await coldBefore(room, rollout);
    if (cold) return noteFailure(room, id, seq, cold);
  }
  const result = await room.effects.apply(
    room.aim(rollout),
    { key, owner: id, service, wanted: { do: "set-weight", version: to, percent } },
    async (tx) => isSame(await lockRollout(tx.trx, id)),
  );
  switch (result.is) {
    case "superseded":
      return undefined;
    case "failed":
      return noteFailure(room, id, seq, result.error);
    case "done":
      return database.tx(async (tx): Promise<Rerun> => {
        const locked = await lockRollout(tx.trx, id);
        await recordEffect(tx, key, result.readBack);
        // Somebody decided otherwise meanwhile: what follows is theirs, and rung by them.
        if (!isSame(locked)) return undefined;
        const settled = new Date(tx.now.getTime() + rollout.plan.lagMs / 2);
        const next = afterWeight(locked, settled);
        if (!next) return undefined;
        const marks = [
          ...locked.marks,
          {
            index: indexOf(locked),
            weightPercent: percent,
            atMs: tx.now.getTime(),
            versions: sharesIn(result.readBack),
            key,
          },
        ];
        await markStep(room, tx, locked, percent);
        const deployId = locked.deployId ?? (await recordDeploy(room, tx, locked));
        await room.change(
          tx,
          locked,
          { state: next, marks, deployId, failing: undefined, drift: undefined, verdict: undefined },
          {
            actor: systemActor,
            action: "rollout.weight-set",
            detail: { weightPercent: percent, revision: result.readBack.revision },
          },
        );
        return { again: new Date(tx.now.getTime() + rollout.plan.intervalMs) };
      });
  }
}

async function markStep({ markers }: Room, tx: Tx, rollout: Rollout, percent: number): Promise<void> {
  const { id, service, environment, from, to } = rollout;
  await markers.mark(tx, {
    service,
    environment,
    kind: "step",
    version: to,
    from,
    percent,
    thing: id,
    at: tx.now,
  });
}

/** Why the version must not get this step's weight yet. */
async function coldBefore(room: Room, rollout: Rollout): Promise<ProviderError | undefined> {
  const { to, plan } = rollout;
  try {
    // A preview gives it no traffic, so an engine that starts versions has not begun with it.
    const isFirst = plan.steps.slice(0, indexOf(rollout)).every(({ weightPercent }) => weightPercent === 0);
    const warmth = await warmthOf(room.aim(rollout), to, plan.warmUp, isFirst);
    return warmth.isWarm ? undefined : new ProviderError("in_progress", warmth.why, "It is asked again.");
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
}

const isRaising = ({ state }: Rollout): boolean =>
  state.is === "starting" || state.is === "promoting" || state.is === "pausing";

async function recordDeploy({ deploys }: Room, tx: Tx, rollout: Rollout): Promise<Rollout["deployId"]> {
  const { id, service, environment, from, to, startedBy } = rollout;
  const deploy = await deploys.record(tx, {
    service,
    environment,
    version: to,
    previous: from,
    by: startedBy.person,
    source: "rollout",
    reference: id,
    at: tx.now,
  });
  return deploy.id;
}

/** The engine did not do it, or not yet: said on the card, tried again; the deadline ends it. */
async function noteFailure(room: Room, id: string, seq: number, error: ProviderError): Promise<Rerun> {
  return room.platform.database.tx(async (tx) => {
    const locked = await lockRollout(tx.trx, id);
    if (!locked || locked.seq !== seq) return undefined;
    const attempts = (locked.failing?.attempts ?? 0) + 1;
    const sinceMs = locked.failing?.sinceMs ?? tx.now.getTime();
    const isWaiting = error.code === "in_progress";
    await room.change(tx, locked, {
      failing: { sinceMs, attempts, error: error.message, isPaged: false, isWaiting },
    });
    return { again: retryAt(tx.now, attempts) };
  });
}

async function passDeadline(room: Room, { id }: Rollout): Promise<Rerun> {
  await room.platform.database.tx(async (tx) => {
    const locked = await lockRollout(tx.trx, id);
    if (!locked || !isRaising(locked) || tx.now < locked.deadlineAt) return;
    const { failing } = locked;
    const what = failing?.isWaiting ? "it was still waiting" : "traffic could not be moved";
    const why = failing ? `; ${what}: ${failing.error}` : "";
    const sentences = [
      `the deadline passed at step ${indexOf(locked) + 1} of ${locked.plan.steps.length}${why}`,
    ];
    await turnBack(room, tx, locked, {
      is: "reverting",
      because: { cause: "deadline", sentences },
      since: tx.now,
    });
  });
  return undefined;
}

async function turnBack(
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

/** Reads what was measured since the last look, judges all of it, and draws the consequence under the lock. */
async function observe(room: Room, rollout: Rollout): Promise<Rerun> {
  const { platform, signals } = room;
  const { database, clock } = platform;
  const { id, seq, service, plan } = rollout;
  const now = clock.now();
  const stepStartedAt = stepStart(rollout);
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
    const judged: Judged = {
      atMs: tx.now.getTime(),
      stepIndex: indexOf(locked),
      stepStartedAtMs: stepStartedAt.getTime(),
      deadlineAtMs: judgedDeadline(locked, tx.now).getTime(),
      slo: sloStateOf(budget),
      health: healthFor(canary.health, locked.judged?.isDown ?? false),
      alerts: canary.alerts,
      isDown: canary.health?.state === "down",
    };
    const input = judgeInputOf(plan, judged, samples);
    const verdict = judge(input.plan, input.samples, input.slo);
    const word = wantedPercent(locked) === 0 ? verdictOnPreview(verdict) : verdict;
    return conclude(room, tx, { ...noted, judged }, heldByDrift(word, noted.drift));
  });
}

const stepStart = ({ state, startedAt }: Rollout): Date => ("since" in state ? state.since : startedAt);

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
