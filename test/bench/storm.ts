import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { sql } from "kysely";
import { loadCatalog } from "../../src/catalog/load.ts";
import type { Db } from "../../src/platform/db/database.ts";
import { createHookToken } from "../../src/platform/hooktokens.ts";
import { systemActor } from "../../src/platform/people.ts";
import { until } from "../support/until.ts";
import { assertTaken, closedLoop, openLoop, postBytes } from "./client.ts";
import type { Installation, Server } from "./ground.ts";
import type { Bench, Benchmark, Result } from "./measure.ts";
import { startCountingSlack } from "./slack.ts";

const callers = Array.from({ length: 12 }, (_, index) => `app-${index + 1}`);
const database = "orders-database";
const culprit = "app-7";
const storm = { posts: 100, alertsPerPost: 100, postsPerSec: 40 };
const long = { posts: 10_000, alertsPerPost: 100, distinct: 20_000, connections: 8 };
/** Memory is first looked at after this share of the long run, when pools and caches are warm. */
const warmShare = 0.1;

/**
 * A deploy of one of twelve services saturates the database they share: 10,000 critical alerts while nobody can know
 * whether users hurt. Web and worker in processes of their own.
 */
export const stormBenchmark: Benchmark = {
  name: "storm",
  about: "10,000 alerts of one cause: cards, time to the first card and to the page, and nothing lost.",
  async run({ ground }: Bench): Promise<Result[]> {
    const slack = await startCountingSlack();
    ground.onEnd(() => slack.close());
    const installation = await ground.install({ slackUrl: slack.url });
    await putTwelve(installation);
    const [alertsToken, deploysToken] = [
      await tokenOf(installation, "alertmanager"),
      await tokenOf(installation, "deploys"),
    ];
    const [web] = await Promise.all([installation.start("web"), installation.start("worker")]);
    const { db } = installation.app.database;
    assertTaken(await closedLoop(web.port, [deployPost(deploysToken)], 1), "deploys");

    const seen = slack.messages.length;
    const startedMs = performance.now();
    const bodies = Array.from({ length: storm.posts }, (_, post) =>
      alertsPost(alertsToken, post * storm.alertsPerPost, storm.alertsPerPost),
    );
    const loaded = openLoop(web.port, bodies, storm.postsPerSec);
    const heard = (pattern: RegExp) =>
      slack.messages.slice(seen).find(({ text }) => pattern.test(text))?.atMs;
    const pageMs = await until("the page", () => heard(/PAGE/), 60_000);
    const cardMs = await until("the first card", () => heard(/firing/), 60_000);
    assertTaken(await loaded, "alerts");
    await settled(db, storm.posts * storm.alertsPerPost);
    const cards = await count(db, sql`from messages where key ~ '^ticket:T-[0-9]+$'`);
    const pages = await count(db, sql`from pages`);
    const lost =
      storm.posts * storm.alertsPerPost -
      (await count(
        db,
        sql`from alerts a join ticket_groups g on g.group_id = a.group_id and g.left_at is null
          join messages m on m.key = 'ticket:' || g.ticket and m.ts is not null`,
      ));
    const first = await sql<{ service: string | null }>`
      select suspects->0->>'service' as service from tickets order by opened_at limit 1`.execute(db);
    return [
      {
        name: "storm.cards",
        value: cards,
        goal: { atMost: 5 },
        unit: "cards",
        beside: `10,000 alerts of 13 services, one cause; ${pages} page; suspect 1: ${first.rows[0]?.service ?? "nobody"}`,
      },
      {
        name: "storm.page",
        value: pageMs - startedMs,
        goal: { atMost: 5_000 },
        unit: "ms",
        beside: "from the first post to the page at Slack",
      },
      {
        name: "storm.first-card",
        value: cardMs - startedMs,
        goal: { atMost: 5_000 },
        unit: "ms",
        beside: "from the first post to the card at Slack",
      },
      {
        name: "storm.lost",
        value: lost,
        goal: { atMost: 0 },
        unit: "alerts",
        beside: "accepted with 200 and on no card",
      },
    ];
  },
};

/** A million alerts, for what they do to memory: the same 20,000, heard of again and again. Takes some minutes. */
export const alertMemoryBenchmark: Benchmark = {
  name: "alert-memory",
  about: "Resident memory of web and worker over a million alerts.",
  async run({ ground, say }: Bench): Promise<Result[]> {
    const slack = await startCountingSlack();
    ground.onEnd(() => slack.close());
    const installation = await ground.install({ slackUrl: slack.url });
    await putTwelve(installation);
    const token = await tokenOf(installation, "alertmanager");
    const [web, worker] = await Promise.all([installation.start("web"), installation.start("worker")]);
    return overAMillion(token, web, worker, installation.app.database.db, say);
  },
};

async function putTwelve({ app }: Installation): Promise<void> {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const shop = loaded.catalog.services.find(({ name }) => name === "shop");
  if (shop === undefined) throw new Error("the sample has no shop");
  const plain = {
    ...shop,
    alertRules: [],
    traffic: undefined,
    rollout: undefined,
    dependencies: [] as string[],
  };
  loaded.catalog.services.push(
    { ...plain, name: database },
    ...callers.map((name) => ({ ...plain, name, dependencies: [database] })),
  );
  await app.catalogs.put(loaded.catalog, `${loaded.digest}-twelve`, "benchmark", systemActor);
}

async function tokenOf({ app }: Installation, source: string): Promise<string> {
  const created = await createHookToken(app.database, systemActor, source, "storefront");
  if (!created.ok) throw new Error(created.refusal.message);
  return created.value.token;
}

const deployPost = (token: string): Buffer =>
  postBytes(
    "/hooks/deploys",
    { "content-type": "application/json", authorization: `Bearer ${token}` },
    JSON.stringify({
      service: culprit,
      version: "v42",
      by: "ci",
      at: new Date(Date.now() - 5 * 60_000).toISOString(),
    }),
  );

/** A webhook with alerts of all thirteen services; `from` numbers the alerts. */
function alertsPost(token: string, from: number, alertCount: number, status = "firing"): Buffer {
  const startsAt = new Date(Date.now() - 30_000).toISOString();
  const names = [...callers, database];
  const alerts = Array.from({ length: alertCount }, (_, index) => {
    const number = from + index;
    return {
      status,
      labels: {
        alertname: "HighErrorRate",
        service: names[number % names.length],
        severity: "critical",
        instance: `10.0.${number >> 8}.${number & 255}:8080`,
      },
      annotations: { summary: "More than 5 % of requests fail" },
      startsAt,
      endsAt: "0001-01-01T00:00:00Z",
      fingerprint: number.toString(16).padStart(16, "0"),
    };
  });
  return postBytes(
    "/hooks/alertmanager",
    { "content-type": "application/json", authorization: `Bearer ${token}` },
    JSON.stringify({ version: "4", status, groupKey: "{}:{}", truncatedAlerts: 0, alerts }),
  );
}

const count = async (db: Db, what: ReturnType<typeof sql>): Promise<number> =>
  Number((await sql<{ n: string }>`select count(*) as n ${what}`.execute(db)).rows[0]?.n);

/** All folded, and no ticket or card behind. */
async function settled(db: Db, alertCount: number): Promise<void> {
  await until(
    "all alerts to be folded",
    async () => (await count(db, sql`from alerts`)) >= alertCount && (await waiting(db)) === 0,
    120_000,
  );
  await until(
    "the last ticket and card to be settled",
    async () =>
      (await count(
        db,
        sql`from rings where job in ('tickets.follow', 'messages.project') and due_at <= now()`,
      )) === 0,
    120_000,
  );
}

const waiting = (db: Db): Promise<number> => count(db, sql`from alert_deliveries where folded_at is null`);

async function overAMillion(
  token: string,
  web: Server,
  worker: Server,
  db: Db,
  say: (line: string) => void,
): Promise<Result[]> {
  const warmPosts = Math.round(long.posts * warmShare);
  const load = async (fromPost: number, toPost: number) => {
    // In parts, so that the bodies do not fill the benchmark's own memory, each folded before the next begins.
    for (let post = fromPost; post < toPost; post += 500) {
      const bodies = Array.from({ length: Math.min(500, toPost - post) }, (_, index) =>
        alertsPost(token, ((post + index) * long.alertsPerPost) % long.distinct, long.alertsPerPost),
      );
      assertTaken(await closedLoop(web.port, bodies, long.connections), "alerts");
      await until("what was posted to be folded", async () => (await waiting(db)) === 0, 120_000);
    }
  };
  await load(0, warmPosts);
  await pause(2_000);
  const before = await Promise.all([web, worker].map(residentMb));
  say(`web ${before[0]} MB, worker ${before[1]} MB after ${warmPosts * long.alertsPerPost} alerts`);
  await load(warmPosts, long.posts);
  await pause(2_000);
  const after = await Promise.all([web, worker].map(residentMb));
  return (["web", "worker"] as const).map((role, index) => ({
    name: `alert-memory.${role}`,
    value: (after[index] as number) / (before[index] as number),
    goal: { atMost: 1.3 },
    unit: "ratio",
    beside: `resident memory after 1,000,000 alerts (${after[index]} MB) over that after 100,000 (${before[index]} MB)`,
  }));
}

/** Source: proc(5), statm: pages of 4 KiB. */
async function residentMb({ pid }: Server): Promise<number> {
  const [, pages] = (await readFile(`/proc/${pid}/statm`, "utf8")).split(" ");
  return Math.round((Number(pages) * 4_096) / 2 ** 20);
}
