/** What the use cases of the room share: their parts, and how a change is written, told and rung. */
import type { Tx } from "../../platform/db/database.ts";
import type { Actor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Decision } from "../../platform/refusal.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { TrafficEngines } from "../../providers/traffic/instances.ts";
import type { Alerts } from "../alerts/index.ts";
import type { Deploys } from "../deploys/index.ts";
import type { Freezes } from "../freezes/index.ts";
import type { Gitops } from "../gitops/index.ts";
import type { Markers } from "../markers/index.ts";
import type { Paging } from "../paging/index.ts";
import type { Signals } from "../signals/index.ts";
import type { Budget, Slos } from "../slos/index.ts";
import { cardKey, rolloutCard } from "./cards.ts";
import { createEffects, type Effects } from "./effects.ts";
import { indexOf, type Rollout, type Who } from "./model.ts";
import { planText } from "./plan-text.ts";
import { samplesOf } from "./samples.ts";
import { writeRollout } from "./store.ts";
import { type Aim, aimOf } from "./target.ts";
import { planKey, waitsKey, waitsText, wayBackKey, wayBackText } from "./thread.ts";

export interface RolloutParts {
  platform: Platform;
  traffic: TrafficEngines;
  signals: Signals;
  slos: Pick<Slos, "budgetOf" | "policyOf">;
  deploys: Deploys;
  freezes: Pick<Freezes, "passes">;
  markers: Markers;
  paging: Paging;
  alerts: Pick<Alerts, "firingOn">;
  gitops: Gitops;
}

export const jobs = {
  step: "rollouts.step",
  revert: "rollouts.revert",
  recovery: "rollouts.recovery",
  drift: "rollouts.drift",
  stay: "rollouts.stay",
  sweep: "rollouts.sweep",
} as const;

export interface Room extends RolloutParts {
  effects: Effects;
  /** Throws for a service whose traffic is not declared any more: its rollout cannot go on, and the card says so. */
  aim(rollout: Pick<Rollout, "service" | "environment">): Aim;
  byHand(rollout: Rollout): string[];
  tell(tx: Tx, rollout: Rollout): Promise<void>;
  tellWayBack(tx: Tx, rollout: Rollout): void;
  /** Asks in the thread for somebody to promote a step that waits for it; once per step. */
  tellWaits(tx: Tx, rollout: Rollout): void;
  /** The plan in the thread, as the dry run shows it. */
  tellPlan(tx: Tx, rollout: Rollout, budget: Pick<Budget, "readings">): void;
  /** Writes a changed rollout with its audit line and its card. A change of state counts `seq` up. */
  change(tx: Tx, before: Rollout, patch: Partial<Rollout>, entry?: Change): Promise<Rollout>;
}

export interface Change {
  actor: Actor;
  action: string;
  reason?: string | undefined;
  detail?: Record<string, unknown>;
}

export const whoOf = ({ team, person }: Actor): Who => ({ team, person });

export function createRoom(parts: RolloutParts): Room {
  const { platform, traffic } = parts;

  const aim: Room["aim"] = ({ service, environment }) => {
    const found = aimOf(platform, traffic, service, environment);
    if (found.ok) return found.value;
    throw new ProviderError("not_found", found.refusal.message, found.refusal.hint);
  };

  const byHand = (rollout: Rollout): string[] => {
    try {
      const { engine, target } = aim(rollout);
      return [...engine.manualRevert(target, rollout.wayBack)];
    } catch (error) {
      // Told without the commands rather than not at all.
      if (error instanceof ProviderError) return [];
      throw error;
    }
  };

  const tell: Room["tell"] = async (tx, rollout) => {
    const samples = await samplesOf(tx.trx, rollout.id);
    const { service, environment, startedAt } = rollout;
    const markers = await parts.markers.between(tx.trx, service, environment, startedAt, tx.now);
    tx.say({
      key: cardKey(rollout.id),
      channel: rollout.channel,
      urgent: rollout.state.is === "reverting" || rollout.state.is === "reverted",
      ...rolloutCard(rollout, samples, {
        catalog: platform.catalogs.current(),
        publicUrl: platform.publicUrl,
        slackTeam: platform.slackTeam(),
        now: tx.now,
        byHand: rollout.failing ? byHand(rollout) : [],
        markers,
      }),
    });
  };

  return {
    ...parts,
    effects: createEffects(platform.database),
    aim,
    byHand,
    tell,
    tellWayBack(tx, rollout) {
      tx.say({
        key: wayBackKey(rollout.id),
        parent: cardKey(rollout.id),
        channel: rollout.channel,
        text: wayBackText(rollout, byHand(rollout)),
      });
    },
    tellWaits(tx, rollout) {
      tx.say({
        key: waitsKey(rollout.id, indexOf(rollout)),
        parent: cardKey(rollout.id),
        channel: rollout.channel,
        text: waitsText(rollout),
      });
    },
    tellPlan(tx, rollout, budget) {
      const { plan, from, startedAt, deadlineAt } = rollout;
      const deadlineMs = deadlineAt.getTime() - startedAt.getTime();
      const { deadlineMax } = platform.catalogs.current().policies.rollout;
      const lines = planText({ plan, deadlineMs, deadlineMax, from, budget });
      tx.say({
        key: planKey(rollout.id),
        parent: cardKey(rollout.id),
        channel: rollout.channel,
        text: [`*The plan* of ${rollout.id}`, ...lines].join("\n"),
      });
    },
    async change(tx, before, patch, entry) {
      const isMoved = patch.state !== undefined && patch.state !== before.state;
      const after: Rollout = { ...before, ...patch, seq: before.seq + (isMoved ? 1 : 0) };
      await writeRollout(tx.trx, after);
      if (entry)
        tx.audit({
          actor: entry.actor,
          action: entry.action,
          subject: after.id,
          service: after.service,
          before: before.state.is,
          after: after.state.is,
          reason: entry.reason,
          detail: entry.detail,
          correlation: after.id,
        });
      await tell(tx, after);
      return after;
    },
  };
}

class Undone extends Error {
  constructor(readonly decision: Decision<never>) {
    super("refused under the lock");
  }
}

/**
 * A transaction that may end in a refusal: then nothing of it is kept, so a repeat after a crash decides again and
 * is not taken for done.
 */
export async function decide<T>(
  { database }: Pick<Platform, "database">,
  inboxId: string | undefined,
  work: (tx: Tx) => Promise<Decision<T>>,
): Promise<Decision<T>> {
  try {
    return await database.tx(
      async (tx) => {
        const decision = await work(tx);
        if (!decision.ok) throw new Undone(decision);
        return decision;
      },
      { inboxId },
    );
  } catch (error) {
    if (error instanceof Undone) return error.decision;
    throw error;
  }
}
