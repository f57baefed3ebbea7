/**
 * Rollouts: a version gets traffic step by step, judged by its signals, and goes back by itself when it harms.
 * Owns: rollouts, their samples, every change of traffic made for them or for a rollback, and who moves a service's
 * traffic now. Pages when: a revert cannot reach the traffic for a minute.
 */

import type { Feature, Place, Reply } from "../../platform/feature.ts";
import type { Actor } from "../../platform/people.ts";
import type { Decision } from "../../platform/refusal.ts";
import { rolloutApi } from "./api.ts";
import { rolloutCommands } from "./commands.ts";
import { watchDrift } from "./drift-watch.ts";
import { startForm } from "./form.ts";
import { rolloutsMigrations } from "./migrations.ts";
import type { Rollout } from "./model.ts";
import { rolloutPages } from "./page.ts";
import { askOf } from "./people.ts";
import { watchStay } from "./put-back-watch.ts";
import { takeTurn } from "./queue.ts";
import { listQueued, queueJob } from "./queue-store.ts";
import { revertRollout, watchRecovery } from "./revert.ts";
import { createRoom, jobs, type RolloutParts } from "./room.ts";
import { stepRollout } from "./step.ts";
import { countStates, findRollout, listRollouts, restoreSeconds } from "./store.ts";
import { rolloutConsole, rolloutSummaries } from "./summaries.ts";
import { sweepRollouts } from "./sweep.ts";

export { differencesBlock, parityText } from "./cards.ts";
export { byNameOf, noteOf, toldOf } from "./compare.ts";
export { createEffects, type Effect, type Effects, isDone, recordEffect } from "./effects.ts";
export { exportRollout } from "./export.ts";
export { stuckWords } from "./headline.ts";
export { claimTraffic, type Holder, holderOf, isUntouchedSince, releaseTraffic, turnOf } from "./holders.ts";
export { readManaged } from "./managed.ts";
export { rolloutsMigrations } from "./migrations.ts";
export type { Failing, ParityNote, Recovery, Rollout, RolloutState, Who } from "./model.ts";
export { withSuspect } from "./next-suspect.ts";
export { lookEveryMs, putBackIn, restoredMax, stayForMs } from "./put-back.ts";
export {
  beginRecovery,
  isWatchOver,
  lookForRecovery,
  nextLookAt,
  recoveryText,
  symptomOf,
} from "./recovery.ts";
export { failingAfter } from "./revert.ts";
export { decide, type RolloutParts, whoOf } from "./room.ts";
export { lagMsOf } from "./sampling.ts";
export { retryAt } from "./step.ts";
export {
  changedSince,
  differenceText,
  type SurroundingDifference,
  type Surroundings,
  surroundingsOf,
  type Told,
} from "./surroundings.ts";
export { type Aim, aimOf, trafficDeadlineMs } from "./target.ts";
export { clockText, nameOf, spanText } from "./words.ts";

const restoreWindowMs = 28 * 86_400_000;

export interface Rollouts {
  /** The rollout of a service that has not ended, if there is one; with an environment, the one there. */
  inFlight(service: string, environment?: string): Promise<Rollout | undefined>;
  find(id: string): Promise<Rollout | undefined>;
  /** Newest first; with an environment, those there. */
  recent(service: string, limit: number, environment?: string): Promise<readonly Rollout[]>;
  /** Turns back the rollout in flight; refused, with what happened, when somebody ended it first. */
  revert(
    rollout: Pick<Rollout, "id">,
    ask: {
      actor: Actor;
      inboxId: string | undefined;
      place: Pick<Place, "channel" | "messageTs">;
      reason?: string | undefined;
      isDryRun: boolean;
    },
  ): Promise<Decision<Reply>>;
}

export function createRollouts(parts: RolloutParts): { feature: Feature; api: Rollouts } {
  const room = createRoom(parts);
  const { database } = parts.platform;
  const api: Rollouts = {
    inFlight: async (service, environment) =>
      (await listRollouts(database.db, { service, environment, isInFlight: true, limit: 1 }))[0],
    find: (id) => findRollout(database.db, id),
    recent: (service, limit, environment) => listRollouts(database.db, { service, environment, limit }),
    revert: ({ id }, ask) => askOf(room, { ...ask, target: { id } }, { is: "revert" }),
  };
  const feature: Feature = {
    name: "rollouts",
    about:
      "A version gets traffic step by step, judged by its signals, and goes back by itself when it harms.",
    commands: rolloutCommands(room),
    modals: [startForm],
    routes: rolloutPages(room),
    console: rolloutConsole(room),
    apiRoutes: rolloutApi(room),
    jobs: [
      {
        name: jobs.step,
        about: "Sets a rollout's next weight, or reads its signals and judges them.",
        lane: "normal",
        run: (ref) => stepRollout(room, ref),
      },
      {
        name: jobs.revert,
        whileHeld: true,
        about: "Takes a rollout's traffic back to the recorded state.",
        lane: "urgent",
        isFirst: true,
        run: (ref) => revertRollout(room, ref),
      },
      {
        name: jobs.recovery,
        about: "Looks whether the symptom went away after a revert.",
        lane: "normal",
        run: (ref) => watchRecovery(room, ref),
      },
      {
        name: jobs.drift,
        about:
          "Looks whether a rollout's traffic is still what it set, and sets it again where policy says so.",
        lane: "normal",
        run: (ref) => watchDrift(room, ref),
      },
      {
        name: queueJob,
        about:
          "Starts a queued rollout once its turn comes, with everything checked anew, or ends its waiting.",
        lane: "normal",
        run: (ref) => takeTurn(room, ref),
      },
      {
        name: jobs.stay,
        about: "Looks for ten minutes whether a version that was reverted gets traffic again.",
        lane: "normal",
        run: (ref) => watchStay(room, ref),
      },
      {
        name: jobs.sweep,
        about: "Rings rollouts in flight again and gives unknown services their first route.",
        lane: "bulk",
        run: () => sweepRollouts(room),
      },
    ],
    schedules: [{ job: jobs.sweep, everySec: 30 }],
    summaries: rolloutSummaries(parts.platform),
    metrics: [
      {
        name: "quarterdeck_rollouts",
        help: "Rollouts kept, by state; queued ones wait for one in flight.",
        type: "gauge",
        read: async () => [
          ...(await countStates(database.db)),
          { labels: { state: "queued" }, value: (await listQueued(database.db)).length },
        ],
      },
      {
        name: "quarterdeck_rollout_restore_seconds",
        help: "Median seconds from the decision to revert until users were well, of four weeks; absent when none was measured.",
        type: "gauge",
        async read() {
          const since = new Date(parts.platform.clock.now().getTime() - restoreWindowMs);
          const median = await restoreSeconds(database.db, since);
          return median === null ? [] : [{ value: median }];
        },
      },
    ],
    migrations: rolloutsMigrations,
    retention: [
      { table: "rollout_samples", column: "end_at", keepDays: 90 },
      { table: "rollout_effects", column: "intent_at", keepDays: 400, where: "done_at is not null" },
      { table: "rollouts", column: "ended_at", keepDays: 1_200 },
      { table: "rollout_queue", column: "ended_at", keepDays: 400 },
      { table: "traffic_holders", column: "since", keepDays: 1_200, where: "holder is null" },
    ],
  };
  return { feature, api };
}
