import { type Kysely, type Migration, sql } from "kysely";

const digestTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table quality_digests (
      team text not null, week text not null, told_at timestamptz not null, cards integer not null,
      primary key (team, week));
  `.execute(db);
};

export const qualityMigrations: Record<string, Migration> = {
  "2026-11-25T1020-quality": { up: digestTables },
};
