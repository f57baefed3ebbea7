/**
 * Keeps the audit: compares database and archive, chains, seals, archives, begins new parts and lets old ones go.
 * A worker's; any number of workers may do it at once.
 */
import type { KeyObject } from "node:crypto";
import { sql } from "kysely";
import type { Catalogs } from "../catalogs.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/database.ts";
import type { MetricLine } from "../feature.ts";
import type { Log } from "../log.ts";
import { escapeText } from "../messages/blocks.ts";
import { systemActor } from "../people.ts";
import type { Job, Schedule } from "../rings/runner.ts";
import {
  type Archive,
  ArchiveError,
  archiveDays,
  entriesBytes,
  entriesName,
  keyName,
  sealName,
} from "./archive.ts";
import type { Chainer } from "./chainer.ts";
import {
  type Comparison,
  compareWithArchive,
  hold,
  holdReason,
  noteCompared,
  wrongArchive,
} from "./compare.ts";
import { publicPem } from "./keys.ts";
import { entriesPerSealMax, keyIdOf, readSeal, type Seal } from "./seal.ts";
import { bodiesOf, type KeptSeal, newestSeal, notArchived, sealNext } from "./seals.ts";

const dayMs = 86_400_000;
/** Past this age, or this many entries, a part ends with the next seal. */
const partDays = 7;
const partEntries = 500_000;
/** How long readers of the audit may be kept waiting for a part to begin or to leave. */
const lockWaitMs = 2_000;
/** Seals put into the archive by one turn at most. */
const sealsPerTurn = 200;

export const sealJob = "audit.seal";

export interface AuditKeeper {
  /** Asks the archive, holds what must be held, chains from then on; so it does when the archive does not answer. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** One turn: compare, seal, archive, parts. Answers what was sealed. */
  turn(): Promise<readonly Seal[]>;
  jobs: readonly Job[];
  schedules: readonly Schedule[];
  metrics: readonly MetricLine[];
}

export interface KeeperParts {
  database: Database;
  clock: Clock;
  log: Log;
  catalogs: Pick<Catalogs, "current" | "digest">;
  chainer: Chainer;
  archive: Archive | undefined;
  signingKey: () => Promise<KeyObject | undefined>;
  /** Days that entries stay in Postgres. */
  keepDays: number;
}

export function createAuditKeeper(parts: KeeperParts): AuditKeeper {
  const { database, clock, log, archive, chainer } = parts;
  const { db } = database;
  let isStopped = false;
  let keysSaid = new Set<string>();

  /** What the archive knows beside this database; holds what must be held. Undefined without an archive. */
  const compare = async (): Promise<Comparison | undefined> => {
    if (!archive) return undefined;
    const found = await compareWithArchive(db, archive, clock.now());
    const wrong = wrongArchive(found, archive.place);
    if (wrong !== undefined) log.error({ why: wrong }, "nothing is written into this archive");
    const why = holdReason(found, archive.place);
    if (why !== undefined && (await hold(db, why, clock.now()))) await sayHeld(why);
    if (found.is === "same") await noteCompared(db, clock.now());
    return found;
  };

  const sayHeld = async (why: string): Promise<void> => {
    log.error({ why }, "held: only ends and reverts run until `quarterdeck resume --after-restore`");
    if (parts.catalogs.digest() === "none") return;
    const channel = parts.catalogs.current().organisation.defaultChannel;
    await database.tx(async (tx) =>
      tx.say({
        key: `audit:held:${tx.now.toISOString()}`,
        channel,
        urgent: true,
        text: `*Held*: ${escapeText(why, 500)}. Only ends and reverts run. Whoever looks after Quarterdeck: \`quarterdeck resume --after-restore\` lists what differs and lets everything go on.`,
      }),
    );
  };

  const seal = async (): Promise<Seal[]> => {
    const key = await parts.signingKey();
    if (!key) return [];
    const sealed: Seal[] = [];
    for (;;) {
      const next = await sealNext(db, key, () => clock.now());
      if (!next) return sealed;
      sealed.push(next.seal);
      if (next.seal.count < entriesPerSealMax) return sealed;
    }
  };

  const archiveOne = async (into: Archive, kept: KeptSeal, key: KeyObject | undefined): Promise<void> => {
    const { number, seq, count, keyId } = kept.seal;
    const until = new Date(clock.now().getTime() + archiveDays * dayMs);
    // A key that was replaced since is not at hand; its public half went there with its first seal.
    if (key && keyIdOf(key) === keyId && !keysSaid.has(keyId)) {
      await into.put(keyName(keyId), Buffer.from(publicPem(key)), until);
      keysSaid = new Set([...keysSaid, keyId]);
    }
    if (count > 0)
      await into.put(entriesName(number), entriesBytes(await bodiesOf(db, seq - count + 1, seq)), until);
    await into.put(sealName(number), Buffer.from(kept.text), until);
    await db
      .updateTable("audit_seals")
      .set({ archived_at: clock.now() })
      .where("number", "=", String(number))
      .execute();
  };

  /** Puts what is missing into the archive, oldest first. */
  const archiveSeals = async (): Promise<void> => {
    if (!archive) return;
    const key = await parts.signingKey();
    const rows = await db
      .selectFrom("audit_seals")
      .select(["body", "archived_at"])
      .where("archived_at", "is", null)
      .orderBy("number")
      .limit(sealsPerTurn)
      .execute();
    for (const row of rows) {
      const kept = { seal: readSeal(row.body), text: row.body, archivedAt: null };
      await archiveOne(archive, kept, key);
    }
  };

  /** A part ends where a seal does, while nothing can be chained behind it. */
  const beginPart = async (): Promise<void> => {
    const [open, newest] = await Promise.all([
      db.selectFrom("audit_parts").selectAll().where("last_seq", "is", null).executeTakeFirstOrThrow(),
      newestSeal(db),
    ]);
    if (!newest) return;
    const isOld = clock.now().getTime() - open.opened_at.getTime() > partDays * dayMs;
    const isFull = newest.seal.seq - Number(open.first_seq) >= partEntries;
    if (!isOld && !isFull) return;
    await db.transaction().execute(async (trx) => {
      await sql`select set_config('lock_timeout', ${`${lockWaitMs}ms`}, true)`.execute(trx);
      await sql`select audit_begin_part(${newest.seal.seq})`.execute(trx);
    });
  };

  /** The oldest part leaves when it is sealed, archived and old; that it left is an entry. */
  const dropPart = async (): Promise<void> => {
    if (!archive) return;
    await database.tx(async (tx) => {
      await sql`select set_config('lock_timeout', ${`${lockWaitMs}ms`}, true)`.execute(tx.trx);
      const { rows } = await sql<{ number: number; first_seq: string; last_seq: string }>`
        select * from audit_drop_part(${`${parts.keepDays} days`}::interval)`.execute(tx.trx);
      const [gone] = rows;
      if (!gone) return;
      const detail = { from: Number(gone.first_seq), upTo: Number(gone.last_seq), archive: archive.place };
      tx.audit({ actor: systemActor, action: "audit.part-left", subject: `part-${gone.number}`, detail });
    });
  };

  const turn = async (): Promise<readonly Seal[]> => {
    const found = await compare().catch((error: unknown) => {
      // Not known: what was chained so far may be sealed.
      log.warn({ err: error }, "the archive could not be asked");
      return undefined;
    });
    if (found?.is === "older" || found?.is === "forked") return [];
    const sealed = await seal();
    // What is written into an archive that is not asked, or not this one, could be another's.
    if (found?.is === "same")
      await archiveSeals().catch(async (error: unknown) => {
        if (error instanceof ArchiveError && error.code === "taken") await compare();
        throw error;
      });
    await beginPart();
    if (found?.is === "same") await dropPart();
    return sealed;
  };

  const start = async (): Promise<void> => {
    isStopped = false;
    // An archive that is away stops nobody: entries that nobody chains would have no seal either.
    await compare().catch((error: unknown) => {
      if (!isStopped) log.warn({ err: error }, "the archive could not be asked yet; it is asked each minute");
    });
    // While it is held, the database itself chains nothing.
    if (!isStopped) chainer.start();
  };

  return {
    turn,
    start,
    stop: async () => {
      isStopped = true;
      await chainer.stop();
    },
    jobs: [
      {
        name: sealJob,
        about: "Compares database and archive, seals new audit entries, archives them, lets old parts go.",
        lane: "normal",
        leaseSec: 300,
        whileHeld: true,
        run: async () => {
          await turn();
          return undefined;
        },
      },
    ],
    schedules: [{ job: sealJob, everySec: 60 }],
    metrics: auditMetrics(database, clock),
  };
}

function auditMetrics({ db }: Database, clock: Clock): MetricLine[] {
  const secondsSince = (at: Date | null) =>
    at ? Math.max(0, (clock.now().getTime() - at.getTime()) / 1_000) : 0;
  return [
    {
      name: "quarterdeck_audit_unchained",
      help: "Audit entries that are committed and not chained yet.",
      type: "gauge",
      read: async () => {
        const { rows } = await sql<{ n: string }>`select count(*) as n from audit_pending`.execute(db);
        return [{ value: Number(rows[0]?.n ?? 0) }];
      },
    },
    {
      name: "quarterdeck_audit_archive_lag_seconds",
      help: "Age of the oldest seal that the archive does not have yet; 0 when it has all.",
      type: "gauge",
      read: async () => [{ value: secondsSince((await notArchived(db)).since) }],
    },
    {
      name: "quarterdeck_audit_seal_age_seconds",
      help: "Age of the newest seal; ten minutes at most while all is well.",
      type: "gauge",
      read: async () => {
        const newest = await newestSeal(db);
        return newest ? [{ value: secondsSince(new Date(newest.seal.at)) }] : [];
      },
    },
    {
      name: "quarterdeck_audit_held",
      help: "1 while the archive knows more than the database, and only ends and reverts run.",
      type: "gauge",
      read: async () => {
        const row = await db.selectFrom("audit_log").select("held_at").executeTakeFirst();
        return [{ value: row?.held_at ? 1 : 0 }];
      },
    },
  ];
}
