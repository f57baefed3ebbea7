import type { Db } from "../../platform/db/database.ts";

export interface AuditFilter {
  since: Date;
  limit: number;
  service?: string | undefined;
  subject?: string | undefined;
  person?: string | undefined;
  /** Exact, or a noun: `rollout` finds `rollout.started`. */
  action?: string | undefined;
}

export interface AuditLine {
  seq: number;
  at: Date;
  person: string;
  action: string;
  subject: string;
  reason?: string | undefined;
}

/** Newest first. */
export async function readAudit(db: Db, filter: AuditFilter): Promise<AuditLine[]> {
  let query = db
    .selectFrom("audit")
    .select(["seq", "at", "person", "action", "subject", "body"])
    .where("at", ">=", filter.since);
  if (filter.service) query = query.where("service", "=", filter.service);
  if (filter.subject) query = query.where("subject", "=", filter.subject);
  if (filter.person) query = query.where("person", "=", filter.person);
  const { action } = filter;
  if (action)
    query = query.where((eb) =>
      eb.or([eb("action", "=", action), eb("action", "like", `${action.replace(/[%_\\]/g, "\\$&")}.%`)]),
    );
  const rows = await query.orderBy("seq", "desc").limit(filter.limit).execute();
  return rows.map((row) => ({
    seq: Number(row.seq),
    at: row.at,
    person: row.person,
    action: row.action,
    subject: row.subject,
    reason: (JSON.parse(row.body) as { reason?: string }).reason,
  }));
}
