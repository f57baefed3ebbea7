import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import pg from "pg";
import { chainPending } from "../../src/platform/audit/chainer.ts";
import type { Tx } from "../../src/platform/db/database.ts";
import { systemActor } from "../../src/platform/people.ts";
import { alternate, type Bench, type Benchmark, type Result } from "./measure.ts";

const rounds = 5;
const perRound = { 1: 200, 16: 1_200 } as const;

/**
 * Transactions that write a row of state and an audit entry, against the same with a plain row in place of the entry:
 * what the chain costs. The process chains as a worker does, and a round is over when the last entry is chained.
 * Figures are plain over audited throughput.
 */
export const auditCostBenchmark: Benchmark = {
  name: "audit-cost",
  about: "Transactions with an audit entry against the same with a plain row in its place.",
  async run({ ground, say }: Bench): Promise<Result[]> {
    const { app, ownerUrl } = await ground.install({ slackUrl: "http://127.0.0.1:1" });
    await makeTables(ownerUrl);
    const { database } = app;
    await app.audit.start();
    const state = (tx: Tx) =>
      sql`insert into bench_state values (${randomUUID()}, 'shop', ${tx.now})`.execute(tx.trx);
    const audited = () =>
      database.tx(async (tx) => {
        await state(tx);
        tx.audit({
          actor: systemActor,
          action: "bench.done",
          subject: "S-1",
          service: "shop",
          detail: { percent: 10 },
        });
      });
    const plain = () =>
      database.tx(async (tx) => {
        await state(tx);
        await sql`insert into bench_plain (at, team, person, action, subject, service, body)
          values (${tx.now}, 'T0LOCAL', 'system', 'bench.done', 'S-1', 'shop', ${plainBody})`.execute(tx.trx);
      });
    const results: Result[] = [];
    for (const writers of [1, 16] as const) {
      say(`${writers} writers`);
      const count = perRound[writers];
      const settled = () => chainPending(database.db).then(() => undefined);
      const ours = () => perSecondBy(writers, count, audited, settled);
      const theirs = () => perSecondBy(writers, count, plain);
      await ours();
      await theirs();
      const measured = await alternate(rounds, ours, theirs);
      results.push({
        name: `audit-cost.${writers}-writers`,
        value: 1 / measured.ratio,
        goal: { atMost: 1.5 },
        unit: "ratio",
        beside: `${Math.round(measured.ours)} audited transactions/s; with a plain row ${Math.round(measured.theirs)}`,
      });
    }
    return results;
  },
};

/** As long as the body of an audit entry. */
const plainBody = "x".repeat(330);

async function makeTables(ownerUrl: string): Promise<void> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  await owner.query(`
    create table bench_state (id uuid primary key, service text not null, at timestamptz not null);
    create table bench_plain (seq bigserial primary key, at timestamptz not null, team text not null,
      person text not null, action text not null, subject text not null, service text, body text not null);
    create index on bench_plain (subject, seq);
    create index on bench_plain (service, seq);
    create index on bench_plain (person, seq);
    grant select, insert on bench_state, bench_plain to quarterdeck_app;
    grant usage on all sequences in schema public to quarterdeck_app;`);
  await owner.end();
}

async function perSecondBy(
  writers: number,
  count: number,
  one: () => Promise<void>,
  settled: () => Promise<void> = async () => undefined,
): Promise<number> {
  let left = count;
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: writers }, async () => {
      while (left > 0) {
        left -= 1;
        await one();
      }
    }),
  );
  await settled();
  return (count / (performance.now() - startedMs)) * 1_000;
}
