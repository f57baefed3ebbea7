import { readSettings } from "../config/config.ts";

export async function run(): Promise<void> {
  const { DATABASE_MIGRATION_URL } = readSettings();
  if (!DATABASE_MIGRATION_URL)
    throw Object.assign(new Error("DATABASE_MIGRATION_URL is not set."), {
      hint: "It is the owner's connection string; only this command uses it.",
    });
  const [{ migrate }, { allMigrations }] = await Promise.all([
    import("../platform/db/migrate.ts"),
    import("../features/all.ts"),
  ]);
  const applied = await migrate(DATABASE_MIGRATION_URL, allMigrations());
  process.stdout.write(
    applied.length === 0 ? "The database is current.\n" : `Applied: ${applied.join(", ")}\n`,
  );
}
