import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.ts";
import { ConsolePerson } from "../support/console.ts";
import { askFor, keepRollout } from "../support/console-things.ts";
import { growHistory, pagePaths } from "../support/many-things.ts";

const dev = { team: "T0LOCAL", person: "U0DEV", door: "console" } as const;

let quarterdeck: TestApp;
beforeAll(async () => {
  quarterdeck = await startTestApp({ withWorker: false });
}, 60_000);
afterAll(() => quarterdeck?.close());

/** How often each table that grows was read from end to end, as Postgres itself counted. */
async function wholeReads(): Promise<Map<string, number>> {
  const owner = new pg.Client({ connectionString: quarterdeck.fresh.ownerUrl });
  await owner.connect();
  const { rows } = await owner.query<{ name: string; scans: number }>(
    `select relname as name, seq_scan::int as scans from pg_stat_user_tables
     where relname ~ '^(tickets|messages|rollouts|access_grants|pages|page_wakes|audit_part_[0-9]+)$'`,
  );
  await owner.end();
  return new Map(rows.map(({ name, scans }) => [name, scans]));
}

it("no page reads a table that grows from end to end", async () => {
  const { app, base, fresh } = quarterdeck;
  await keepRollout(app, 1);
  await askFor(app, dev, "access request orders-db readonly 15m INC-42 orders are stuck");
  await growHistory(fresh.ownerUrl, { auditEntries: 30_000, tickets: 4_000, others: 3_000 });
  const lena = new ConsolePerson(base, await quarterdeck.person("U0LEAD"));
  const before = await wholeReads();
  expect(before.size).toBe(7);
  for (const path of pagePaths) expect([path, (await lena.get(path)).status]).toEqual([path, 200]);
  // A connection tells its counts at its end.
  await app.database.close();
  const after = await wholeReads();
  expect([...after].filter(([name, scans]) => scans > (before.get(name) ?? 0))).toEqual([]);
}, 60_000);
