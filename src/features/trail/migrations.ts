import { type Kysely, type Migration, sql } from "kysely";

/** The audit by what was done, and by how a subject begins. */
const readingIndexes = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    do $f$ declare
      entries text := case when to_regclass('audit_chained') is null then 'audit' else 'audit_chained' end;
    begin
      execute format('create index if not exists audit_action on %I (action text_pattern_ops, seq)', entries);
      execute format('create index if not exists audit_subject_start on %I (subject text_pattern_ops, seq)', entries);
    end $f$;
  `.execute(db);
};

export const trailMigrations: Record<string, Migration> = {
  "2026-11-25T1742-trail": { up: readingIndexes },
};
