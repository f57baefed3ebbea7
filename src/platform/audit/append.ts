import { sql } from "kysely";
import { canonicalJson } from "../canonical.ts";
import type { Trx } from "../db/database.ts";
import type { Actor } from "../people.ts";

/** One state change. Ids and digests only: no names, no secrets. */
export interface AuditEntry {
  actor: Actor;
  /** What was done, as noun.verb: `rollout.started`. */
  action: string;
  /** On what: a public id or a name. */
  subject: string;
  service?: string | undefined;
  /** Digests of the thing before and after, where it has a state worth comparing. */
  before?: string | undefined;
  after?: string | undefined;
  /** Why, in the words of the person or of the rule that decided. */
  reason?: string | undefined;
  detail?: Record<string, unknown> | undefined;
  /** What belongs together: an inbox row, a rollout, a grant. */
  correlation?: string | undefined;
}

export interface AuditContext {
  now: Date;
  catalogDigest: string;
}

/**
 * Adds entries in the transaction of what they tell. They are chained right after its commit, by whoever chains
 * (see chainer.ts): chained here, each transaction would keep all others waiting until it is on the disk.
 */
export async function appendAudit(
  trx: Trx,
  entries: readonly AuditEntry[],
  context: AuditContext,
): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map((entry) => {
    const { actor, action, subject, service = null } = entry;
    const { start, end } = bodyOf(entry, context);
    return sql`(${context.now}, ${actor.team}, ${actor.person}, ${action}, ${subject}, ${service}, ${start}, ${end})`;
  });
  // Written out: every use case pays for it, and building the same statement from parts costs as much as running it.
  await sql`insert into audit_pending (at, team, person, action, subject, service, body_start, body_end)
    values ${sql.join(rows)}`.execute(trx);
}

/** Canonical JSON in two halves: members up to `reason`, and from `service` on. `seq` stands between them. */
function bodyOf(entry: AuditEntry, context: AuditContext): { start: string; end: string } {
  const { actor, action, subject, service, before, after, reason, detail, correlation } = entry;
  const start = canonical({
    at: context.now.toISOString(),
    actor: { team: actor.team, person: actor.person, door: actor.door },
    action,
    before,
    after,
    reason,
    detail,
    catalog: context.catalogDigest,
    correlation: correlation ?? actor.inboxId,
  });
  return { start: `${start.slice(0, -1)},`, end: `,${canonical({ service, subject }).slice(1)}` };
}

/** JSON round trip drops undefined members, which canonical JSON has no word for. */
const canonical = (value: object): string => canonicalJson(JSON.parse(JSON.stringify(value)));
