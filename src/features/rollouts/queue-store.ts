/** Rollouts that wait for the one in flight: rows with an end of their own. */
import type { Selectable } from "kysely";
import { type Db, type Trx, type Tx, tables } from "../../platform/db/database.ts";
import { type Id, numberOf } from "../../platform/ids.ts";
import type { Actor } from "../../platform/people.ts";
import type { PlanOptions } from "./plan.ts";
import type { RolloutTables } from "./tables.ts";

export type QueuedState = "queued" | "started" | "cancelled" | "expired" | "refused";

/** Starts a queued rollout whose turn it is, or ends its waiting. */
export const queueJob = "rollouts.queue";

export interface Queued {
  /** Id of the rollout it becomes. */
  readonly id: Id<"rollout">;
  readonly service: string;
  readonly environment: string;
  readonly version: string;
  readonly change?: string | undefined;
  readonly options: PlanOptions;
  readonly by: Pick<Actor, "team" | "person" | "door">;
  readonly channel: string;
  readonly behind: string;
  readonly queuedAt: Date;
  readonly expiresAt: Date;
  readonly state: QueuedState;
  readonly outcome?: string | undefined;
}

const queuedOf = (row: Selectable<RolloutTables["rollout_queue"]>): Queued => ({
  id: row.id,
  service: row.service,
  environment: row.environment,
  version: row.version,
  change: row.change_id ?? undefined,
  options: row.options,
  by: { team: row.team, person: row.person, door: row.door },
  channel: row.channel,
  behind: row.behind,
  queuedAt: row.queued_at,
  expiresAt: row.expires_at,
  state: row.state,
  outcome: row.outcome ?? undefined,
});

export async function insertQueued(trx: Trx, queued: Queued): Promise<void> {
  const { id, service, environment, version, change, options, by, channel, behind } = queued;
  await tables<RolloutTables>(trx)
    .insertInto("rollout_queue")
    .values({
      id,
      number: numberOf(id),
      service,
      environment,
      version,
      change_id: change ?? null,
      options: JSON.stringify(options),
      team: by.team,
      person: by.person,
      door: by.door,
      channel,
      behind,
      queued_at: queued.queuedAt,
      expires_at: queued.expiresAt,
      state: queued.state,
      ended_at: null,
      outcome: null,
    })
    .execute();
}

export async function findQueued(db: Db | Trx, id: string): Promise<Queued | undefined> {
  const row = await tables<RolloutTables>(db)
    .selectFrom("rollout_queue")
    .selectAll()
    .where("id", "=", id as Id<"rollout">)
    .executeTakeFirst();
  return row && queuedOf(row);
}

export interface QueueFilter {
  readonly service?: string | undefined;
  readonly environment?: string | undefined;
  readonly by?: Pick<Actor, "team" | "person"> | undefined;
}

/** Those that wait, whose turn comes first first. */
export async function listQueued(db: Db | Trx, filter: QueueFilter = {}): Promise<Queued[]> {
  let query = tables<RolloutTables>(db).selectFrom("rollout_queue").selectAll().where("state", "=", "queued");
  if (filter.service !== undefined) query = query.where("service", "=", filter.service);
  if (filter.environment !== undefined) query = query.where("environment", "=", filter.environment);
  if (filter.by) query = query.where("team", "=", filter.by.team).where("person", "=", filter.by.person);
  return (await query.orderBy("number").limit(100).execute()).map(queuedOf);
}

/** Ends its waiting, for whoever comes first; undefined for everybody after that. */
export async function endQueued(
  tx: Tx,
  id: string,
  state: Exclude<QueuedState, "queued">,
  outcome?: string,
): Promise<Queued | undefined> {
  const row = await tables<RolloutTables>(tx.trx)
    .updateTable("rollout_queue")
    .set({ state, outcome: outcome ?? null, ended_at: tx.now })
    .where("id", "=", id as Id<"rollout">)
    .where("state", "=", "queued")
    .returningAll()
    .executeTakeFirst();
  return row && queuedOf(row);
}

/** Has the first that waits for this traffic look whether it is its turn. */
export async function ringNext(tx: Tx, place: { service: string; environment: string }): Promise<void> {
  const [next] = await listQueued(tx.trx, { service: place.service, environment: place.environment });
  if (next) tx.ring({ job: queueJob, ref: next.id, lane: "normal" });
}
