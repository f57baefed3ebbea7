import { sql } from "kysely";
import pg from "pg";
import { expect, it } from "vitest";
import { createPool, openKysely } from "../../../src/platform/db/database.ts";
import { freshDatabase } from "../../support/postgres.ts";

it("a connection cut in the middle of a transaction fails that transaction alone, not the process", async () => {
  const fresh = await freshDatabase();
  const db = openKysely(createPool(fresh.url, 2, () => undefined));
  const uncaught: unknown[] = [];
  const keep = (error: unknown) => void uncaught.push(error);
  process.on("uncaughtException", keep);
  try {
    const cut = db.transaction().execute(async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      const admin = new pg.Client({ connectionString: fresh.adminUrl });
      await admin.connect();
      // Waits until the backend is gone; the client hears of it while no query of its own is under way.
      await admin.query("select pg_terminate_backend($1, 5000)", [rows[0]?.pid]);
      await admin.end();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await sql`select 1`.execute(trx);
    });
    await expect(cut).rejects.toThrow();
    expect(uncaught).toEqual([]);
    expect((await sql<{ one: number }>`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
  } finally {
    process.off("uncaughtException", keep);
    await db.destroy();
    await fresh.drop();
  }
});
