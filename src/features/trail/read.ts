/** A person reads the audit; that they did is an entry too. */
import { canonicalJson } from "../../platform/canonical.ts";
import type { Db } from "../../platform/db/database.ts";
import type { Actor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { type AuditFilter, type AuditPage, filterDetail, readAction } from "./model.ts";
import { readAudit } from "./store.ts";

/** The same person with the same question within this time is one read: pages turned, a page that is live. */
const sameReadMs = 600_000;

export interface AuditQuestion extends Omit<AuditFilter, "since" | "limit"> {
  /** How far back; everything kept when left out. */
  sinceMs?: number | undefined;
  limit?: number | undefined;
}

export type ReadAudit = (actor: Actor, question: AuditQuestion, before?: number) => Promise<AuditPage>;

/** A page of what is asked, newest first; `before` is the `next` of the page that was shown. */
export async function readAs(
  { database, clock }: Pick<Platform, "database" | "clock">,
  actor: Actor,
  question: AuditQuestion,
  before?: number,
): Promise<AuditPage> {
  const { sinceMs, limit = 50, ...asked } = question;
  const now = clock.now();
  const since = sinceMs === undefined ? undefined : new Date(now.getTime() - sinceMs);
  const page = await readAudit(database.db, { ...asked, since, limit }, before);
  const detail = filterDetail(asked, sinceMs);
  if (!(await wasToldOf(database.db, actor, detail, new Date(now.getTime() - sameReadMs))))
    await database.tx(async (tx) => tx.audit({ actor, action: readAction, subject: "audit", detail }));
  return page;
}

async function wasToldOf(
  db: Db,
  { team, person }: Actor,
  detail: Record<string, unknown>,
  since: Date,
): Promise<boolean> {
  const rows = await db
    .selectFrom("audit")
    .select("body")
    .where("person", "=", person)
    .where("team", "=", team)
    .where("action", "=", readAction)
    .where("at", ">=", since)
    .orderBy("seq", "desc")
    .limit(20)
    .execute();
  const wanted = canonicalJson(detail);
  return rows.some(({ body }) => canonicalJson((JSON.parse(body) as { detail?: unknown }).detail) === wanted);
}
