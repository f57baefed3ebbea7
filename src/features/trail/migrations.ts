import { type Kysely, type Migration, sql } from "kysely";

/** The audit by what was done, and by how a subject begins; the latter serves exact subjects too. */
const readingIndexes = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create index if not exists audit_action on audit (action, seq);
    create index if not exists audit_subject_start on audit (subject text_pattern_ops, seq);
    drop index if exists audit_subject;
  `.execute(db);
};

export const trailMigrations: Record<string, Migration> = {
  "2026-11-25T1742-trail": { up: readingIndexes },
};
