import { type Kysely, type Migration, sql } from "kysely";

const levelsTable = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table slo_levels (
      service text primary key,
      level text not null check (level in ('ship','careful','approval','freeze')),
      since timestamptz not null,
      better_since timestamptz)`.execute(db);
};

export const sloMigrations: Record<string, Migration> = {
  "2026-11-25T1045-slo-levels": { up: levelsTable },
};
