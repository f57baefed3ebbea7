import type { Tx } from "../../platform/db/database.ts";
import type { Decision } from "../../platform/refusal.ts";
import {
  type Aim,
  aimOf,
  createEffects,
  type Effects,
  type RolloutParts,
  type Rollouts,
} from "../rollouts/index.ts";
import { byHandKey, byHandText, cardKey, rollbackCard } from "./cards.ts";
import type { Rollback } from "./model.ts";

export const jobs = {
  move: "rollbacks.move",
  recovery: "rollbacks.recovery",
  stay: "rollbacks.stay",
  sweep: "rollbacks.sweep",
} as const;

export interface RollbackParts extends RolloutParts {
  rollouts: Rollouts;
}

/** What the use cases of the room share. */
export interface Room extends RollbackParts {
  effects: Effects;
  aim(place: { service: string; environment: string }): Decision<Aim>;
  tell(tx: Tx, rollback: Rollback): void;
  tellByHand(tx: Tx, rollback: Rollback): void;
  /** Shell commands that do it without Quarterdeck. */
  byHand(rollback: Rollback): readonly string[];
}

export function createRoom(parts: RollbackParts): Room {
  const { platform, traffic } = parts;
  const aim: Room["aim"] = ({ service, environment }) => aimOf(platform, traffic, service, environment);

  const byHand = (rollback: Rollback): readonly string[] => {
    const found = aim(rollback);
    return found.ok ? found.value.engine.manualRevert(found.value.target, rollback.recorded) : [];
  };

  return {
    ...parts,
    effects: createEffects(platform.database),
    aim,
    byHand,
    tell(tx, rollback) {
      tx.say({
        key: cardKey(rollback.id),
        channel: rollback.channel,
        urgent: true,
        ...rollbackCard(rollback, {
          catalog: platform.catalogs.current(),
          slackTeam: platform.slackTeam(),
          publicUrl: platform.publicUrl,
          byHand: rollback.failing ? byHand(rollback) : [],
        }),
      });
    },
    tellByHand(tx, rollback) {
      tx.say({
        key: byHandKey(rollback.id),
        parent: cardKey(rollback.id),
        channel: rollback.channel,
        text: byHandText(rollback, byHand(rollback)),
      });
    },
  };
}
