import { type ColumnType, type Generated, type Kysely, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { Condition, Finding, Lane, SlackWord, Standing } from "./model.ts";

type Time = ColumnType<Date, Date, Date>;
type MaybeTime = ColumnType<Date | null, Date | null | undefined, Date | null>;
type Json<T> = ColumnType<T, string | undefined, string>;

export interface WatchTables {
  watch_rings: { lane: Lane; rang_at: Time };
  watch_state: {
    id: number;
    looked_at: Time;
    listening_since: Time;
    findings: Json<readonly Finding[]>;
    /** Why no heartbeat goes out; null while one does. */
    silent_why: string | null;
    slack_asked_at: MaybeTime;
    slack_error: string | null;
    slack_is_rejected: Generated<boolean>;
    slack_valid_at: MaybeTime;
    beat_at: MaybeTime;
    beat_error: string | null;
  };
  watch_troubles: { condition: Condition; state: Standing["state"]; since: Time; well_since: MaybeTime };
  watch_alarms: {
    id: Generated<string>;
    condition: Condition;
    saw: string;
    opened_at: Time;
    ended_at: MaybeTime;
    /** What each pager was told last, by its name. */
    told: Json<Record<string, Told>>;
    is_told: Generated<boolean>;
    tried_at: MaybeTime;
  };
  watch_dogs: { name: string; declared_at: Time; last_at: MaybeTime; missing_since: MaybeTime };
}
export type Told = "open" | "ended";

export const watchTables = (db: Db | Trx): Kysely<WatchTables> => tables<WatchTables>(db);

export interface State {
  lookedAt: Date;
  listeningSince: Date;
  findings: readonly Finding[];
  silentWhy: string | null;
  slack: SlackWord | null;
  beatAt: Date | null;
  beatError: string | null;
}

export async function readState(db: Db | Trx): Promise<State | undefined> {
  const row = await watchTables(db).selectFrom("watch_state").selectAll().executeTakeFirst();
  if (!row) return undefined;
  return {
    lookedAt: row.looked_at,
    listeningSince: row.listening_since,
    findings: row.findings,
    silentWhy: row.silent_why,
    slack: slackOf(row),
    beatAt: row.beat_at,
    beatError: row.beat_error,
  };
}

function slackOf(row: {
  slack_asked_at: Date | null;
  slack_error: string | null;
  slack_is_rejected: boolean;
  slack_valid_at: Date | null;
}): SlackWord | null {
  if (row.slack_asked_at === null || (row.slack_error === null && row.slack_valid_at === null)) return null;
  if (row.slack_error === null) return { is: "valid" };
  return row.slack_is_rejected
    ? { is: "rejected", code: row.slack_error }
    : { is: "unreachable", code: row.slack_error, validAt: row.slack_valid_at };
}

/** Makes the one row if there is none. */
export async function ensureState(db: Db, now: Date): Promise<void> {
  await watchTables(db)
    .insertInto("watch_state")
    .values({
      id: 1,
      looked_at: now,
      listening_since: now,
      findings: "[]",
      silent_why: null,
      slack_error: null,
      beat_error: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Locks the row; undefined while another web process is at it. */
export async function lockState(trx: Trx): Promise<State | undefined> {
  const locked = await watchTables(trx)
    .selectFrom("watch_state")
    .select("id")
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  return locked && (await readState(trx));
}

export async function writeLook(
  trx: Trx,
  look: { lookedAt: Date; listeningSince: Date; findings: readonly Finding[]; silentWhy: string | null },
): Promise<void> {
  await watchTables(trx)
    .updateTable("watch_state")
    .set({
      looked_at: look.lookedAt,
      listening_since: look.listeningSince,
      findings: JSON.stringify(look.findings),
      silent_why: look.silentWhy,
    })
    .execute();
}

/** True for the one process that is to ask Slack now. */
export async function claimSlackCall(db: Db, now: Date, everyMs: number): Promise<boolean> {
  const before = new Date(now.getTime() - everyMs);
  const claimed = await watchTables(db)
    .updateTable("watch_state")
    .set({ slack_asked_at: now })
    .where((eb) => eb.or([eb("slack_asked_at", "is", null), eb("slack_asked_at", "<=", before)]))
    .executeTakeFirst();
  return claimed.numUpdatedRows > 0n;
}

export async function writeSlack(
  db: Db,
  word: { is: "valid" } | { is: "rejected" | "unreachable"; code: string },
  now: Date,
): Promise<void> {
  await watchTables(db)
    .updateTable("watch_state")
    .set(
      word.is === "valid"
        ? { slack_error: null, slack_is_rejected: false, slack_valid_at: now }
        : { slack_error: word.code, slack_is_rejected: word.is === "rejected" },
    )
    .execute();
}

/** True for the one process that is to send this minute's heartbeat. */
export async function claimBeat(db: Db, now: Date, everyMs: number): Promise<boolean> {
  const before = new Date(now.getTime() - everyMs);
  const claimed = await watchTables(db)
    .updateTable("watch_state")
    .set({ beat_at: now })
    .where("silent_why", "is", null)
    .where((eb) => eb.or([eb("beat_at", "is", null), eb("beat_at", "<=", before)]))
    .executeTakeFirst();
  return claimed.numUpdatedRows > 0n;
}

/** What became of it; one that was not taken is sent again at the next look. */
export async function writeBeat(db: Db, error: string | null): Promise<void> {
  await watchTables(db)
    .updateTable("watch_state")
    .set({ beat_error: error, ...(error === null ? {} : { beat_at: null }) })
    .execute();
}

export async function standingsOf(trx: Trx): Promise<ReadonlyMap<Condition, Standing>> {
  const rows = await watchTables(trx).selectFrom("watch_troubles").selectAll().execute();
  return new Map(
    rows.map(({ condition, state, since, well_since }): [Condition, Standing] => [
      condition,
      state === "well"
        ? { state }
        : state === "easing"
          ? { state, since, wellSince: well_since ?? since }
          : { state, since },
    ]),
  );
}

export async function writeStanding(
  trx: Trx,
  condition: Condition,
  standing: Standing,
  now: Date,
): Promise<void> {
  const row = {
    state: standing.state,
    since: standing.state === "well" ? now : standing.since,
    well_since: standing.state === "easing" ? standing.wellSince : null,
  };
  await watchTables(trx)
    .insertInto("watch_troubles")
    .values({ condition, ...row })
    .onConflict((conflict) => conflict.column("condition").doUpdateSet(row))
    .execute();
}

/** Notes that a ring came through this lane. */
export async function noteRing(db: Db, lane: Lane, now: Date): Promise<void> {
  await watchTables(db)
    .insertInto("watch_rings")
    .values({ lane, rang_at: now })
    .onConflict((conflict) => conflict.column("lane").doUpdateSet({ rang_at: now }))
    .execute();
}

export interface Alarm {
  id: string;
  condition: Condition;
  saw: string;
  openedAt: Date;
  endedAt: Date | null;
  told: Readonly<Record<string, Told>>;
}

export async function openAlarm(trx: Trx, condition: Condition, saw: string, now: Date): Promise<Alarm> {
  const { id } = await watchTables(trx)
    .insertInto("watch_alarms")
    .values({ condition, saw, opened_at: now })
    .returning("id")
    .executeTakeFirstOrThrow();
  return { id, condition, saw, openedAt: now, endedAt: null, told: {} };
}

/** Ends the standing alarm of a condition; its end is told as its beginning was. */
export async function endAlarm(trx: Trx, condition: Condition, now: Date): Promise<Alarm | undefined> {
  const row = await watchTables(trx)
    .updateTable("watch_alarms")
    .set({ ended_at: now, is_told: false, tried_at: null })
    .where("condition", "=", condition)
    .where("ended_at", "is", null)
    .returningAll()
    .executeTakeFirst();
  return row && alarmOf(row);
}

export async function standingAlarms(db: Db | Trx): Promise<readonly Alarm[]> {
  const rows = await watchTables(db)
    .selectFrom("watch_alarms")
    .selectAll()
    .where("ended_at", "is", null)
    .orderBy("opened_at")
    .execute();
  return rows.map(alarmOf);
}

/** Alarms some pager has not been told of, claimed so that one process at a time tells. */
export async function claimUntold(db: Db, now: Date, againMs: number): Promise<readonly Alarm[]> {
  const rows = await watchTables(db)
    .updateTable("watch_alarms")
    .set({ tried_at: now })
    .where("is_told", "=", false)
    .where((eb) =>
      eb.or([eb("tried_at", "is", null), eb("tried_at", "<=", new Date(now.getTime() - againMs))]),
    )
    .returningAll()
    .execute();
  return rows.map(alarmOf);
}

/** `isTold`: nobody is left to tell, unless it ended meanwhile. */
export async function writeTold(
  db: Db,
  alarm: Alarm,
  told: Record<string, Told>,
  isTold: boolean,
): Promise<void> {
  await watchTables(db)
    .updateTable("watch_alarms")
    .set({ told: JSON.stringify(told), is_told: isTold })
    .where("id", "=", alarm.id)
    .where(sql<boolean>`ended_at is not distinct from ${alarm.endedAt}`)
    .execute();
}

function alarmOf(row: {
  id: string;
  condition: Condition;
  saw: string;
  opened_at: Date;
  ended_at: Date | null;
  told: Record<string, Told>;
}): Alarm {
  return {
    id: row.id,
    condition: row.condition,
    saw: row.saw,
    openedAt: row.opened_at,
    endedAt: row.ended_at,
    told: row.told,
  };
}
