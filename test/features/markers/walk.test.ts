import { afterAll, beforeAll, expect, it } from "vitest";
import { markerSinkSchema } from "../../../src/catalog/marker-sinks.ts";
import { giveUpAfterMs } from "../../../src/features/markers/model.ts";
import type { ChartSpec } from "../../../src/platform/charts.ts";
import { type StandIn, startStandIn } from "../../support/stand-in.ts";
import { olive, startRoom, type TestRoom } from "../rollouts/harness.ts";

let grafana: StandIn;
let hooks: StandIn;
/** Requests the hooks' receiver has at this moment, and had at most. */
let atOnce = 0;
let mostAtOnce = 0;
let annotations: { id: number; time: number; tags: string[]; text: string }[] = [];
beforeAll(async () => {
  grafana = await startStandIn(({ method, path, body }) => {
    const tag = new URL(path, "http://grafana").searchParams.get("tags") ?? "";
    if (method === "GET") return { status: 200, body: annotations.filter(({ tags }) => tags.includes(tag)) };
    annotations.push({
      id: annotations.length + 1,
      ...(body as { time: number; tags: string[]; text: string }),
    });
    return { status: 200, body: { id: annotations.length, message: "Annotation added" } };
  });
  hooks = await startStandIn(async () => {
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    atOnce -= 1;
    return { status: 204 };
  });
});
afterAll(async () => {
  await grafana?.close();
  await hooks?.close();
});

const startMarked = async (): Promise<TestRoom> => {
  annotations = [];
  const room = await startRoom((catalog) => {
    catalog.providers.markers = [
      markerSinkSchema.parse({
        name: "graphs",
        kind: "grafana",
        url: grafana.url,
        tokenEnv: "GRAFANA_TOKEN",
      }),
      markerSinkSchema.parse({
        name: "hooks",
        kind: "webhook",
        url: hooks.url,
        secretEnv: "HOOK_SECRET",
        kinds: ["promoted", "reverted", "rolled-back", "deployed"],
      }),
      markerSinkSchema.parse({
        name: "other",
        kind: "webhook",
        url: hooks.url,
        secretEnv: "NONE",
        services: ["payments"],
      }),
    ];
  });
  room.world.secrets = { GRAFANA_TOKEN: "glsa_test", HOOK_SECRET: "thirty-two bytes of a secret...." };
  return room;
};
const metric = async (room: TestRoom, name: string) => {
  const lines = await room.features
    .flatMap(({ metrics }) => metrics ?? [])
    .find((one) => one.name === name)
    ?.read();
  return (lines ?? []).map(({ labels, value }) => `${Object.values(labels ?? {}).join(" ")} ${value}`).sort();
};
const texts = () => annotations.map(({ text }) => text);

it("each step, promotion, revert, rollback and deploy is marked once: here, in Grafana, as a metric, on the chart", async () => {
  const room = await startMarked();
  const secondsAgo = () => room.clock.now().getTime() / 1_000;

  // Every answer to a post is lost once: there is one annotation for each marker all the same.
  grafana.loseNext("POST");
  await room.type(olive, "rollout start shop v42");
  await room.until(["promoted"], "R-1", 400);
  await room.pass(60);
  expect(texts()).toEqual([
    "shop production: rollout v41 → v42 begins (R-1)",
    ...[1, 10, 50, 100].map((percent) => `shop production: v42 has ${percent} % (R-1)`),
    "shop production: v42 promoted (R-1)",
  ]);
  const [, first] = annotations;
  const step = (await room.find("R-1")).marks[0];
  expect(first).toMatchObject({
    time: step?.atMs,
    tags: expect.arrayContaining(["kind:step", "version:v42"]),
  });
  expect(await metric(room, "quarterdeck_deploy_marker_deliveries")).toEqual([]);

  // The way back, twice: by hand, and of a rollout that harms.
  expect(await room.type(olive, "rollback shop v41 --yes")).toMatchObject({ ok: true });
  await room.pass(10);
  room.world.behaviour.bad.v43 = 0.3;
  await room.type(olive, "rollout start shop v43");
  await room.until(["reverted"], "R-3", 300);
  await room.pass(10);
  const at = secondsAgo();
  const deploy = {
    service: "shop",
    environment: "production",
    version: "v44",
    by: "ci",
    source: "deploys",
    reference: "1",
  };
  await room.database.tx((tx) => room.deploys.record(tx, { ...deploy, at: tx.now }));
  await room.database.tx((tx) =>
    room.deploys.record(tx, {
      ...deploy,
      version: "v1",
      reference: "old",
      at: new Date("2025-01-01T00:00:00Z"),
    }),
  );
  await room.drain();
  expect(texts().slice(6)).toEqual([
    "shop production: v42 → v41, rolled back (R-2)",
    "shop production: rollout v41 → v43 begins (R-3)",
    "shop production: v43 has 1 % (R-3)",
    "shop production: v43 → v41, reverted (R-3)",
    "shop production: v41 → v44 deployed (D-5)",
  ]);

  // Signed, of the kinds that were asked for, each once.
  const types = hooks.requests.map(({ body }) => (body as { type: string }).type);
  expect(types).toEqual(["marker.promoted", "marker.rolled_back", "marker.reverted", "marker.deployed"]);

  // As a metric: one series for each kind, of the newest version.
  const series = await metric(room, "quarterdeck_deploy_marker_timestamp_seconds");
  expect(series.map((line) => line.split(" ").slice(0, 4).join(" "))).toEqual([
    "shop production deployed v44",
    "shop production promoted v42",
    "shop production reverted v41",
    "shop production rolled-back v41",
    "shop production started v43",
    "shop production step v43",
  ]);
  expect(series[0]).toBe(`shop production deployed v44 ${at}`);

  // On the card's chart, the steps once.
  const chart = (await room.said("rollout:R-1")).chart as ChartSpec;
  expect(chart.markers?.map(({ label }) => label)).toEqual(["1 %", "10 %", "50 %", "100 %", "v42 promoted"]);
}, 120_000);

it("what is not taken waits, is told with the same id, and is given up aloud after a day, or when nobody wants it", async () => {
  const room = await startMarked();
  const mark = (version: string) =>
    room.database.tx((tx) =>
      room.deploys.record(tx, {
        service: "shop",
        environment: "production",
        version,
        by: "ci",
        source: "deploys",
        reference: version,
        at: tx.now,
      }),
    );
  hooks.requests.length = 0;
  hooks.refuseNext({ status: 500 });
  hooks.refuseNext({ status: 429, headers: { "retry-after": "3600" } });
  await mark("v44");
  await room.drain();
  expect(await metric(room, "quarterdeck_deploy_marker_deliveries")).toEqual([
    "hooks given-up 0",
    "hooks waiting 1",
  ]);
  room.clock.advance(6_000);
  await room.drain();
  room.clock.advance(600_000);
  await room.drain();
  expect(hooks.requests).toHaveLength(2);
  room.clock.advance(3_000_000);
  await room.drain();
  expect(hooks.requests).toHaveLength(3);
  expect(new Set(hooks.requests.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  expect(await metric(room, "quarterdeck_deploy_marker_deliveries")).toEqual([]);

  // Nobody wants it: at once. Nobody answers: after a day.
  hooks.refuseNext({ status: 410 });
  await mark("v45");
  await room.drain();
  const day = room.clock.now().toISOString().slice(0, 10);
  expect((await room.said(`marker-sink:hooks:${day}`)).text).toMatch(
    /^🟠 hooks · a deploy marker was not taken today\. The last, tried for 0s: shop production: v44 → v45 deployed \(D-2\)\. hooks answered 410/,
  );
  expect(await room.audited("D-2")).toContain("marker.given-up");
  room.world.secrets = { GRAFANA_TOKEN: "glsa_test" };
  await mark("v46");
  await room.drain();
  for (let waitedMs = 0; waitedMs <= giveUpAfterMs; waitedMs += 3_700_000) {
    room.clock.advance(3_700_000);
    await room.drain();
  }
  const after = room.clock.now().toISOString().slice(0, 10);
  expect((await room.said(`marker-sink:hooks:${after}`)).text).toContain("The secret of hooks is not set");
  expect(await metric(room, "quarterdeck_deploy_marker_deliveries")).toEqual([
    "hooks given-up 2",
    "hooks waiting 0",
  ]);
});

it("a system in trouble is called by one at a time and then left alone: it holds nothing else up, and all is told after", async () => {
  const room = await startMarked();
  const mark = (version: string) =>
    room.database.tx((tx) =>
      room.deploys.record(tx, {
        service: "shop",
        environment: "production",
        version,
        by: "ci",
        source: "deploys",
        reference: version,
        at: tx.now,
      }),
    );
  hooks.requests.length = 0;
  hooks.refuseNext({ status: 503 });
  hooks.refuseNext({ status: 503 });
  for (let index = 0; index < 12; index += 1) await mark(`b${index}`);
  await room.pass(3);
  expect(hooks.requests).toHaveLength(1);
  await room.pass(5);
  expect(hooks.requests).toHaveLength(2);
  await room.pass(20);
  expect(hooks.requests).toHaveLength(2);
  mostAtOnce = 0;
  await room.pass(60);
  expect(await metric(room, "quarterdeck_deploy_marker_deliveries")).toEqual([]);
  expect(hooks.requests).toHaveLength(14);
  expect(mostAtOnce).toBe(1);
});
