import { sql } from "kysely";
import { allMigrations } from "../../features/all.ts";
import { createPool, type Db, databaseNow, openKysely } from "../../platform/db/database.ts";
import { assertSchemaCurrent, SchemaError } from "../../platform/db/migrate.ts";
import { reasonOf } from "../world.ts";
import { type Finding, failed, ok } from "./finding.ts";
import { checkSeals } from "./seals.ts";

/** Milliseconds the two clocks may differ. */
const skewMaxMs = 2_000;

/** Reachable, current, and with no more rights than the app needs. */
export async function checkPostgres(url: string, now: () => Date): Promise<Finding[]> {
  const db = openKysely(createPool(url, 2, () => undefined));
  try {
    const reached = await reachable(db, now);
    if (reached.some(({ state }) => state === "failed")) return reached;
    const schema = await schemaCurrent(db);
    if (schema.state !== "ok") return [...reached, schema];
    return [...reached, schema, await checkSeals(db, now()), await rights(db)];
  } finally {
    await db.destroy();
  }
}

async function reachable(db: Db, now: () => Date): Promise<Finding[]> {
  const before = now().getTime();
  try {
    const theirs = await databaseNow(db);
    const offsetMs = theirs.getTime() - (before + now().getTime()) / 2;
    const { rows } = await sql<{ server_version: string }>`show server_version`.execute(db);
    const found = [ok("Postgres", `reachable, version ${rows[0]?.server_version}`)];
    if (Math.abs(offsetMs) > skewMaxMs)
      found.push(
        failed(
          "Clock",
          `this machine is ${(Math.abs(offsetMs) / 1_000).toFixed(1)} s ${offsetMs > 0 ? "behind" : "ahead of"} the database`,
          "Let both follow the same time server (NTP); Slack refuses what is 5 minutes off.",
        ),
      );
    return found;
  } catch (error) {
    return [
      failed(
        "Postgres",
        `cannot be reached: ${reasonOf(error)}`,
        "Check DATABASE_URL, and that the server runs.",
      ),
    ];
  }
}

async function schemaCurrent(db: Db): Promise<Finding> {
  const migrations = allMigrations();
  try {
    await assertSchemaCurrent(db as never, migrations);
    return ok("Schema", `current, ${Object.keys(migrations).length} migrations`);
  } catch (error) {
    if (error instanceof SchemaError)
      return failed("Schema", error.message.replace(` ${error.hint}`, ""), error.hint);
    throw error;
  }
}

async function rights(db: Db): Promise<Finding> {
  const { rows } = await sql<{ role: string; may: boolean; is_super: boolean; is_owner: boolean }>`
    select current_user as role,
      (select bool_or(has_table_privilege(name, may)) from unnest('{audit_chained,audit_pending}'::text[]) as name,
        unnest('{update,delete,truncate}'::text[]) as may) as may,
      (select rolsuper from pg_roles where rolname = current_user) as is_super,
      pg_has_role(current_user, (select tableowner from pg_tables where schemaname = 'public' and tablename = 'audit_pending'), 'usage')
        as is_owner`.execute(db);
  const [found] = rows;
  if (found && !found.may && !found.is_super && !found.is_owner)
    return ok("Rights", `${found.role} can add to the audit and not change it`);
  return failed(
    "Rights",
    `${found?.role} could change the audit`,
    "Use the role quarterdeck_app in DATABASE_URL and its owner in DATABASE_MIGRATION_URL only (docs/operations.md), then run `quarterdeck migrate`.",
  );
}
