/**
 * Rollbacks: a service's traffic goes back to a version that was good, shown before and compared after.
 * Owns: rollbacks. Pages when: one cannot reach the traffic for a minute.
 */
import { z } from "zod";
import { arg, argsOf, defineCommand, flagsOf } from "../../platform/commands/spec.ts";
import type { CommandContext, Feature, Reply, SummaryLine } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import { rollbackLine } from "./cards.ts";
import { rollbacksMigrations } from "./migrations.ts";
import { moveTraffic, watchRecovery } from "./move.ts";
import { createRoom, jobs, type RollbackParts } from "./room.ts";
import { rollBack } from "./service.ts";
import { watchStay } from "./stay.ts";
import { countStates, findRollback, listRollbacks, restoreSeconds } from "./store.ts";

export { rollbacksMigrations } from "./migrations.ts";
export type { Rollback } from "./model.ts";

const restoreWindowMs = 28 * 86_400_000;

export const rollbackSpec = defineCommand({
  name: "rollback",
  args: z.object({
    service: arg.service(),
    version: arg.version().optional(),
    reason: arg.rest().optional(),
  }),
  flags: z.object({ seen: arg.word().optional() }),
  role: "responder",
  summary: "Back to the last good version, or the one named; a rollout in flight is reverted.",
  example: "rollback shop",
  acts: true,
  whileHeld: true,
});

export function createRollbacks(parts: RollbackParts): { feature: Feature } {
  const room = createRoom(parts);
  const { platform, rollouts } = parts;
  const { database } = platform;

  const rollback = async (context: CommandContext): Promise<Decision<Reply>> => {
    const { service: target, version, reason } = argsOf(rollbackSpec, context.line);
    const { seen, yes, dryRun } = flagsOf(rollbackSpec, context.line);
    const { actor, inboxId, place } = context;
    const { service, environment } = target;
    const inFlight = await rollouts.inFlight(service, environment);
    // A confirmation is bound to a state without a rollout; one that began since then is shown, not ended unseen.
    if (inFlight && seen === undefined) {
      const reverted = await rollouts.revert(inFlight, {
        actor,
        inboxId,
        place: { channel: place.channel },
        reason,
        isDryRun: dryRun,
      });
      if (!reverted.ok || version === undefined || version === inFlight.from) return reverted;
      return allow({
        text: `${reverted.value.text} For ${escapeText(version)}, then: rollback ${service}@${environment} ${escapeText(version)}.`,
      });
    }
    return rollBack(room, {
      actor,
      inboxId,
      channel: place.channel,
      service,
      environment,
      version,
      reason,
      seen,
      isConfirmed: yes,
      isDryRun: dryRun,
    });
  };

  const status = async (service: string): Promise<readonly SummaryLine[]> =>
    (await listRollbacks(database.db, { service, state: "moving", limit: 1 })).map((found) => ({
      rank: 0,
      text: rollbackLine(found),
    }));

  const why = async (thing: { id: string } | { service: string }): Promise<readonly SummaryLine[]> => {
    const found =
      "id" in thing
        ? await findRollback(database.db, thing.id)
        : (await listRollbacks(database.db, { service: thing.service, limit: 1 }))[0];
    if (!found) return [];
    const reason = found.reason ? [{ rank: 12, text: `• ${escapeText(found.reason, 300)}` }] : [];
    const result = found.recovery?.result
      ? [{ rank: 13, text: `• ${escapeText(found.recovery.result.text, 300)}` }]
      : [];
    return [{ rank: 11, text: rollbackLine(found) }, ...reason, ...result];
  };

  const feature: Feature = {
    name: "rollbacks",
    about: "A service's traffic goes back to a version that was good, shown before and compared after.",
    // Never blocked: whoever answers for any service may take traffic back.
    commands: [{ spec: rollbackSpec, scope: () => undefined, run: rollback }],
    jobs: [
      {
        name: jobs.move,
        whileHeld: true,
        about: "Moves the traffic of a rollback and compares the result.",
        lane: "urgent",
        isFirst: true,
        run: (ref) => moveTraffic(room, ref),
      },
      {
        name: jobs.recovery,
        about: "Looks whether the symptom went away after a rollback.",
        lane: "normal",
        run: (ref) => watchRecovery(room, ref),
      },
      {
        name: jobs.stay,
        about: "Looks for ten minutes whether a version that was rolled back gets traffic again.",
        lane: "normal",
        run: (ref) => watchStay(room, ref),
      },
      {
        name: jobs.sweep,
        whileHeld: true,
        about: "Rings rollbacks that are not through again.",
        lane: "bulk",
        async run() {
          const open = await listRollbacks(database.db, { state: "moving", limit: 500 });
          if (open.length > 0)
            await database.tx(async (tx) => {
              const dueAt = new Date(tx.now.getTime() + 20_000);
              for (const { id } of open)
                tx.ring({ job: jobs.move, ref: id, lane: "urgent", dueAt, keepEarlier: true });
            });
        },
      },
    ],
    schedules: [{ job: jobs.sweep, everySec: 30 }],
    summaries: { status, why },
    metrics: [
      {
        name: "quarterdeck_rollbacks",
        help: "Rollbacks kept, by state.",
        type: "gauge",
        read: () => countStates(database.db),
      },
      {
        name: "quarterdeck_rollback_restore_seconds",
        help: "Median seconds from the start of a rollback until users were well, of four weeks; absent when none was measured.",
        type: "gauge",
        async read() {
          const since = new Date(platform.clock.now().getTime() - restoreWindowMs);
          const median = await restoreSeconds(database.db, since);
          return median === null ? [] : [{ value: median }];
        },
      },
    ],
    migrations: rollbacksMigrations,
    retention: [{ table: "rollbacks", column: "started_at", keepDays: 1_200 }],
  };
  return { feature };
}
