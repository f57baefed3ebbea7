import { readSettings } from "../config/config.ts";
import { type ChainFault, ChainVerifier } from "../platform/audit/chain.ts";
import type { Db } from "../platform/db/database.ts";
import { say, withDatabase } from "./world.ts";

/** Entries read at once. */
const pageRows = 2_000;

export interface AuditReport {
  ok: boolean;
  entries: number;
  /** SHA-256 of the last good entry, in hex. Kept elsewhere, it proves later that nothing before it was rewritten. */
  head: string;
  fault?: ChainFault;
}

/** Walks the whole chain in pages, one snapshot throughout, so that entries written meanwhile do not look cut off. */
export async function verifyAudit(db: Db): Promise<AuditReport> {
  return db
    .transaction()
    .setIsolationLevel("repeatable read")
    .execute(async (trx) => {
      const verifier = new ChainVerifier();
      let head = "0".repeat(64);
      for (;;) {
        const rows = await trx
          .selectFrom("audit_chained")
          .select(["seq", "body", "hash"])
          .where("seq", ">", String(verifier.seq))
          .orderBy("seq")
          .limit(pageRows)
          .execute();
        for (const row of rows) {
          const fault = verifier.take({ ...row, seq: Number(row.seq) });
          if (fault) return { ok: false, entries: verifier.seq, head, fault };
          head = row.hash.toString("hex");
        }
        if (rows.length < pageRows) break;
      }
      const last = await trx.selectFrom("audit_head").select(["seq", "hash"]).executeTakeFirstOrThrow();
      const fault = verifier.finish({ ...last, seq: Number(last.seq) });
      return { ok: fault === undefined, entries: verifier.seq, head, ...(fault ? { fault } : {}) };
    });
}

export async function run(options: { json?: boolean }): Promise<void> {
  const report = await withDatabase(readSettings(), ({ db }) => verifyAudit(db));
  if (options.json) say(JSON.stringify(report));
  else if (report.fault)
    say(
      `Entry ${report.fault.seq} is the first bad one: ${report.fault.detail}. The ${report.entries} before it are as they were written.`,
    );
  else say(`All ${report.entries} entries are as they were written. Head: ${report.head}`);
  if (!report.ok) process.exitCode = 1;
}
