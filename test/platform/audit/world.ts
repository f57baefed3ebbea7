/** An audit that is chained, sealed and archived, and somebody who may do anything to its database. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { Archive } from "../../../src/platform/audit/archive.ts";
import { chainPending, createChainer } from "../../../src/platform/audit/chainer.ts";
import { type AuditKeeper, createAuditKeeper } from "../../../src/platform/audit/keeper.ts";
import { keyIdOf } from "../../../src/platform/audit/seal.ts";
import { type AuditReport, verifyAudit } from "../../../src/platform/audit/verify.ts";
import { systemActor } from "../../../src/platform/people.ts";
import { createDirectoryArchive } from "../../../src/providers/archive/directory.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";

export interface AuditWorld {
  test: TestDatabase;
  /** A superuser, for whom triggers do not fire. */
  dba: pg.Client;
  archive: Archive;
  archiveDir: string;
  key: KeyObject;
  keys: ReadonlyMap<string, KeyObject>;
  keeper: AuditKeeper;
  keeperFor(archive: Archive | undefined, key?: KeyObject): AuditKeeper;
  /** Adds that many entries and chains them. */
  add(entries: number): Promise<void>;
  verify(options?: { archive?: Archive | undefined; from?: number }): Promise<AuditReport>;
  close(): Promise<void>;
}

export async function auditWorld(): Promise<AuditWorld> {
  const test = await testDatabase();
  const dba = new pg.Client({ connectionString: test.fresh.adminUrl });
  await dba.connect();
  await dba.query("set session_replication_role = replica");
  const dir = await mkdtemp(join(tmpdir(), "quarterdeck-test-"));
  const archiveDir = join(dir, "archive");
  const archive = createDirectoryArchive(archiveDir);
  const key = generateKeyPairSync("ed25519").privateKey;
  const keys = new Map([[keyIdOf(key), key]]);
  const log = keptLog();
  const chainer = createChainer({ db: test.db, log });
  const keeperFor = (into: Archive | undefined, by = key) =>
    createAuditKeeper({
      database: test.database,
      clock: test.clock,
      log,
      catalogs: { digest: () => "none", current: () => ({}) as never },
      chainer,
      archive: into,
      signingKey: async () => by,
      keepDays: 30,
    });
  const keeper = keeperFor(archive);
  let count = 0;
  return {
    test,
    dba,
    archive,
    archiveDir,
    key,
    keys,
    keeper,
    keeperFor,
    add: async (entries) => {
      await test.database.tx(async (tx) => {
        for (let index = 0; index < entries; index += 1) {
          count += 1;
          const service = count % 2 === 0 ? "shop" : undefined;
          tx.audit({ actor: systemActor, action: "test.done", subject: `S-${count}`, service });
        }
      });
      await chainPending(test.db);
    },
    verify: (options = { archive }) => verifyAudit({ db: test.db, keys, now: test.clock.now(), ...options }),
    close: async () => {
      await keeper.stop();
      await dba.end();
      await test.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
