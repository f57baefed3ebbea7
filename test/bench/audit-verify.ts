import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { sql } from "kysely";
import { chainPending } from "../../src/platform/audit/chainer.ts";
import { createAuditKeeper } from "../../src/platform/audit/keeper.ts";
import { keyIdOf } from "../../src/platform/audit/seal.ts";
import { notArchived } from "../../src/platform/audit/seals.ts";
import { verifyAudit } from "../../src/platform/audit/verify.ts";
import type { Db } from "../../src/platform/db/database.ts";
import { createDirectoryArchive } from "../../src/providers/archive/directory.ts";
import type { Bench, Benchmark, Result } from "./measure.ts";

/** Entries looked at, twice: a tenth first, so that memory can be compared. */
const sizes = [100_000, 1_000_000] as const;
const batchRows = 100_000;
const watchEveryMs = 50;

/** The whole walk as `audit verify` makes it: chain, columns, signed seals, the archive in a folder. */
export const auditVerifyBenchmark: Benchmark = {
  name: "audit-verify",
  about: "Verifies 100,000 and 1,000,000 audit entries: chain, columns, seals, archive.",
  async run({ ground, say }: Bench): Promise<Result[]> {
    const { app } = await ground.install({ slackUrl: "http://127.0.0.1:1" });
    const { db } = app.database;
    const archive = createDirectoryArchive(join(ground.dir, `archive-${process.pid}`));
    const { privateKey } = generateKeyPairSync("ed25519");
    const keeper = createAuditKeeper({
      ...app,
      chainer: { kick: () => undefined, start: () => undefined, stop: async () => undefined },
      archive,
      signingKey: async () => privateKey,
      keepDays: 400,
    });
    const keys = new Map([[keyIdOf(privateKey), privateKey]]);
    const peaks: number[] = [];
    let tookMs = 0;
    let cpuSec = 0;
    for (const size of sizes) {
      say(`${size} entries`);
      await fill(db, size);
      do await keeper.turn();
      while ((await notArchived(db)).seals > 0);
      const before = process.cpuUsage();
      const startedMs = performance.now();
      const { report, peakBytes } = await watched(() =>
        verifyAudit({ db, keys, archive, now: app.clock.now() }),
      );
      tookMs = performance.now() - startedMs;
      const { user, system } = process.cpuUsage(before);
      cpuSec = (user + system) / 1_000_000;
      if (!report.ok || report.sealed < size) throw new Error(JSON.stringify(report));
      peaks.push(peakBytes);
    }
    const [small = 0, large = 0] = peaks;
    const mb = (bytes: number) => Math.round(bytes / 1_048_576);
    return [
      {
        name: "audit-verify.1m",
        value: tookMs / 1_000,
        unit: "s",
        goal: { atMost: 30 },
        beside: `1,000,000 entries; ${cpuSec.toFixed(1)} s of a processor, Postgres' own aside`,
      },
      {
        name: "audit-verify.memory",
        value: large / small,
        unit: "ratio",
        goal: { atMost: 1.5 },
        beside: `heap at most ${mb(large)} MB over 1,000,000 entries; ${mb(small)} MB over 100,000`,
      },
    ];
  },
};

/** Adds entries as transactions do, many at a time, until there are so many, and chains them. */
async function fill(db: Db, size: number): Promise<void> {
  for (;;) {
    const { seq } = await db.selectFrom("audit_head").select("seq").executeTakeFirstOrThrow();
    const missing = Math.min(batchRows, size - Number(seq));
    if (missing <= 0) return;
    await sql`insert into audit_pending (at, team, person, action, subject, service, body_start, body_end)
      select at, 'T0LOCAL', 'U0DEV', 'bench.done', 'S-' || n, 'shop',
        '{"action":"bench.done","actor":{"door":"slack","person":"U0DEV","team":"T0LOCAL"},"at":"'
          || to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '","catalog":"' || repeat('c', 64)
          || '","detail":{"percent":10,"text":"' || repeat('x', 80) || '"},"reason":"because of ' || n || '",',
        ',"service":"shop","subject":"S-' || n || '"}'
      from (select date_trunc('milliseconds', now()) as at, n from generate_series(1, ${missing}::integer) as n) as made`.execute(
      db,
    );
    await chainPending(db);
  }
}

async function watched<T>(work: () => Promise<T>): Promise<{ report: T; peakBytes: number }> {
  let peakBytes = 0;
  const look = () => {
    peakBytes = Math.max(peakBytes, process.memoryUsage().heapUsed);
  };
  const timer = setInterval(look, watchEveryMs);
  try {
    return { report: await work(), peakBytes };
  } finally {
    look();
    clearInterval(timer);
  }
}
