/** Who is on call in place of the schedule, and for how long. */
import type { ColumnType, Generated } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";

type Timestamp = ColumnType<Date, Date, Date>;

interface OverrideTables {
  oncall_overrides: {
    id: Generated<string>;
    team: string;
    person: string;
    from_at: Timestamp;
    until_at: Timestamp;
    made_by: string;
    made_at: Timestamp;
  };
}

export interface Override {
  team: string;
  /** Catalog id. */
  person: string;
  from: Date;
  until: Date;
  /** Slack id. */
  madeBy: string;
  /** Missing in one that is yet to be made. */
  madeAt?: Date | undefined;
}

const of = (db: Db | Trx) => tables<OverrideTables>(db);

export async function insertOverride(trx: Trx, override: Override, at: Date): Promise<void> {
  await of(trx)
    .insertInto("oncall_overrides")
    .values({
      team: override.team,
      person: override.person,
      from_at: override.from,
      until_at: override.until,
      made_by: override.madeBy,
      made_at: at,
    })
    .execute();
}

/** Whether an override puts the person on call for the team at that moment. */
export async function standsIn(db: Db | Trx, team: string, person: string, at: Date): Promise<boolean> {
  const [first] = (await overridesOf(db, team, at)).filter(({ from }) => from <= at);
  return first?.person === person;
}

/** Those not over at `at`; of two that cover a moment the later made one counts, so it comes first. */
export async function overridesOf(db: Db | Trx, team: string, at: Date): Promise<Override[]> {
  const rows = await of(db)
    .selectFrom("oncall_overrides")
    .selectAll()
    .where("team", "=", team)
    .where("until_at", ">", at)
    .orderBy("made_at", "desc")
    .orderBy("id")
    .execute();
  return rows.map((row) => ({
    team: row.team,
    person: row.person,
    from: row.from_at,
    until: row.until_at,
    madeBy: row.made_by,
    madeAt: row.made_at,
  }));
}
