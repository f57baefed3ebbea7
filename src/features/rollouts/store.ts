import { type Insertable, type Selectable, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import { type Id, numberOf } from "../../platform/ids.ts";
import type { Place } from "./holders.ts";
import type { Rollout, RolloutState } from "./model.ts";
import type { RolloutTables } from "./tables.ts";

type Row = Selectable<RolloutTables["rollouts"]>;

export async function insertRollout(trx: Trx, rollout: Rollout): Promise<void> {
  await tables<RolloutTables>(trx)
    .insertInto("rollouts")
    .values({
      id: rollout.id,
      number: numberOf(rollout.id),
      service: rollout.service,
      environment: rollout.environment,
      from_version: rollout.from,
      to_version: rollout.to,
      started_team: rollout.startedBy.team,
      started_by: rollout.startedBy.person,
      started_at: rollout.startedAt,
      channel: rollout.channel,
      change_id: rollout.change ?? null,
      catalog_digest: rollout.plan.catalogDigest,
      plan: JSON.stringify(rollout.plan),
      way_back: JSON.stringify(rollout.wayBack),
      surroundings: json(rollout.surroundings),
      ...changing(rollout),
    })
    .execute();
}

/** Writes everything of a rollout that may change. */
export async function writeRollout(trx: Trx, rollout: Rollout): Promise<void> {
  await tables<RolloutTables>(trx)
    .updateTable("rollouts")
    .set(changing(rollout))
    .where("id", "=", rollout.id)
    .execute();
}

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

type Changing = Pick<
  Insertable<RolloutTables["rollouts"]>,
  | "deadline_at"
  | "state"
  | "step_index"
  | "since"
  | "until"
  | "pause"
  | "because"
  | "seq"
  | "decided"
  | "failing"
  | "drift"
  | "verdict"
  | "judged"
  | "marks"
  | "deploy_id"
  | "parity"
  | "recovery"
  | "put_back"
  | "restored_ms"
  | "ended_at"
>;

function changing(rollout: Rollout): Changing {
  return {
    deadline_at: rollout.deadlineAt,
    ...columnsOf(rollout.state),
    seq: rollout.seq,
    decided: JSON.stringify(rollout.decided),
    failing: json(rollout.failing),
    drift: json(rollout.drift),
    verdict: json(rollout.verdict),
    judged: json(rollout.judged),
    marks: JSON.stringify(rollout.marks),
    deploy_id: rollout.deployId ?? null,
    parity: json(rollout.parity),
    recovery: json(rollout.recovery),
    put_back: json(rollout.putBack),
    restored_ms: rollout.recovery?.restoredMs ?? null,
    ended_at: rollout.endedAt ?? null,
  };
}

function columnsOf(
  state: RolloutState,
): Pick<Changing, "state" | "step_index" | "since" | "until" | "pause" | "because"> {
  const none = { step_index: null, since: null, until: null, pause: null, because: null };
  switch (state.is) {
    case "starting":
      return { ...none, state: state.is };
    case "promoting":
      return { ...none, state: state.is, step_index: state.index };
    case "pausing":
      return { ...none, state: state.is, step_index: state.index, pause: JSON.stringify(state.pause) };
    case "step":
      return { ...none, state: state.is, step_index: state.index, since: state.since };
    case "paused":
      return {
        ...none,
        state: state.is,
        step_index: state.index,
        since: state.since,
        pause: JSON.stringify(state.pause),
      };
    case "watching":
      return { ...none, state: state.is, since: state.since, until: state.until };
    case "reverting":
      return { ...none, state: state.is, since: state.since, because: JSON.stringify(state.because) };
    case "reverted":
      return {
        ...none,
        state: state.is,
        since: state.since,
        until: state.at,
        because: JSON.stringify(state.because),
      };
    case "promoted":
      return { ...none, state: state.is, until: state.at };
  }
}

function stateOf(row: Row): RolloutState {
  const due = <T>(value: T | null, column: string): T => {
    if (value === null) throw new Error(`rollout ${row.id} is ${row.state} and has no ${column}`);
    return value;
  };
  switch (row.state) {
    case "starting":
      return { is: "starting" };
    case "promoting":
      return { is: "promoting", index: due(row.step_index, "step_index") };
    case "pausing":
      return { is: "pausing", index: due(row.step_index, "step_index"), pause: due(row.pause, "pause") };
    case "step":
      return { is: "step", index: due(row.step_index, "step_index"), since: due(row.since, "since") };
    case "paused":
      return {
        is: "paused",
        index: due(row.step_index, "step_index"),
        since: due(row.since, "since"),
        pause: due(row.pause, "pause"),
      };
    case "watching":
      return { is: "watching", since: due(row.since, "since"), until: due(row.until, "until") };
    case "reverting":
      return { is: "reverting", because: due(row.because, "because"), since: due(row.since, "since") };
    case "reverted":
      return {
        is: "reverted",
        because: due(row.because, "because"),
        since: due(row.since, "since"),
        at: due(row.until, "until"),
      };
    case "promoted":
      return { is: "promoted", at: due(row.until, "until") };
  }
}

const rolloutOf = (row: Row): Rollout => ({
  id: row.id,
  service: row.service,
  environment: row.environment,
  from: row.from_version,
  to: row.to_version,
  startedBy: { team: row.started_team, person: row.started_by },
  startedAt: row.started_at,
  deadlineAt: row.deadline_at,
  channel: row.channel,
  change: row.change_id ?? undefined,
  plan: row.plan,
  wayBack: row.way_back,
  surroundings: row.surroundings ?? undefined,
  state: stateOf(row),
  seq: row.seq,
  decided: row.decided,
  failing: row.failing ?? undefined,
  drift: row.drift ?? undefined,
  verdict: row.verdict ?? undefined,
  judged: row.judged ?? undefined,
  marks: row.marks,
  deployId: row.deploy_id ?? undefined,
  parity: row.parity ?? undefined,
  recovery: row.recovery ?? undefined,
  putBack: row.put_back ?? undefined,
  endedAt: row.ended_at ?? undefined,
});

export async function findRollout(db: Db | Trx, id: string): Promise<Rollout | undefined> {
  const row = await tables<RolloutTables>(db)
    .selectFrom("rollouts")
    .selectAll()
    .where("id", "=", id as Id<"rollout">)
    .executeTakeFirst();
  return row && rolloutOf(row);
}

/** The row, locked until the transaction ends. */
export async function lockRollout(trx: Trx, id: string): Promise<Rollout | undefined> {
  const row = await tables<RolloutTables>(trx)
    .selectFrom("rollouts")
    .selectAll()
    .where("id", "=", id as Id<"rollout">)
    .forUpdate()
    .executeTakeFirst();
  return row && rolloutOf(row);
}

export interface RolloutFilter {
  service?: string | undefined;
  /** Of these services alone; left out: of all. */
  services?: readonly string[] | undefined;
  environment?: string | undefined;
  /** In flight: not ended. */
  isInFlight?: boolean | undefined;
  startedBy?: { team: string; person: string } | undefined;
  limit: number;
}

/** Newest first. */
export async function listRollouts(db: Db | Trx, filter: RolloutFilter): Promise<Rollout[]> {
  let query = tables<RolloutTables>(db).selectFrom("rollouts").selectAll();
  if (filter.service !== undefined) query = query.where("service", "=", filter.service);
  if (filter.services) query = query.where(sql<boolean>`service = any(${[...filter.services]}::text[])`);
  if (filter.environment !== undefined) query = query.where("environment", "=", filter.environment);
  if (filter.isInFlight) query = query.where("ended_at", "is", null);
  if (filter.startedBy)
    query = query
      .where("started_team", "=", filter.startedBy.team)
      .where("started_by", "=", filter.startedBy.person);
  return (await query.orderBy("number", "desc").limit(filter.limit).execute()).map(rolloutOf);
}

export async function inFlight(db: Db | Trx, place: Place): Promise<Rollout | undefined> {
  return (await listRollouts(db, { ...place, isInFlight: true, limit: 1 }))[0];
}

/** Median seconds from the decision to go back until users were well, of what was started since; null: none was. */
export async function restoreSeconds(db: Db, since: Date): Promise<number | null> {
  const row = await tables<RolloutTables>(db)
    .selectFrom("rollouts")
    .select(sql<number | null>`percentile_cont(0.5) within group (order by restored_ms) / 1000`.as("median"))
    .where("restored_ms", "is not", null)
    .where("started_at", ">=", since)
    .executeTakeFirst();
  return row?.median ?? null;
}

export async function countStates(db: Db): Promise<{ labels: { state: string }; value: number }[]> {
  const rows = await tables<RolloutTables>(db)
    .selectFrom("rollouts")
    .select((eb) => ["state", eb.fn.countAll<string>().as("n")])
    .groupBy("state")
    .execute();
  return rows.map(({ state, n }) => ({ labels: { state }, value: Number(n) }));
}
