import type { ColumnType } from "kysely";
import type { BudgetLevel } from "../../catalog/error-budget.ts";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { KeptLevel } from "./policy.ts";

type Timestamp = ColumnType<Date, Date, Date>;

interface SloTables {
  slo_levels: {
    service: string;
    level: BudgetLevel;
    since: Timestamp;
    better_since: ColumnType<Date | null, Date | null, Date | null>;
  };
}

/** The level last told of each service, by service. */
export async function keptLevels(db: Db): Promise<ReadonlyMap<string, KeptLevel>> {
  const rows = await tables<SloTables>(db).selectFrom("slo_levels").selectAll().execute();
  return new Map(
    rows.map(({ service, level, since, better_since }) => [
      service,
      { level, since, betterSince: better_since ?? undefined },
    ]),
  );
}

/** Locked until the transaction ends. */
export async function lockedLevel(trx: Trx, service: string): Promise<KeptLevel | undefined> {
  const row = await tables<SloTables>(trx)
    .selectFrom("slo_levels")
    .selectAll()
    .where("service", "=", service)
    .forUpdate()
    .executeTakeFirst();
  return row && { level: row.level, since: row.since, betterSince: row.better_since ?? undefined };
}

/** Answers false when somebody else wrote a service's first level meanwhile. */
export async function keepLevel(
  trx: Trx,
  service: string,
  { level, since, betterSince }: KeptLevel,
  isFirst: boolean,
): Promise<boolean> {
  const row = { level, since, better_since: betterSince ?? null };
  const query = tables<SloTables>(trx)
    .insertInto("slo_levels")
    .values({ service, ...row });
  const written = await query
    .onConflict((conflict) => {
      const same = conflict.column("service");
      return isFirst ? same.doNothing() : same.doUpdateSet(row);
    })
    .executeTakeFirst();
  return (written.numInsertedOrUpdatedRows ?? 0n) > 0n;
}
