/**
 * GitOps: what Argo CD or Flux would put back after a revert is kept from it for a while, which ends by itself.
 * Owns: the stops of self-heal. Pages when: one cannot be ended.
 */
import type { Feature } from "../../platform/feature.ts";
import { lineOf } from "./cards.ts";
import { gitopsCommands } from "./commands.ts";
import { endStop, sweepStops } from "./end.ts";
import { gitopsMigrations } from "./migrations.ts";
import { proposeRevert } from "./propose.ts";
import { createRoom, type GitopsParts, jobs } from "./room.ts";
import { type StopAsk, stopHealing, tryToStop } from "./stop.ts";
import { countOpen, findStop, openStops } from "./store.ts";

export { clusterOf } from "./cluster.ts";
export { gitopsMigrations } from "./migrations.ts";
export { expectation, ownerName } from "./model.ts";
export type { UseCluster } from "./room.ts";
export type { StopAsk } from "./stop.ts";

export interface Gitops {
  /**
   * Keeps whoever manages a service's objects from putting back what a revert takes away, for the time policy says.
   * Once per thing; with `isPutBack` what was stopped is looked at and stopped once more. Answers when it is done or could not be within three seconds; it is tried on then. Never throws
   * because of the cluster.
   */
  stop(ask: StopAsk): Promise<void>;
}

export function createGitops(parts: GitopsParts): { feature: Feature; api: Gitops } {
  const room = createRoom(parts);
  const { database } = parts.platform;
  const feature: Feature = {
    name: "gitops",
    about: "What Argo CD or Flux would put back after a revert is kept from it for a while.",
    commands: gitopsCommands(room),
    jobs: [
      {
        name: jobs.stop,
        whileHeld: true,
        about: "Stops the self-heal of whoever manages a service that was reverted.",
        lane: "urgent",
        run: (ref) => tryToStop(room, ref),
      },
      {
        name: jobs.end,
        about: "Begins self-heal again when its time is over.",
        lane: "normal",
        run: (ref) => endStop(room, ref),
      },
      {
        name: jobs.propose,
        about: "Proposes in Git that the commit of a reverted version is taken back.",
        lane: "normal",
        run: (ref) => proposeRevert(room, ref),
      },
      {
        name: jobs.sweep,
        whileHeld: true,
        about: "Rings stops that are not through again.",
        lane: "bulk",
        run: () => sweepStops(room),
      },
    ],
    schedules: [{ job: jobs.sweep, everySec: 60 }],
    summaries: {
      async status(service) {
        const open = await openStops(database.db, 3, service);
        return open.map((stop) => ({ rank: 25, text: lineOf(stop) }));
      },
      async why(thing) {
        const stop = "id" in thing ? await findStop(database.db, thing.id) : undefined;
        return stop ? [{ rank: 30, text: lineOf(stop) }] : [];
      },
    },
    metrics: [
      {
        name: "quarterdeck_gitops_stopped",
        help: "Objects kept from healing by themselves now.",
        type: "gauge",
        read: async () => [{ value: await countOpen(database.db) }],
      },
    ],
    migrations: gitopsMigrations,
    retention: [{ table: "gitops_stops", column: "ended_at", keepDays: 400 }],
  };
  return { feature, api: { stop: (ask) => stopHealing(room, ask) } };
}
