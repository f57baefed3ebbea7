/** What the use cases of the room share: their parts, and how a changed run is written and told. */
import type { Tx } from "../../platform/db/database.ts";
import type { HookAnswer, HookRequest } from "../../platform/feature.ts";
import type { Actor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Freezes } from "../freezes/index.ts";
import type { Paging } from "../paging/index.ts";
import type { Slos } from "../slos/index.ts";
import { cardKey, runCard } from "./cards.ts";
import type { Run } from "./model.ts";
import { writeRun } from "./store.ts";

export interface FlaggerParts {
  platform: Platform;
  slos: Pick<Slos, "budgetOf" | "policyOf">;
  paging: Paging;
  freezes: Pick<Freezes, "stands">;
  /** Takes what canaries tell of deploys and failures; the room that reads Flagger's events. */
  tellEvent(request: HookRequest): Promise<HookAnswer>;
}

export const jobs = { look: "flagger.look", sweep: "flagger.sweep" } as const;

export interface Change {
  actor: Actor;
  action: string;
  reason?: string | undefined;
  detail?: Record<string, unknown>;
}

export interface Room extends FlaggerParts {
  tell(tx: Tx, run: Run): void;
  change(tx: Tx, before: Run, after: Run, entry?: Change): Promise<Run>;
}

export function createRoom(parts: FlaggerParts): Room {
  const { platform } = parts;
  const tell = (tx: Tx, run: Run): void =>
    tx.say({
      key: cardKey(run.id),
      channel: run.channel,
      urgent: run.rollback !== undefined && run.endedAt === undefined,
      ...runCard(run, {
        catalog: platform.catalogs.current(),
        slackTeam: platform.slackTeam(),
        now: tx.now,
      }),
    });
  return {
    ...parts,
    tell,
    async change(tx, before, after, entry) {
      await writeRun(tx.trx, after);
      if (entry)
        tx.audit({
          actor: entry.actor,
          action: entry.action,
          subject: after.id,
          service: after.service,
          before: before.ending ?? before.phase,
          after: after.ending ?? after.phase,
          reason: entry.reason,
          detail: entry.detail,
          correlation: after.id,
        });
      tell(tx, after);
      return after;
    },
  };
}
