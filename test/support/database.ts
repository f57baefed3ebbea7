import { allMigrations } from "../../src/features/all.ts";
import {
  createDatabase,
  createPool,
  type Database,
  type Db,
  openKysely,
} from "../../src/platform/db/database.ts";
import { migrate } from "../../src/platform/db/migrate.ts";
import type { Lane } from "../../src/platform/db/tables.ts";
import { type FreshDatabase, freshDatabase } from "./postgres.ts";

/** A clock that a test sets; it runs on from there only when told. */
export class SetClock {
  constructor(private at = new Date("2026-03-02T10:00:00Z")) {}
  now(): Date {
    return this.at;
  }
  set(at: Date): void {
    this.at = at;
  }
  advance(ms: number): void {
    this.at = new Date(this.at.getTime() + ms);
  }
}

export interface TestDatabase {
  fresh: FreshDatabase;
  db: Db;
  database: Database;
  clock: SetClock;
  close(): Promise<void>;
}

/** A migrated database as the app role, with a clock of the test's own. */
export async function testDatabase(
  subscribers: Record<string, { job: string; lane: Lane }[]> = {},
  clock = new SetClock(),
): Promise<TestDatabase> {
  const fresh = await freshDatabase();
  await migrate(fresh.ownerUrl, allMigrations());
  const db = openKysely(createPool(fresh.url, 20, () => undefined));
  const database = createDatabase(db, {
    clock,
    catalogDigest: () => "c0ffee",
    subscribers: (event) => subscribers[event] ?? [],
  });
  return {
    fresh,
    db,
    database,
    clock,
    close: async () => {
      await database.close();
      await fresh.drop();
    },
  };
}
