import { canonicalJson } from "../canonical.ts";
import type { Trx } from "../db/database.ts";
import type { Actor } from "../people.ts";
import { chainHash } from "./chain.ts";

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

/** Appends entries to the chain. Locks the head row, so call it last in a transaction, once. */
export async function appendAudit(
  trx: Trx,
  entries: readonly AuditEntry[],
  context: AuditContext,
): Promise<void> {
  if (entries.length === 0) return;
  const head = await trx
    .selectFrom("audit_head")
    .select(["seq", "hash"])
    .where("id", "=", 1)
    .forUpdate()
    .executeTakeFirstOrThrow();
  let seq = Number(head.seq);
  let hash = head.hash;
  const rows = entries.map((entry) => {
    seq += 1;
    const body = bodyOf(entry, seq, context);
    hash = chainHash(hash, body);
    return {
      seq: String(seq),
      at: context.now,
      team: entry.actor.team,
      person: entry.actor.person,
      action: entry.action,
      subject: entry.subject,
      service: entry.service ?? null,
      body,
      hash,
    };
  });
  // One way to Postgres and back: every other writer waits for this head until we have committed.
  await trx
    .with("added", (db) => db.insertInto("audit").values(rows).returning("seq"))
    .updateTable("audit_head")
    .set({ seq: String(seq), hash })
    .where("id", "=", 1)
    .execute();
}

function bodyOf(entry: AuditEntry, seq: number, context: AuditContext): string {
  const { actor, action, subject, service, before, after, reason, detail, correlation } = entry;
  // JSON round trip drops undefined members, which canonical JSON has no word for.
  return canonicalJson(
    JSON.parse(
      JSON.stringify({
        seq,
        at: context.now.toISOString(),
        actor: { team: actor.team, person: actor.person, door: actor.door },
        action,
        subject,
        service,
        before,
        after,
        reason,
        detail,
        catalog: context.catalogDigest,
        correlation: correlation ?? actor.inboxId,
      }),
    ),
  );
}
