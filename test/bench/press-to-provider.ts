import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { sql } from "kysely";
import { createHookToken } from "../../src/platform/hooktokens.ts";
import { systemActor } from "../../src/platform/people.ts";
import { Secret } from "../../src/platform/secret.ts";
import { startRouter } from "../../src/router/index.ts";
import { until } from "../support/until.ts";
import { webhook } from "./alerts.ts";
import { assertTaken, closedLoop, openLoop } from "./client.ts";
import { type Ground, routerToken } from "./ground.ts";
import { type Bench, type Benchmark, percentile, type Result } from "./measure.ts";
import { type CountingSlack, press, startCountingSlack } from "./slack.ts";

/** Each round starts a rollout and takes it back: two presses, two changes at the router. */
const rounds = 6;
/** Between presses, as people do: Slack's own rate for one channel is a message a second. */
const pauseMs = 500;
const stormPosts = 100;
const alertsPerPost = 100;
const postsPerSec = 20;

/**
 * From a signed press to the first change asked of the router, web and worker in processes of their own; quiet, and
 * while 10,000 new alerts come in and are folded.
 */
export const pressBenchmark: Benchmark = {
  name: "press-to-provider",
  about: "From a button's press to the first change at the provider and to the answer, quiet and in a storm.",
  async run({ ground, say }: Bench): Promise<Result[]> {
    const slack = await startCountingSlack();
    ground.onEnd(() => slack.close());
    const shop = await startMetricsPage(ground);
    const router = await startWatchedRouter(ground);
    const { app, start } = await ground.install({
      slackUrl: slack.url,
      vars: {
        ROUTER_ADMIN_URL: router.url,
        ...Object.fromEntries(["41", "42", "43", "44"].map((version) => [`SHOP_V${version}_URL`, shop])),
      },
    });
    const created = await createHookToken(app.database, systemActor, "alertmanager", "storefront");
    if (!created.ok) throw new Error(created.refusal.message);
    const [web] = await Promise.all([start("web"), start("worker")]);
    const { db } = app.database;
    const latest = async () =>
      (
        await sql<{
          id: string;
          state: string;
        }>`select id, state from rollouts order by number desc limit 1`.execute(db)
      ).rows[0];
    await until("the router to have its first route", () => router.changes.length > 0, 60_000);

    let made = 0;
    const one = async (line: string, nextState: string): Promise<Pressed> => {
      const nonce = `p${made++}`;
      const before = router.changes.length;
      const pressedMs = performance.now();
      assertTaken(await closedLoop(web.port, [press(line, nonce, slack.url)], 1), "presses");
      const providerMs = await until(`${line} to reach the router`, () => router.changes[before], 30_000);
      const id = (await latest())?.id as string;
      const answeredMs = await until(
        `${line} to be answered`,
        () => answerOf(slack, nonce, id, pressedMs),
        30_000,
      );
      await until(`${id} to be ${nextState}`, async () => (await latest())?.state === nextState, 30_000);
      await pause(pauseMs);
      return { providerMs: providerMs - pressedMs, answeredMs: answeredMs - pressedMs };
    };
    const presses = async (): Promise<Pressed[]> => {
      const all: Pressed[] = [];
      for (let round = 0; round < rounds; round += 1) {
        all.push(await one("rollout start shop v42", "step"));
        all.push(await one("rollout revert shop", "reverted"));
      }
      return all;
    };
    await one("rollout start shop v42", "step");
    await one("rollout revert shop", "reverted");
    say("quiet");
    const quiet = await presses();
    say("storm");
    const storm = openLoop(web.port, stormOf(created.value.token), postsPerSec);
    await until("the storm to be under way", async () => (await countAlerts(db)) > 0, 30_000);
    const stormy = await presses();
    assertTaken(await storm, "alerts");
    return [...resultsOf("quiet", quiet), ...resultsOf("storm", stormy)];
  },
};

interface Pressed {
  providerMs: number;
  answeredMs: number;
}

function resultsOf(weather: string, presses: readonly Pressed[]): Result[] {
  const figure = (name: string, values: readonly number[], atMost: number): Result => ({
    name: `press-to-provider.${weather}-${name}`,
    value: percentile(values, 1),
    goal: { atMost },
    unit: "ms",
    beside: `slowest of ${values.length}; median ${Math.round(percentile(values, 0.5))} ms`,
  });
  return [
    figure(
      "call",
      presses.map(({ providerMs }) => providerMs),
      500,
    ),
    figure(
      "answer",
      presses.map(({ answeredMs }) => answeredMs),
      2_000,
    ),
  ];
}

function stormOf(token: string): Buffer[] {
  let made = 0;
  return Array.from({ length: stormPosts }, (_, post) =>
    webhook(
      token,
      Array.from({ length: alertsPerPost }, () => (made++).toString(16).padStart(16, "0")),
      String(post % 20),
    ),
  );
}

async function countAlerts(db: import("../../src/platform/db/database.ts").Db): Promise<number> {
  const { rows } = await sql<{ n: string }>`select count(*) as n from alerts`.execute(db);
  return Number(rows[0]?.n);
}

/** A person reads it at once where they pressed, or on the card. */
const answerOf = (slack: CountingSlack, nonce: string, id: string, pressedMs: number): number | undefined =>
  slack.answered.get(nonce) ??
  slack.messages.find(({ atMs, text }) => atMs > pressedMs && new RegExp(`\\b${id}\\b`).test(text))?.atMs;

/** A real router, with a look at when it was first asked for each change. */
async function startWatchedRouter(ground: Ground) {
  const router = await startRouter({
    host: "127.0.0.1",
    port: 0,
    adminPort: 0,
    stateFile: join(ground.dir, "router-state.json"),
    token: new Secret(routerToken),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  ground.onEnd(() => router.close());
  const changes: number[] = [];
  const url = await serve(ground, (req, res) => {
    if (req.method === "PUT") changes.push(performance.now());
    const onward = request(
      { port: router.adminPort, host: "127.0.0.1", path: req.url, method: req.method, headers: req.headers },
      (answer) => answer.pipe(res.writeHead(answer.statusCode ?? 502, answer.headers)),
    );
    onward.on("error", () => res.writeHead(502).end());
    req.pipe(onward);
  });
  return { url, changes };
}

/** What the shop's versions show to the scraper: requests that all went well, more at each look. */
function startMetricsPage(ground: Ground): Promise<string> {
  let requests = 0;
  return serve(ground, (_req, res) => {
    requests += 50;
    res
      .writeHead(200, { "content-type": "text/plain; version=0.0.4" })
      .end(`# TYPE http_requests_total counter\nhttp_requests_total{code="200"} ${requests}\n`);
  });
}

async function serve(ground: Ground, answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(answer as never);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ground.onEnd(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
