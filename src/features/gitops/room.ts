/** What the use cases of the room share: their parts, and how a changed stop is written and told. */
import type { Tx } from "../../platform/db/database.ts";
import type { Actor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import type { ClusterObjects, GitopsSystem } from "../../providers/gitops/contract.ts";
import type { Scms } from "../../providers/scm/instances.ts";
import type { ManagedBy } from "../../providers/traffic/contract.ts";
import type { Paging } from "../paging/index.ts";
import { messageKey, stopMessage } from "./cards.ts";
import type { Stop } from "./model.ts";
import { writeStop } from "./store.ts";

/** Work in the cluster in which a service's traffic is moved. Throws ProviderError. */
export type UseCluster = <T>(
  place: { service: string; environment: string },
  call: { deadlineMs: number },
  work: (objects: ClusterObjects) => Promise<T>,
) => Promise<T>;

export interface GitopsParts {
  platform: Platform;
  paging: Paging;
  useCluster: UseCluster;
  /** Undefined for one that heals nothing. */
  systemOf(system: ManagedBy["system"]): GitopsSystem | undefined;
  scms: Scms;
}

export const jobs = {
  stop: "gitops.stop",
  end: "gitops.end",
  propose: "gitops.propose",
  sweep: "gitops.sweep",
} as const;

export interface Room extends GitopsParts {
  tell(tx: Tx, stop: Stop): void;
  change(
    tx: Tx,
    after: Stop,
    entry?: { actor: Actor; action: string; reason?: string | undefined },
  ): Promise<void>;
}

export function createRoom(parts: GitopsParts): Room {
  const tell = (tx: Tx, stop: Stop): void =>
    tx.say({
      key: messageKey(stop.thing),
      parent: stop.parent,
      channel: stop.channel,
      ...stopMessage(stop),
    });
  return {
    ...parts,
    tell,
    async change(tx, after, entry) {
      await writeStop(tx.trx, after);
      if (entry)
        tx.audit({
          ...entry,
          subject: after.thing,
          service: after.service,
          correlation: after.thing,
          detail: { owner: { ...after.owner }, until: after.dueAt.toISOString() },
        });
      tell(tx, after);
    },
  };
}
