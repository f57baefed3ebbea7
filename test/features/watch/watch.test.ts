import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { readSettings } from "../../../src/config/config.ts";
import { createAlerts } from "../../../src/features/alerts/index.ts";
import { createPaging } from "../../../src/features/paging/index.ts";
import { createWatch } from "../../../src/features/watch/index.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { Runner } from "../../../src/platform/rings/runner.ts";
import { createSlackApi } from "../../../src/platform/slack/client.ts";
import { createPagers } from "../../../src/providers/pagers/instances.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";

/** What waits for the heartbeat, and Slack as far as it is asked here: real servers, strict about what they are sent. */
interface World {
  server: Server;
  url: string;
  beats: Record<string, unknown>[];
  beatStatus: number;
  pageStatus: number;
  slack: "ok" | "token_revoked";
}

async function startWorld(): Promise<World> {
  const world = { beats: [], beatStatus: 200, pageStatus: 204, slack: "ok" } as unknown as World;
  world.server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => void chunks.push(chunk));
    req.on("end", () => {
      const asked = `${req.method} ${req.url}`;
      if (asked === "POST /beat/s3cret") {
        if (world.beatStatus === 200) world.beats.push(JSON.parse(Buffer.concat(chunks).toString()));
        return void res.writeHead(world.beatStatus).end();
      }
      if (asked === "POST /page") {
        const body = Buffer.concat(chunks).toString();
        const signed = `${req.headers["webhook-id"]}.${req.headers["webhook-timestamp"]}.${body}`;
        const signature = createHmac("sha256", pagerSecret).update(signed).digest("base64");
        if (req.headers["webhook-signature"] !== `v1,${signature}`) return void res.writeHead(401).end();
        const { type, data } = JSON.parse(body) as { type: string; data: Record<string, string> };
        if (world.pageStatus === 204) told.push(`${type} ${data.summary}`);
        return void res.writeHead(world.pageStatus).end();
      }
      if (asked !== "POST /api/auth.test") return void res.writeHead(404).end();
      res.writeHead(200, { "content-type": "application/json" });
      res.end(JSON.stringify(world.slack === "ok" ? { ok: true } : { ok: false, error: world.slack }));
    });
  });
  await new Promise<void>((resolve) => world.server.listen(0, "127.0.0.1", resolve));
  world.url = `http://127.0.0.1:${(world.server.address() as AddressInfo).port}`;
  return world;
}

/** What the other way was told. */
const told: string[] = [];
const pagerSecret = "a-secret-of-the-other-way";

let base: TestDatabase;
let world: World;
let catalog: Catalog;
let platform: Platform;
let alerts: ReturnType<typeof createAlerts>;
let watch: ReturnType<typeof createWatch>;
let runner: Runner;
const log = keptLog();
beforeAll(async () => {
  [base, world] = await Promise.all([
    testDatabase({ "alerts.watchdog": [{ job: "watch.came", lane: "normal" }] }),
    startWorld(),
  ]);
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  catalog = loaded.catalog;
  catalog.providers.pagers.push({
    name: "other-way",
    kind: "webhook",
    url: `${world.url}/page`,
    secretEnv: "OTHER_WAY_SECRET",
  });
  catalog.policies.watch.pagers.push("other-way");
  platform = {
    settings: readSettings({ HEARTBEAT_URL: `${world.url}/beat/s3cret` }),
    log,
    clock: base.clock,
    database: base.database,
    slack: createSlackApi({ token: "xoxb-test", apiUrl: `${world.url}/api/`, log }),
    slackTeam: () => "T0LOCAL",
    catalogs: { current: () => catalog, digest: () => loaded.digest },
    random: () => 0.5,
    publicUrl: "http://q.test",
    env: (name: string) => (name === "OTHER_WAY_SECRET" ? pagerSecret : undefined),
  } as unknown as Platform;
  build();
  await alive();
});
afterAll(async () => {
  await base.close();
  world.server.close();
});
beforeEach(() => {
  told.length = 0;
  world.beats.length = 0;
});

/** Everything built anew, as a process does that starts. */
function build(): void {
  alerts = createAlerts(platform);
  const paging = createPaging(platform);
  watch = createWatch(platform, {
    alerts: alerts.api,
    paging: paging.api,
    pagers: createPagers(platform),
    databaseNow: async () => base.clock.now(),
  });
  const jobs = [alerts, watch].flatMap((feature) => feature.jobs ?? []);
  runner = new Runner({ db: base.db, clock: base.clock, log, random: () => 0.5 }, jobs);
}

/** What a worker does that lives: it says so, and what is due of this room's jobs runs. */
async function alive(): Promise<void> {
  const now = base.clock.now();
  await base.db
    .insertInto("workers")
    .values({ id: "w1", role: "worker", seen_at: now })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ seen_at: now }))
    .execute();
  await base.database.tx(async (tx) => {
    for (const { job } of watch.schedules ?? []) tx.ring({ job, ref: "schedule", lane: "normal" });
  });
  await work();
  // Slack takes cards; the one message "m" it does not.
  await base.db.updateTable("messages").set({ shown_version: 99 }).where("key", "<>", "m").execute();
}
async function work(): Promise<void> {
  const due = () => base.db.selectFrom("rings").select("id").where("job", "~", "^(watch|alerts)").execute();
  for (let rows = await due(); rows.length > 0; rows = await due())
    await Promise.all(rows.map(({ id }) => runner.run(id)));
}
/** Goes on by so many seconds and looks; the worker lives meanwhile, or does not. */
async function goOn(seconds: number, worker: "lives" | "is dead" = "lives"): Promise<void> {
  base.clock.advance(seconds * 1_000);
  if (worker === "lives") await alive();
  await watch.look();
}
const audited = async () =>
  (await base.db.selectFrom("audit").select(["action", "subject"]).orderBy("seq").execute()).map(
    ({ action, subject }) => `${action} ${subject}`,
  );
const logged = (text: string) => log.lines.filter((line) => line.includes(text));

describe("the heartbeat", () => {
  it("goes out once a minute while everything is seen to work, whoever looks", async () => {
    await watch.look();
    await goOn(30);
    expect(world.beats).toHaveLength(1);
    await goOn(30);
    base.clock.advance(60_000);
    await alive();
    await Promise.all([watch.look(), watch.look(), watch.look()]);
    expect(world.beats).toHaveLength(3);
    expect(world.beats[2]).toMatchObject({ source: "quarterdeck", at: base.clock.now().toISOString() });
  });

  it("that is not taken is sent again at the next look, and its address is not logged", async () => {
    world.beatStatus = 500;
    await goOn(60);
    world.beatStatus = 200;
    expect(world.beats).toEqual([]);
    await goOn(10);
    expect(world.beats).toHaveLength(1);
    expect(logged("the heartbeat did not arrive: it was answered with HTTP 500")).toHaveLength(1);
    expect(logged("s3cret")).toEqual([]);
  });

  it("stays away while an alert that was taken is not folded", async () => {
    await post({ alertname: "HighErrorRate", service: "shop" });
    base.clock.advance(61_000);
    await base.db.updateTable("workers").set({ seen_at: base.clock.now() }).execute();
    await base.db.deleteFrom("rings").where("job", "=", "alerts.drain").execute();
    await goOn(0);
    expect(world.beats).toEqual([]);
    expect(logged("no heartbeat goes out: an alert taken is not folded, it waits 61 s late")).toHaveLength(1);
    await alerts.drainOnce();
    await goOn(10);
    expect(world.beats).toHaveLength(1);
  });
});

describe("a trouble of Quarterdeck's own", () => {
  it("is told once by the other way when no worker lives, is logged as fatal, and ends once it stayed away", async () => {
    await goOn(60, "is dead");
    expect(told).toEqual([]);
    world.pageStatus = 503;
    await goOn(30, "is dead");
    world.pageStatus = 204;
    expect(told).toEqual([]);
    for (let looks = 0; looks < 6; looks += 1) await goOn(10, "is dead");
    const open = "page.triggered Quarterdeck itself: no worker was heard of for 90 s";
    expect(told).toEqual([open]);
    expect(world.beats).toEqual([]);
    expect(JSON.parse(logged("Quarterdeck itself is in trouble")[0] ?? "{}")).toMatchObject({ level: 60 });
    expect(await watch.summaries?.mine?.({ team: "T0LOCAL", person: "U0DEV", door: "slack" })).toEqual([
      { rank: 5, text: expect.stringContaining("no worker was heard of") },
    ]);

    await goOn(10);
    await goOn(60);
    expect(told).toEqual([open]);
    await goOn(60);
    await goOn(10);
    expect(told).toEqual([open, "page.resolved Quarterdeck itself: no worker was heard of for 90 s"]);
    expect(world.beats.length).toBeGreaterThan(0);
    expect(await audited()).toEqual(["watch.trouble quarterdeck", "watch.over quarterdeck"]);
    const card = await base.db
      .selectFrom("messages")
      .select("wanted")
      .where("key", "like", "watch:%")
      .execute();
    expect(JSON.stringify(card)).toContain("Over after");
  });

  it("is a token that Slack rejects, asked for each minute", async () => {
    world.slack = "token_revoked";
    for (let looks = 0; looks < 10; looks += 1) await goOn(10);
    expect(told).toEqual(["page.triggered Quarterdeck itself: Slack rejects the token: token_revoked"]);
    world.slack = "ok";
    for (let looks = 0; looks < 20; looks += 1) await goOn(10);
    expect(told).toHaveLength(2);
  });

  it("is an urgent message that nobody shows", async () => {
    await base.database.tx(async (tx) => tx.say({ key: "m", channel: "C0OPS", text: "m", urgent: true }));
    for (let looks = 0; looks < 10; looks += 1) await goOn(10);
    expect(told).toEqual([
      expect.stringMatching(/^page.triggered Quarterdeck itself: an urgent message is \d+ s late$/),
    ]);
  });
});

const post = async (labels: Record<string, string>, status = "firing") => {
  const [hook] = alerts.hooks ?? [];
  const answer = await hook?.handle({
    source: hook.source,
    team: "storefront",
    tokenId: "tok",
    headers: {},
    body: Buffer.from(
      JSON.stringify({
        version: "4",
        groupKey: "{}",
        status,
        alerts: [
          {
            status,
            labels,
            annotations: {},
            startsAt: "2026-03-01T00:00:00Z",
            endsAt: "0001-01-01T00:00:00Z",
          },
        ],
      }),
    ),
    receivedAt: base.clock.now(),
  });
  expect(answer?.status).toBe(200);
};

it("a watchdog that stops coming pages its team once, over a restart, and ends the page when it returns", async () => {
  const labels = { alertname: "Watchdog", cluster: "eu-1" };
  catalog = {
    ...catalog,
    watchdogs: [{ name: "eu-1", source: "alertmanager", labels, every: 300_000, team: "payments" }],
  };
  const pages = async () =>
    (await base.db
      .selectFrom("pages" as never)
      .select(["team", "headline", "state"] as never[])
      .execute()) as object[];
  const come = async () => {
    await post({ ...labels, severity: "none" });
    await work();
  };
  await goOn(30);
  await goOn(300);
  expect(await pages()).toEqual([]);
  await come();
  for (let minutes = 0; minutes < 7; minutes += 1) await goOn(60);
  expect(await pages()).toEqual([]);
  await goOn(60);
  const headline = "PAGE watchdog eu-1 has not come for 8 min: alerts by alertmanager may be lost";
  expect(await pages()).toEqual([{ team: "payments", headline, state: "open" }]);

  build();
  for (let minutes = 0; minutes < 10; minutes += 1) await goOn(60);
  expect(await pages()).toHaveLength(1);
  await come();
  expect(await pages()).toEqual([{ team: "payments", headline, state: "resolved" }]);
  expect((await audited()).slice(-2)).toEqual([
    "page.resolved watchdog eu-1",
    "watchdog.returned watchdog eu-1",
  ]);
  // It is a sign of life, not a trouble: nothing is filed for it.
  const filed = await base.db
    .selectFrom("alerts" as never)
    .select("labels" as never)
    .execute();
  expect(JSON.stringify(filed)).not.toContain("Watchdog");

  // A gap in which nobody listened: what was sent meanwhile is not known, so nobody is woken for it.
  await goOn(3_600);
  await goOn(400);
  expect(await pages()).toHaveLength(1);
});
