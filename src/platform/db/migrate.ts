import { runMigrations } from "bullmq";
import { Kysely, type Migration, Migrator, PostgresDialect } from "kysely";
import pg from "pg";
import { grantAppRights } from "./migrations.ts";

const migrationTableName = "quarterdeck_migration";
const migrationLockTableName = "quarterdeck_migration_lock";

export class SchemaError extends Error {
  constructor(
    readonly code: "schema_older" | "schema_missing" | "migration_failed",
    message: string,
    readonly hint: string,
    cause?: unknown,
  ) {
    super(`${message} ${hint}`, { cause });
  }
}

const migratorOf = (db: Kysely<unknown>, migrations: Record<string, Migration>): Migrator =>
  new Migrator({
    // biome-ignore lint/suspicious/noExplicitAny: Kysely's Migrator is declared over any schema.
    db: db as Kysely<any>,
    provider: { getMigrations: async () => migrations },
    allowUnorderedMigrations: true,
    migrationTableName,
    migrationLockTableName,
  });

/**
 * The release step, as the owner: our tables, the queue's schema, the app role's rights. Kysely holds an advisory
 * lock meanwhile, so two releases at once take turns.
 *
 * @returns names of the migrations applied now
 */
export async function migrate(ownerUrl: string, migrations: Record<string, Migration>): Promise<string[]> {
  const pool = new pg.Pool({ connectionString: ownerUrl, max: 2 });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const { error, results } = await migratorOf(db, migrations).migrateToLatest();
    if (error) {
      const failed = results?.find((result) => result.status === "Error")?.migrationName ?? "unknown";
      throw new SchemaError(
        "migration_failed",
        `Migration ${failed} failed: ${error instanceof Error ? error.message : error}.`,
        "Nothing of it was kept; mend the cause and run `quarterdeck migrate` again.",
        error,
      );
    }
    const client = await pool.connect();
    try {
      await runMigrations(client, "bullmq");
    } finally {
      client.release();
    }
    await grantAppRights(db);
    return (results ?? [])
      .filter((result) => result.status === "Success")
      .map((result) => result.migrationName);
  } finally {
    await db.destroy();
  }
}

/** Refuses to run on a schema older than this code. Throws {@link SchemaError}. */
export async function assertSchemaCurrent(
  db: Kysely<unknown>,
  migrations: Record<string, Migration>,
): Promise<void> {
  let applied: Set<string>;
  try {
    const rows = await (db as Kysely<{ [migrationTableName]: { name: string } }>)
      .selectFrom(migrationTableName)
      .select("name")
      .execute();
    applied = new Set(rows.map((row) => row.name));
  } catch (cause) {
    if ((cause as { code?: string }).code !== "42P01") throw cause;
    throw new SchemaError(
      "schema_missing",
      "The database has no Quarterdeck tables.",
      "Run `quarterdeck migrate` with DATABASE_MIGRATION_URL first.",
      cause,
    );
  }
  const missing = Object.keys(migrations).filter((name) => !applied.has(name));
  if (missing.length > 0)
    throw new SchemaError(
      "schema_older",
      `The database lacks ${missing.length} migration(s), first ${missing[0]}.`,
      "Run `quarterdeck migrate` with DATABASE_MIGRATION_URL first.",
    );
}
