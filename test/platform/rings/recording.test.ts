import pg from "pg";
import { expect, it } from "vitest";
import { Runner } from "../../../src/platform/rings/runner.ts";
import { testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";

it("what a run came to while Postgres was away is recorded once it is back, before its lease ends", async () => {
  const test = await testDatabase();
  const name = new URL(test.fresh.adminUrl).pathname.slice(1);
  const elsewhere = new URL(test.fresh.adminUrl);
  elsewhere.pathname = "/postgres";
  const admin = new pg.Client({ connectionString: elsewhere.href });
  await admin.connect();
  const cutOff = async () => {
    await admin.query(`alter database ${name} allow_connections false`);
    await admin.query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1", [
      name,
    ]);
  };
  const comeBack = () => admin.query(`alter database ${name} allow_connections true`);
  try {
    const runner = new Runner({ db: test.db, clock: test.clock, log: keptLog(), random: () => 0.5 }, [
      {
        name: "test.ends",
        about: "",
        lane: "normal",
        run: async () => {
          await cutOff();
          setTimeout(() => void comeBack(), 600);
          return undefined;
        },
      },
      {
        name: "test.fails",
        about: "",
        lane: "normal",
        run: async () => {
          await cutOff();
          setTimeout(() => void comeBack(), 600);
          throw new Error("no Postgres");
        },
      },
    ]);
    for (const job of ["test.ends", "test.fails"]) {
      await test.database.tx(async (tx) => tx.ring({ job, ref: "a", lane: "normal" }));
      const { id } = await test.db
        .selectFrom("rings")
        .select("id")
        .where("job", "=", job)
        .executeTakeFirstOrThrow();
      await runner.run(id);
    }
    // The test's clock stands still: no lease has ended.
    expect(await test.db.selectFrom("rings").select(["job", "attempts", "lease_until"]).execute()).toEqual([
      { job: "test.fails", attempts: 1, lease_until: null },
    ]);
  } finally {
    await comeBack();
    await admin.end();
    await test.close();
  }
});
