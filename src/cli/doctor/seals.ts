import { newestSeal, notArchived } from "../../platform/audit/seals.ts";
import type { Db } from "../../platform/db/database.ts";
import { type Finding, failed, notSet, ok } from "./finding.ts";

/** A sign of life comes every ten minutes; what is sealed is archived by the next minute. */
const lateMs = 15 * 60_000;

export interface SealsState {
  heldWhy: string | undefined;
  newest: { seq: number; at: Date } | undefined;
  /** Since when the oldest seal waits for the archive. */
  waitsSince: Date | null;
}

export async function checkSeals(db: Db, now: Date): Promise<Finding> {
  const [log, newest, waiting] = await Promise.all([
    db.selectFrom("audit_log").select(["held_at", "held_why"]).executeTakeFirst(),
    newestSeal(db),
    notArchived(db),
  ]);
  return sealsFinding(
    {
      heldWhy: log?.held_at ? (log.held_why ?? "held") : undefined,
      newest: newest && { seq: newest.seal.seq, at: new Date(newest.seal.at) },
      waitsSince: waiting.since,
    },
    now,
  );
}

export function sealsFinding({ heldWhy, newest, waitsSince }: SealsState, now: Date): Finding {
  const isLate = (at: Date) => now.getTime() - at.getTime() > lateMs;
  if (heldWhy !== undefined)
    return failed(
      "Seals",
      `only ends and reverts run: ${heldWhy}`,
      "`quarterdeck resume --after-restore --dry-run` lists what differs; without --dry-run it goes on.",
    );
  if (!newest)
    return notSet(
      "Seals",
      "nothing of the audit is sealed yet",
      "The workers need AUDIT_SIGNING_KEY_FILE and AUDIT_ARCHIVE (docs/operations.md).",
    );
  if (isLate(newest.at))
    return failed(
      "Seals",
      `the newest is of ${newest.at.toISOString()}`,
      "See that a worker runs, that it has AUDIT_SIGNING_KEY_FILE, and what its log says of audit.seal.",
    );
  if (waitsSince && isLate(waitsSince))
    return failed(
      "Seals",
      `some wait for the archive since ${waitsSince.toISOString()}`,
      "See that the workers reach AUDIT_ARCHIVE and may write there, and what their log says of audit.seal.",
    );
  return ok("Seals", `up to entry ${newest.seq}, ${newest.at.toISOString()}`);
}
