import type { DataMigration } from "../../catalog/schema.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Id } from "../../platform/ids.ts";

/** How a deploy turned out: `good` after its watch, `bad` when it was reverted, `unknown` until then. */
export type DeployOutcome = "unknown" | "good" | "bad";

/** What went out: a version of the code, a setting, or a flag. Only `deploy` makes a version the one that runs. */
export const changeKinds = ["deploy", "config", "flag"] as const;
export type ChangeKind = (typeof changeKinds)[number];

export interface Deploy {
  id: Id<"deploy">;
  service: string;
  environment: string;
  change: ChangeKind;
  /** The version; of a config or flag change what it was set to, in the sender's words. */
  version: string;
  /** Version it replaced, if known. */
  previous?: string | undefined;
  /** Who made it, as they are called where it came from: a Slack id or a name. */
  by: string;
  /** `rollout`, `rollback`, `catalog` for the first one, or the hook it came by. */
  source: string;
  url?: string | undefined;
  outcome: DeployOutcome;
  at: Date;
  /** The data migration that came with it, as far as it was told. */
  migration?: DataMigration | undefined;
}

/** A data migration that ran in an environment, and with which deploy. */
export interface RanMigration extends DataMigration {
  deploy: Id<"deploy">;
  version: string;
  at: Date;
}

/** A deploy to be recorded. `change` is `deploy`, `previous` is looked up when left out, `outcome` is `unknown`. */
export type NewDeploy = Omit<Deploy, "id" | "change" | "outcome" | "previous"> & {
  reference: string;
  change?: ChangeKind | undefined;
  previous?: string | undefined;
  outcome?: DeployOutcome;
};

export interface Deploys {
  /**
   * Writes a deploy; the same (service, environment, version, reference) again is the same deploy, and adds what it
   * tells of a migration. A migration that is left out is the one known of the version.
   */
  record(tx: Tx, deploy: NewDeploy): Promise<Deploy>;
  find(id: string): Promise<Deploy | undefined>;
  markOutcome(tx: Tx, id: Id<"deploy">, outcome: DeployOutcome): Promise<void>;
  /**
   * Records, as good, the version a service began with in an environment: the catalog's, if no deploy is known there yet;
   * or the one that `runs` there, if no deploy of it is.
   */
  seed(tx: Tx, place: { service: string; environment: string }, runs?: string): Promise<void>;
  /** Versions alone, newest first. */
  recent(
    service: string,
    options: { since: Date; limit: number; environment?: string },
  ): Promise<readonly Deploy[]>;
  /**
   * Whatever went out to any of these services since then, versions, settings and flags, in every environment; newest
   * first, at most 500.
   */
  recentChanges(services: readonly string[], since: Date): Promise<readonly Deploy[]>;
  /** The newest that did not turn out bad. */
  current(service: string, environment: string): Promise<Deploy | undefined>;
  /** The newest good version other than `notVersion`. */
  lastGood(service: string, environment: string, notVersion: string): Promise<Deploy | undefined>;
  /** The data migration of a version: what the catalog says, and what was told with a deploy of it anywhere. */
  migrationOf(service: string, version: string): Promise<DataMigration | undefined>;
  /**
   * Data migrations of other versions that ran in this environment since `version` first went out there, the newest
   * first, each id once: what going back to it meets. Empty for a version that never went out there.
   */
  migrationsSince(service: string, environment: string, version: string): Promise<readonly RanMigration[]>;
  /** Versions whose newest verdict is good, the newest first, one deploy each. */
  good(service: string, environment: string): Promise<readonly Deploy[]>;
}
