import { sql } from "kysely";
import type { Clock } from "./clock.ts";
import type { Db } from "./db/database.ts";
import type { Feature } from "./feature.ts";
import type { Log } from "./log.ts";
import type { Job, Schedule } from "./rings/runner.ts";

/** How long rows stay: a row goes `keepDays` after `column`, if `where` (SQL) holds. */
export type Retention = NonNullable<Feature["retention"]>[number];

/** The platform's own tables. The audit is not here: it leaves by sealed parts only. */
export const platformRetention: readonly Retention[] = [
  // What people sent, with Slack's addresses for answers: of no use once answered.
  { table: "inbox", column: "received_at", keepDays: 30, where: "done_at is not null" },
  { table: "messages", column: "updated_at", keepDays: 30, where: "kind = 'ephemeral'" },
  // A card is one message for life; its row outlives the longest that a thing stays open.
  { table: "messages", column: "updated_at", keepDays: 400, where: "kind = 'post'" },
  { table: "sessions", column: "expires_at", keepDays: 30 },
  { table: "sign_in_links", column: "expires_at", keepDays: 1 },
  { table: "secrets", column: "expires_at", keepDays: 0 },
  { table: "slack_budget", column: "updated_at", keepDays: 7 },
  { table: "hook_tokens", column: "revoked_at", keepDays: 90 },
  { table: "api_tokens", column: "expires_at", keepDays: 90 },
  { table: "operator_tokens", column: "expires_at", keepDays: 90 },
  { table: "workers", column: "seen_at", keepDays: 1 },
];

const pruneJob = "platform.prune";
/** Rows taken away by one statement, so that no lock is held for long. */
const rowsMax = 5_000;

/** Takes away what is older than it may be; each minute, because secrets are among it. */
export function retentionParts(parts: {
  db: Db;
  clock: Clock;
  log: Log;
  features: () => readonly Feature[];
}): { jobs: Job[]; schedules: Schedule[] } {
  const run = async (): Promise<undefined> => {
    const now = parts.clock.now();
    for (const { table, column, keepDays, where } of [
      ...platformRetention,
      ...parts.features().flatMap((feature) => feature.retention ?? []),
    ]) {
      const before = new Date(now.getTime() - keepDays * 86_400_000);
      const also = where === undefined ? sql`true` : sql.raw(where);
      const gone =
        await sql`delete from ${sql.table(table)} where ctid in (select ctid from ${sql.table(table)} where ${sql.ref(column)} < ${before} and (${also}) limit ${rowsMax})`.execute(
          parts.db,
        );
      if (gone.numAffectedRows)
        parts.log.debug({ table, rows: Number(gone.numAffectedRows) }, "old rows taken away");
    }
    return undefined;
  };
  return {
    jobs: [
      {
        name: pruneJob,
        about: "Takes away rows that are older than their table may keep.",
        lane: "bulk",
        leaseSec: 300,
        run,
      },
    ],
    schedules: [{ job: pruneJob, everySec: 60 }],
  };
}
