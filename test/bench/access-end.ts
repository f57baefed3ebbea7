import pg from "pg";
import type { App } from "../../src/app.ts";
import { type ManyGrant, makeGrants } from "../features/access/many.ts";
import { canSignIn, type Orders, signIn, startOrders } from "../features/access/orders.ts";
import type { Installation } from "./ground.ts";
import { type Bench, type Benchmark, percentile, type Result } from "./measure.ts";
import { startCountingSlack } from "./slack.ts";

/** ACCESS_END_GRANTS: fewer, for a quick run. */
const grantsCount = Number(process.env.ACCESS_END_GRANTS ?? 10_000);
/** What making one may take, in milliseconds: when they end is said in them. ACCESS_END_MAKE_MS: more, on a busy machine. */
const makeMs = Number(process.env.ACCESS_END_MAKE_MS ?? 15);
const endsWithinMs = 60_000;
const lateMaxMs = 60_000;
/** So long after the last end what is there still counts as lost. */
const giveUpAfterMs = 600_000;
const lookEveryMs = 500;
const sampleCount = 40;
const password = "the-same-for-every-login-of-this-benchmark";
/** Two workers of this many seconds' difference, and what becomes of them. */
const clocksOffMs = [-15_000, 15_000] as const;
const killsAtMs = [15_000, 35_000] as const;

/**
 * Grants of a real Postgres that all end within one minute, judged by what a person could see there: whether a login
 * exists, lets anybody in, and has a session open. The lateness is that of the last open session of a sample, and that of the
 * last login to be removed.
 */
export const accessEndBenchmark: Benchmark = {
  name: "access-end",
  about: "How late logins of grants that end within one minute are gone, with and without trouble.",
  async run(bench: Bench): Promise<Result[]> {
    return [
      ...(await measure(bench, "calm", async (installation, startAt) => {
        const workers = await Promise.all([installation.start("worker"), installation.start("worker")]);
        await sleepUntil(startAt);
        return async () => void (await Promise.all(workers.map((worker) => worker.stop())));
      })),
      ...(await measure(bench, "trouble", troubled)),
    ];
  },
};

/** The provider loses one answer of three, clocks are 30 s apart, and two workers are killed. */
async function troubled(installation: Installation, startAt: Date): Promise<() => Promise<void>> {
  const start = (clockOffMs: number) => installation.start("worker", { clockOffMs, accessorFailsOneIn: 3 });
  const workers = await Promise.all(clocksOffMs.map(start));
  await sleepUntil(startAt);
  const killing = (async () => {
    for (const [nth, atMs] of killsAtMs.entries()) {
      await sleepUntil(new Date(startAt.getTime() + atMs));
      const doomed = workers[nth];
      if (doomed) process.kill(doomed.pid, "SIGKILL");
      workers.push(await start(clocksOffMs[nth] ?? 0));
    }
  })();
  return async () => {
    await killing;
    await Promise.all(workers.map((worker) => worker.stop()));
  };
}

interface Seen extends ManyGrant {
  /** The login was there no more. */
  goneAt?: Date;
  /** Of the sample: had a session open at its end, and when that was closed. */
  isOpen?: boolean;
  closedAt?: Date;
}

async function measure(
  { ground, say }: Bench,
  name: string,
  run: (installation: Installation, startAt: Date) => Promise<() => Promise<void>>,
): Promise<Result[]> {
  const orders = await startOrders();
  const slack = await startCountingSlack();
  try {
    const installation = await ground.install({ slackUrl: slack.url, env: { ORDERS_DB_URL: orders.url } });
    say(`${name}: ${grantsCount} grants are made`);
    const startAt = new Date(Date.now() + 20_000 + grantsCount * makeMs);
    const grants: Seen[] = await makeGrants(installation.app, orders, startAt, {
      count: grantsCount,
      withinMs: endsWithinMs,
      password,
    });
    const open = await openSome(orders, grants);
    if (startAt.getTime() < Date.now())
      throw new Error("making them took too long: set ACCESS_END_MAKE_MS higher");
    say(`${name}: they end from ${startAt.toISOString()} on`);
    const stop = await run(installation, startAt);
    const { letIn } = await watch(orders, grants, say);
    const left = await unended(installation.app);
    await stop();
    const sessions = await orders.asAdmin<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where starts_with(usename, 'qd_')",
    );
    for (const client of open) await client.end().catch(() => undefined);
    return resultsOf(name, grants, {
      letIn,
      sessionsLeft: sessions[0]?.n ?? 0,
      unended: left,
    });
  } finally {
    await slack.close();
    await orders.stop();
  }
}

function resultsOf(
  name: string,
  grants: readonly Seen[],
  { letIn, sessionsLeft, unended }: { letIn: number; sessionsLeft: number; unended: number },
): Result[] {
  const lateSec = grants.map(
    ({ goneAt, dueAt }) =>
      Math.max(0, (goneAt?.getTime() ?? Number.POSITIVE_INFINITY) - dueAt.getTime()) / 1_000,
  );
  const closedSec = grants
    .filter(({ isOpen }) => isOpen)
    .map(
      ({ closedAt, dueAt }) => ((closedAt?.getTime() ?? Number.POSITIVE_INFINITY) - dueAt.getTime()) / 1_000,
    );
  const at = (share: number) => percentile(lateSec, share).toFixed(1);
  const left = grants.filter(({ goneAt }) => goneAt === undefined).length;
  return [
    {
      name: `access-end.${name}`,
      value: Math.max(...closedSec),
      goal: { atMost: lateMaxMs / 1_000 },
      unit: "s late",
      beside: `until the last of ${closedSec.length} open sessions was closed; ${letIn} of as many logins let anybody in after their end`,
    },
    {
      name: `access-end.${name}-gone`,
      value: Math.max(...lateSec),
      goal: { atMost: lateMaxMs / 1_000 },
      unit: "s late",
      beside: `${grants.length} grants ending within ${endsWithinMs / 1_000} s; half gone after ${at(0.5)} s, 95 % after ${at(0.95)} s; ${left} logins left`,
    },
    {
      name: `access-end.${name}-lost`,
      value: left + letIn + sessionsLeft + unended,
      goal: { atMost: 0 },
      unit: "grants",
      beside: `${left} logins left, ${letIn} let somebody in after the end, ${sessionsLeft} sessions open, ${unended} not ended on record`,
    },
  ];
}

const addressOf = (orders: Orders): string => {
  const { hostname, port, pathname } = new URL(orders.url);
  return `${hostname}:${port}${pathname}`;
};

const sampleOf = (grants: readonly Seen[]): Seen[] =>
  grants.filter((_, at) => at % Math.max(1, Math.floor(grants.length / sampleCount)) === 0);

/** Sessions that are open when the end comes. */
async function openSome(orders: Orders, grants: readonly Seen[]): Promise<pg.Client[]> {
  const address = addressOf(orders);
  return Promise.all(
    sampleOf(grants).map((grant) => {
      grant.isOpen = true;
      return signIn({ login: grant.login, password, address });
    }),
  );
}

/** Until all are gone, or the last one is twice as late as it may be. */
async function watch(
  orders: Orders,
  grants: Seen[],
  say: (line: string) => void,
): Promise<{ letIn: number }> {
  const address = addressOf(orders);
  const giveUpMs = Math.max(...grants.map(({ dueAt }) => dueAt.getTime())) + giveUpAfterMs;
  const untried = new Set(sampleOf(grants));
  const eye = new pg.Client({ connectionString: orders.url });
  await eye.connect();
  let letIn = 0;
  let saidMs = 0;
  try {
    for (;;) {
      const { rows } = await eye.query<{ name: string }>(
        "select rolname as name from pg_roles where starts_with(rolname, 'qd_')",
      );
      const seenAt = new Date();
      const there = new Set(rows.map(({ name }) => name));
      for (const grant of grants) if (!there.has(grant.login)) grant.goneAt ??= seenAt;
      const { rows: sessions } = await eye.query<{ name: string }>(
        "select distinct usename as name from pg_stat_activity where starts_with(usename, 'qd_')",
      );
      const open = new Set(sessions.map(({ name }) => name));
      for (const grant of grants) if (grant.isOpen && !open.has(grant.login)) grant.closedAt ??= seenAt;
      for (const grant of untried) {
        if (seenAt.getTime() < grant.dueAt.getTime() + 1_000) continue;
        untried.delete(grant);
        if (await canSignIn({ login: grant.login, password, address })) letIn += 1;
      }
      if (seenAt.getTime() - saidMs > 10_000) {
        saidMs = seenAt.getTime();
        const due = grants.filter(({ dueAt }) => dueAt <= seenAt).length;
        say(`${due} are due, ${grants.length - there.size} are gone`);
      }
      if ((there.size === 0 && untried.size === 0) || seenAt.getTime() > giveUpMs) return { letIn };
      await sleepUntil(new Date(Date.now() + lookEveryMs));
    }
  } finally {
    await eye.end();
  }
}

/** Grants on record that are not over, once what was under way is recorded. */
async function unended(app: App): Promise<number> {
  for (let look = 0; ; look += 1) {
    const row = await (
      app.database.db as unknown as import("kysely").Kysely<{ access_grants: { state: string } }>
    )
      .selectFrom("access_grants")
      .select((eb) => eb.fn.countAll<string>().as("n"))
      .where("state", "<>", "ended")
      .executeTakeFirstOrThrow();
    if (Number(row.n) === 0 || look >= 20) return Number(row.n);
    await sleepUntil(new Date(Date.now() + lookEveryMs));
  }
}

const sleepUntil = (at: Date): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, at.getTime() - Date.now())));
