import { type ColumnType, type Generated, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import { noVoices, type Said, type Voices } from "./model.ts";

type Time = ColumnType<Date, Date, Date>;
export type MarkKind = "helped" | "outdated";

interface RunbookTables {
  runbook_verifications: {
    id: Generated<string>;
    runbook: string;
    team: string;
    person: string;
    note: string | null;
    at: Time;
  };
  runbook_marks: {
    id: Generated<string>;
    runbook: string;
    kind: MarkKind;
    team: string;
    person: string;
    note: string | null;
    at: Time;
  };
}

const runbookTables = (db: Db | Trx) => tables<RunbookTables>(db);

/** What is said of one runbook is written one after the other: "once" is decided under this lock. */
export async function lockRunbook(trx: Trx, runbook: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`runbook:${runbook}`}, 0))`.execute(trx);
}

export async function writeVerification(trx: Trx, runbook: string, said: Said): Promise<void> {
  await runbookTables(trx)
    .insertInto("runbook_verifications")
    .values({ runbook, ...said })
    .execute();
}

export async function writeMark(trx: Trx, runbook: string, kind: MarkKind, said: Said): Promise<void> {
  await runbookTables(trx)
    .insertInto("runbook_marks")
    .values({ runbook, kind, ...said })
    .execute();
}

/** Last verification of each, and the marks made since; a runbook nobody spoke of is not in it. */
export async function readVoices(
  db: Db | Trx,
  runbooks: readonly string[],
): Promise<ReadonlyMap<string, Voices>> {
  if (runbooks.length === 0) return new Map();
  const verified = await runbookTables(db)
    .selectFrom("runbook_verifications")
    .distinctOn("runbook")
    .select(["runbook", "team", "person", "note", "at"])
    .where("runbook", "in", runbooks)
    .orderBy("runbook")
    .orderBy("at", "desc")
    .execute();
  const marks = await runbookTables(db)
    .selectFrom("runbook_marks as m")
    .select(["m.runbook", "m.kind", "m.team", "m.person", "m.note", "m.at"])
    .where("m.runbook", "in", runbooks)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("runbook_verifications as v")
            .select("v.id")
            .whereRef("v.runbook", "=", "m.runbook")
            .whereRef("v.at", ">=", "m.at"),
        ),
      ),
    )
    .orderBy("m.at")
    .execute();
  const saidOf = ({ team, person, note, at }: Said): Said => ({ team, person, note, at });
  return new Map(
    runbooks.map((runbook) => {
      const of = (kind: MarkKind) =>
        marks.filter((mark) => mark.runbook === runbook && mark.kind === kind).map(saidOf);
      const last = verified.find((row) => row.runbook === runbook);
      return [runbook, { verified: last && saidOf(last), helped: of("helped"), outdated: of("outdated") }];
    }),
  );
}

export async function readVoicesOf(db: Db | Trx, runbook: string): Promise<Voices> {
  return (await readVoices(db, [runbook])).get(runbook) ?? noVoices;
}

/** Key of the message in whose thread somebody wrote; undefined when it is none of ours. */
export async function messageKeyAt(db: Db, channel: string, ts: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("messages")
    .select("key")
    .where("posted_channel", "=", channel)
    .where("ts", "=", ts)
    .executeTakeFirst();
  return row?.key;
}
