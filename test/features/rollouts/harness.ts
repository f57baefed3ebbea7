import { join } from "node:path";
import { sql } from "kysely";
import { expect, onTestFinished } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import { errorBudgetOf } from "../../../src/catalog/lookup.ts";
import type { Catalog, ServiceTraffic, Signal, TrafficInstance } from "../../../src/catalog/schema.ts";
import { readSettings } from "../../../src/config/config.ts";
import type { FiringOn } from "../../../src/features/alerts/index.ts";
import { createDeploys, type Deploys, type NewDeploy } from "../../../src/features/deploys/index.ts";
import { createFreezes } from "../../../src/features/freezes/index.ts";
import { createGitops } from "../../../src/features/gitops/index.ts";
import { createMarkers } from "../../../src/features/markers/index.ts";
import { type PageRequest, type Paging, standsIn } from "../../../src/features/paging/index.ts";
import { createRollbacks } from "../../../src/features/rollbacks/index.ts";
import { createRollouts, type Rollout, type Rollouts } from "../../../src/features/rollouts/index.ts";
import type { Signals } from "../../../src/features/signals/index.ts";
import { type Budget, policyOf, type SloReading, type Slos } from "../../../src/features/slos/index.ts";
import { createAuthz } from "../../../src/platform/authz.ts";
import { createCatalogs } from "../../../src/platform/catalogs.ts";
import { createDatabase } from "../../../src/platform/db/database.ts";
import { createDispatcher } from "../../../src/platform/dispatch.ts";
import type { Feature } from "../../../src/platform/feature.ts";
import { createInbox, inboxJob } from "../../../src/platform/inbox.ts";
import type { Wanted } from "../../../src/platform/messages/say.ts";
import { type Actor, systemActor } from "../../../src/platform/people.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { Runner } from "../../../src/platform/rings/runner.ts";
import { Secret } from "../../../src/platform/secret.ts";
import { SecretBox } from "../../../src/platform/secretbox.ts";
import { ProviderError } from "../../../src/providers/errors.ts";
import type { ClusterObjects } from "../../../src/providers/gitops/contract.ts";
import { createGitopsSystems } from "../../../src/providers/gitops/systems.ts";
import { createMarkerSinks } from "../../../src/providers/markers/instances.ts";
import { createScms } from "../../../src/providers/scm/instances.ts";
import type { TrafficEngine } from "../../../src/providers/traffic/contract.ts";
import { createHaproxyEngine } from "../../../src/providers/traffic/haproxy.ts";
import { haproxyConfigOf } from "../../../src/providers/traffic/haproxy-config.ts";
import { createRouterEngine, routerConfigOf } from "../../../src/providers/traffic/router.ts";
import { type RunningRouter, startRouter } from "../../../src/router/index.ts";
import { testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const routerToken = "router-token-of-the-tests";

export const olive: Actor = { team: "T0LOCAL", person: "U0ONCALL", door: "slack" };
export const lena: Actor = { team: "T0LOCAL", person: "U0LEAD", door: "slack" };
export const dev: Actor = { team: "T0LOCAL", person: "U0DEV", door: "slack" };

/** Events per second by version; what a version does not name it has none of. */
export interface Behaviour {
  /** Requests per second at 100 %. */
  ratePerSec: number;
  /** Share of bad events by version. */
  bad: Record<string, number>;
}

export interface World {
  catalog: Catalog;
  behaviour: Behaviour;
  /** Signals answer nothing: the metrics system is away. */
  isBlind: boolean;
  /** Environment variables with secrets that the catalog names. */
  secrets: Record<string, string>;
  budget: Omit<Budget, "service" | "at">;
  /** Alerts that fire on instances of a version. */
  firing: FiringOn[];
  /** Wraps the real engine; tests let it fail or die here. */
  engine: (real: TrafficEngine) => TrafficEngine;
  /** The shares that users get where something else than the room's router carries them. */
  weights?: () => Promise<Record<string, number>>;
  /** Where the objects that manage a service are; no cluster when left out. */
  cluster?: ClusterObjects | undefined;
}

export const wellBudget: World["budget"] = { users: "well", readings: [], worst: undefined };

/** What decides where a test says nothing of the budget. */
const wellReading: SloReading = {
  slo: "shop-availability",
  objectivePercent: 99.5,
  windowMs: 28 * 86_400_000,
  isUserFacing: true,
  state: "healthy",
  severity: "none",
  budgetRatio: 0.005,
  remaining: 0.8,
  budgetEvents: 10_000,
};

/** A whole room on a fresh database and a real router; only what is measured is scripted. */
export async function startRoom(change: (catalog: Catalog) => void = () => undefined) {
  const test = await testDatabase();
  const { db, clock } = test;
  const router = await startTestRouter();
  const loaded = await loadCatalog("config/sample", {
    ROUTER_ADMIN_URL: `http://127.0.0.1:${router.adminPort}`,
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  change(loaded.catalog);
  const world: World = {
    catalog: loaded.catalog,
    behaviour: { ratePerSec: 200, bad: {} },
    isBlind: false,
    secrets: {},
    budget: wellBudget,
    firing: [],
    engine: (real) => real,
  };
  const log = keptLog();
  const features: Feature[] = [];
  const lanes = new Map<string, "urgent" | "normal" | "bulk">();
  const events: [string, string][] = [];
  const database = createDatabase(db, {
    clock,
    catalogDigest: () => "c0ffee",
    subscribers: (event) => {
      events.push([event, ""]);
      return features
        .flatMap((feature) => feature.events ?? [])
        .flatMap(({ on, job }) => (on === event ? [{ job, lane: lanes.get(job) ?? "normal" }] : []));
    },
  });
  const catalogs = createCatalogs(
    db,
    () => database,
    log,
    () => [],
  );
  await catalogs.put(loaded.catalog, loaded.digest, "test", systemActor);
  const authz = createAuthz(
    () => catalogs.current(),
    async () => [],
    (team, person) => standsIn(db, team, person, clock.now()),
  );
  const platform: Platform = {
    settings: readSettings({}),
    log,
    clock,
    database,
    catalogs,
    usergroups: async () => [],
    authz,
    slack: {
      call: () => Promise.reject(new Error("no Slack here")),
      respond: () => Promise.reject(new Error("no Slack here")),
      upload: () => Promise.reject(new Error("no Slack here")),
    } as unknown as Platform["slack"],
    sessions: {} as Platform["sessions"],
    box: new SecretBox("ab".repeat(32)),
    slackTeam: () => "T0LOCAL",
    random: () => 0.5,
    publicUrl: "http://127.0.0.1:3210",
    env: (name) => ({ ROUTER_TOKEN: routerToken, SCM_TOKEN: "scm-token", ...world.secrets })[name],
  };
  const pages: PageRequest[] = [];
  const resolved: string[] = [];
  const paging: Paging = {
    page: async (_tx, request) => void pages.push(request),
    acknowledge: async () => ({ state: "not-open" }),
    resolve: async (_tx, key) => void resolved.push(key),
    standing: async (_db, key) =>
      pages.some(({ dedupKey }) => dedupKey === key) && !resolved.includes(key)
        ? { state: "open", acknowledgedBy: null, acknowledgedAt: null }
        : undefined,
    onCall: async () => [],
    dutyOf: async () => undefined,
  };
  const deploys = createDeploys(platform, { alerts: { eventOf: async () => undefined } });
  // Nobody listens where the versions of these tests are said to; a test that wants one ill says so.
  const real: TrafficEngine = {
    ...createRouterEngine(),
    health: async () => ({ state: "serving", ready: 1, wanted: 1, detail: "answers 200" }),
  };
  const haproxy = createHaproxyEngine();
  const gitops = createGitops({
    platform,
    paging,
    useCluster: async (_place, _call, work) => {
      if (world.cluster) return work(world.cluster);
      throw new ProviderError("unreachable", "no cluster here", "Start one.");
    },
    systemOf: createGitopsSystems(),
    scms: createScms(platform),
  });
  const freezes = createFreezes(platform);
  const markers = createMarkers(platform, { sinks: createMarkerSinks(platform), deploys: deploys.api });
  const parts = {
    platform,
    gitops: gitops.api,
    freezes: freezes.api,
    markers: markers.api,
    traffic: {
      of: (instance: TrafficInstance) => {
        if (instance.kind === "haproxy")
          return {
            engine: world.engine(haproxy),
            configOf: (entry: ServiceTraffic) => haproxyConfigOf(instance, entry),
          };
        if (instance.kind !== "router") throw new Error("only routers and HAProxy here");
        return {
          engine: world.engine(real),
          configOf: (entry: ServiceTraffic) => routerConfigOf(instance, entry, platform.env),
        };
      },
    },
    signals: scriptedSignals(world, router, (service) => world.weights?.() ?? weightsOf(router, service)),
    slos: {
      budgetOf: async (service, at) => ({ service, at, ...world.budget }),
      policyOf: async (service, at) =>
        policyOf(
          errorBudgetOf(catalogs.current(), service),
          { service, at, ...world.budget, readings: [wellReading, ...world.budget.readings] },
          [],
        ),
    } satisfies Pick<Slos, "budgetOf" | "policyOf">,
    deploys: deploys.api,
    paging,
    alerts: { firingOn: async () => world.firing },
  };
  const rollouts = createRollouts(parts);
  const rollbacks = createRollbacks({ ...parts, rollouts: rollouts.api });
  features.push(
    gitops.feature,
    deploys.feature,
    freezes.feature,
    markers.feature,
    rollouts.feature,
    rollbacks.feature,
  );
  const dispatcher = createDispatcher({
    database,
    clock,
    log,
    catalogs,
    authz,
    commands: () => features.flatMap((feature) => feature.commands ?? []),
  });
  const jobs = [
    ...dispatcher.jobs,
    {
      name: "messages.project",
      about: "Shows nothing here.",
      lane: "normal" as const,
      run: async () => undefined,
    },
    ...features.flatMap((feature) => feature.jobs ?? []),
  ];
  for (const job of jobs) lanes.set(job.name, job.lane);
  const inbox = createInbox(database, clock);
  const newRunner = () => new Runner({ db, clock, log, random: () => 0.5 }, jobs);
  const runner = newRunner();
  onTestFinished(async () => {
    await test.close();
    await router.close();
  });

  let presses = 0;
  const room = {
    ...test,
    database,
    platform,
    world,
    router,
    log,
    features,
    events,
    pages,
    resolved,
    deploys: deploys.api as Deploys,
    rollouts: rollouts.api as Rollouts,
    newRunner,

    /** Keeps what a person sent; answers the inbox id. `isPress`: a button of a card. */
    async send(actor: Actor, line: string, isPress = false): Promise<string> {
      presses += 1;
      const { id } = await inbox.receive({
        kind: isPress ? "action" : "command",
        dedup: `press-${presses}`,
        team: actor.team,
        person: actor.person,
        payload: {
          line,
          door: actor.door === "terminal" ? "terminal" : "slack",
          channel: "C0OPS",
          messageTs: isPress ? "1.1" : undefined,
        },
      });
      return id;
    },

    /** Does what was sent, without anything else that is due. */
    async handle(inboxId: string): Promise<{ text: string; ok: boolean }> {
      const ring = await db
        .selectFrom("rings")
        .select("id")
        .where("job", "=", inboxJob)
        .where("ref", "=", inboxId)
        .executeTakeFirst();
      if (ring) await runner.run(ring.id);
      const row = await db
        .selectFrom("inbox")
        .select("answer")
        .where("id", "=", inboxId)
        .executeTakeFirstOrThrow();
      if (row.answer === null) throw new Error(`no answer yet; ${log.lines.slice(-3).join("\n")}`);
      return row.answer as { text: string; ok: boolean };
    },

    async type(actor: Actor, line: string, isPress = false): Promise<{ text: string; ok: boolean }> {
      return room.handle(await room.send(actor, line, isPress));
    },

    /** Runs what is due until nothing is. */
    async drain(by = runner): Promise<void> {
      for (let round = 0; round < 200; round += 1) {
        const due = await db
          .selectFrom("rings")
          .select("id")
          .where("due_at", "<=", clock.now())
          .where("job", "not like", "%.sweep")
          .where((eb) => eb.or([eb("lease_until", "is", null), eb("lease_until", "<", clock.now())]))
          .execute();
        if (due.length === 0) return;
        await Promise.all(due.map(({ id }) => by.run(id)));
      }
      throw new Error("what is due never ends");
    },

    /** Lets time pass in seconds, with everything that falls due done. */
    async pass(seconds: number, stop: () => Promise<boolean> = async () => false): Promise<void> {
      for (let second = 0; second < seconds; second += 1) {
        if (await stop()) return;
        clock.advance(1_000);
        await room.drain();
      }
    },

    /** Lets time pass in steps of ten seconds: for what only has to be over. */
    async leap(seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second += 10) {
        clock.advance(10_000);
        await room.drain();
      }
    },

    async find(id = "R-1"): Promise<Rollout> {
      const rollout = await rollouts.api.find(id);
      if (!rollout) throw new Error(`no rollout ${id}`);
      return rollout;
    },

    /** Passes time until the rollout is in one of these states. */
    async until(states: Rollout["state"]["is"][], id = "R-1", seconds = 120): Promise<Rollout> {
      await room.pass(seconds, async () => states.includes((await room.find(id)).state.is));
      const rollout = await room.find(id);
      if (!states.includes(rollout.state.is))
        throw new Error(
          `${id} is ${rollout.state.is}, not ${states.join(" or ")}: ${JSON.stringify(rollout.verdict?.reasons)}`,
        );
      return rollout;
    },

    weights: (service = "shop") => weightsOf(router, service),

    /** Rows of any statement, as the app's role sees them. */
    sql: async <Row extends object>(statement: string): Promise<Row[]> =>
      (await sql.raw<Row>(statement).execute(db)).rows,

    count: async (statement: string): Promise<number> =>
      Number((await sql.raw<{ count: string }>(statement).execute(db)).rows[0]?.count),

    /** Takes away what is to happen and is not the test's matter. */
    dropRings: async (jobs: string[]): Promise<void> =>
      void (await db.deleteFrom("rings").where("job", "in", jobs).execute()),

    rings: (job: string) => db.selectFrom("rings").select("lane").where("job", "=", job).execute(),

    async said(key: string): Promise<Wanted> {
      const row = await db
        .selectFrom("messages")
        .select("wanted")
        .where("key", "=", key)
        .executeTakeFirstOrThrow();
      return row.wanted as Wanted;
    },

    async audited(subject: string): Promise<string[]> {
      const rows = await db
        .selectFrom("audit")
        .select("action")
        .where("subject", "=", subject)
        .orderBy("seq")
        .execute();
      return rows.map(({ action }) => action);
    },

    async effects(owner: string): Promise<{ key: string; attempts: number; done_at: Date | null }[]> {
      const rows = await (
        db as unknown as import("kysely").Kysely<{
          rollout_effects: {
            key: string;
            owner: string;
            attempts: number;
            done_at: Date | null;
            intent_at: Date;
          };
        }>
      )
        .selectFrom("rollout_effects")
        .select(["key", "attempts", "done_at"])
        .where("owner", "=", owner)
        .orderBy("intent_at")
        .orderBy("key")
        .execute();
      return rows;
    },
  };
  return room;
}

export type TestRoom = Awaited<ReturnType<typeof startRoom>>;

/** Records something that went out as if a pipeline had told of it this moment. */
export const told = (room: TestRoom, what: Partial<NewDeploy> & { version: string }): Promise<unknown> =>
  room.database.tx((tx) =>
    room.deploys.record(tx, {
      service: "shop",
      environment: "production",
      by: "ci",
      source: "deploys",
      reference: `${what.version}@${tx.now.toISOString()}`,
      at: tx.now,
      ...what,
    }),
  );

export async function startTestRouter(): Promise<RunningRouter> {
  const silent = { info() {}, warn() {}, error() {} };
  return startRouter({
    host: "127.0.0.1",
    port: 0,
    adminPort: 0,
    stateFile: join(await tempDir(), "routes.json"),
    token: new Secret(routerToken),
    log: silent,
  });
}

export async function weightsOf(router: RunningRouter, service: string): Promise<Record<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${router.adminPort}/routes/${service}`, {
    headers: { authorization: `Bearer ${routerToken}` },
  });
  if (answer.status === 404) return {};
  const route = (await answer.json()) as { backends: { version: string; weight: number }[] };
  return Object.fromEntries(route.backends.map(({ version, weight }) => [version, weight]));
}

/** Counts what a steady load would have had, by the weights the real router has. */
function scriptedSignals(
  world: World,
  _router: RunningRouter,
  weights: (service: string) => Promise<Record<string, number>>,
): Signals {
  const signalOf = (name: string): Signal => {
    const signal = world.catalog.services.flatMap(({ signals }) => signals).find((one) => one.name === name);
    if (!signal) throw new Error(`no signal ${name}`);
    return signal;
  };
  const shareOf = async (service: string): Promise<number> => {
    const all = await weights(service);
    return Object.entries(all).reduce(
      (sum, [version, weight]) => sum + ((world.behaviour.bad[version] ?? 0) * weight) / 100,
      0,
    );
  };
  return {
    lagMs: () => 2_000,
    async read(service, { at, names = [], version }) {
      return Promise.all(
        names.map(async (name) => {
          const signal = signalOf(name);
          if (world.isBlind) return { signal, at, state: "missing" as const, why: "away" };
          const value = version === undefined ? await shareOf(service) : (world.behaviour.bad[version] ?? 0);
          return { signal, at, state: "ok" as const, value, text: String(value), isPartial: false };
        }),
      );
    },
    series: async () => [],
    buckets: async () => [],
    async counts(service, name, { from, to, versions }) {
      const signal = signalOf(name);
      const seconds = (to.getTime() - from.getTime()) / 1_000;
      const now = await weights(service);
      const byVersion = new Map<string, { bad: number; total: number }>();
      for (const version of world.isBlind ? [] : versions) {
        const total = Math.round((world.behaviour.ratePerSec * seconds * (now[version] ?? 0)) / 100);
        const share = name === "error-ratio" ? (world.behaviour.bad[version] ?? 0) : 0.01;
        byVersion.set(version, { total, bad: Math.round(total * share) });
      }
      return { signal, from, to, byVersion, partial: null };
    },
    values: async (_service, _name, { versions }) =>
      new Map(world.isBlind ? [] : versions.map((version) => [version, 0.1])),
  };
}

/** Moves the traffic as a person with the router's token does. */
export async function moveOutside(
  room: TestRoom,
  weights: Record<string, number>,
  changedBy: string | null = null,
) {
  const declared = room.world.catalog.services.find(({ name }) => name === "shop")?.traffic;
  const known = [declared].flat().flatMap((one) => one?.versions ?? []);
  const answer = await fetch(`http://127.0.0.1:${room.router.adminPort}/routes/shop`, {
    method: "PUT",
    headers: { authorization: "Bearer router-token-of-the-tests", "content-type": "application/json" },
    body: JSON.stringify({
      backends: Object.entries(weights).map(([version, weight]) => ({
        version,
        url: known.find(({ name }) => name === version)?.url,
        weight,
      })),
      changedBy,
    }),
  });
  expect(answer.status, await answer.text()).toBe(200);
}
