import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { metricsMigrations } from "../../../src/providers/metrics/migrations.ts";
import type { MetricsDb, MetricsTables } from "../../../src/providers/metrics/samples.ts";
import { freshDatabase } from "../../support/postgres.ts";

export interface MetricsDatabase {
  db: MetricsDb;
  close(): Promise<void>;
}

const open = <T>(connectionString: string, max: number) =>
  new Kysely<T>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max }) }) });

/** A database with the metric tables; `db` has the app's rights, not the owner's. */
export async function metricsDatabase(): Promise<MetricsDatabase> {
  const database = await freshDatabase();
  const owner = open<never>(database.ownerUrl, 1);
  for (const migration of Object.values(metricsMigrations)) await migration.up(owner);
  await sql`grant select, insert, update, delete on all tables in schema public to quarterdeck_app`.execute(
    owner,
  );
  await owner.destroy();
  const db = open<MetricsTables>(database.url, 4);
  return {
    db,
    close: async () => {
      await db.destroy();
      await database.drop();
    },
  };
}
