/** The rooms alerts and tickets on a real database, with a clock, budget and pager the test holds in its hands. */
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { readSettings } from "../../../src/config/config.ts";
import { createAlerts } from "../../../src/features/alerts/index.ts";
import type { Deploy } from "../../../src/features/deploys/index.ts";
import type { PageRequest, Paging } from "../../../src/features/paging/index.ts";
import type { Budget, SloReading, Slos } from "../../../src/features/slos/index.ts";
import { createTickets } from "../../../src/features/tickets/index.ts";
import { createAuthz } from "../../../src/platform/authz.ts";
import { createDispatcher } from "../../../src/platform/dispatch.ts";
import type { HookAnswer } from "../../../src/platform/feature.ts";
import { createInbox } from "../../../src/platform/inbox.ts";
import type { Block } from "../../../src/platform/messages/blocks.ts";
import type { Actor } from "../../../src/platform/people.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { Runner } from "../../../src/platform/rings/runner.ts";
import { createTicketingProviders } from "../../../src/providers/ticketing/instances.ts";
import { SetClock, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";

export const olive: Actor = { team: "T0LOCAL", person: "U0ONCALL", door: "terminal" };
export const lena: Actor = { team: "T0LOCAL", person: "U0LEAD", door: "terminal" };
export const dev: Actor = { team: "T0LOCAL", person: "U0DEV", door: "terminal" };

const reading = (over: Partial<SloReading>): SloReading => ({
  slo: "shop-availability",
  objectivePercent: 99.5,
  isUserFacing: true,
  state: "healthy",
  windowMs: 2_419_200_000,
  severity: "none",
  budgetRatio: 0.005,
  remaining: 0.98,
  budgetEvents: null,
  ...over,
});
export const well: Pick<Budget, "users" | "readings" | "worst"> = {
  users: "well",
  readings: [],
  worst: reading({ burn: 0.2, budgetLeftRatio: 0.98, errorRatio: 0.001 }),
};
export const hurting: typeof well = {
  users: "hurting",
  readings: [],
  worst: reading({ state: "burning", burn: 90.4, budgetLeftRatio: 0.4, errorRatio: 0.091 }),
};
export const unknown: typeof well = { users: "unknown", readings: [], worst: undefined };

/** A pager that keeps who was paged, one open page per key. */
class TestPaging implements Paging {
  readonly pages: PageRequest[] = [];
  /** How each reads by now. */
  readonly lines = new Map<string, string>();
  readonly open = new Map<string, { by: string; at: Date } | undefined>();
  async page(_tx: unknown, request: PageRequest): Promise<void> {
    this.lines.set(request.dedupKey, request.headline);
    if (this.open.has(request.dedupKey)) return;
    this.open.set(request.dedupKey, undefined);
    this.pages.push(request);
  }
  async acknowledge(tx: { now: Date }, key: string, actor: Actor) {
    if (!this.open.has(key)) return { state: "not-open" as const };
    const before = this.open.get(key);
    if (before) return { state: "was-acknowledged" as const, ...before };
    this.open.set(key, { by: actor.person, at: tx.now });
    return { state: "acknowledged" as const };
  }
  async resolve(_tx: unknown, key: string): Promise<void> {
    this.open.delete(key);
  }
  async standing(_db: unknown, key: string) {
    if (!this.open.has(key)) return undefined;
    const before = this.open.get(key);
    return {
      state: before ? ("acknowledged" as const) : ("open" as const),
      acknowledgedBy: before?.by ?? null,
      acknowledgedAt: before?.at ?? null,
    };
  }
  async dutyOf() {
    return undefined;
  }
  async onCall() {
    return [];
  }
}

/** Rules of one service that fire in the same minutes stay apart. */
export const separate = (catalog: Catalog): void => {
  catalog.policies.alerts.joinWithin = 0;
};

export type Rooms = Awaited<ReturnType<typeof startRooms>>;

export interface RoomOptions {
  change?: (catalog: Catalog) => void;
  /** Secrets the catalog names. */
  env?: Record<string, string>;
  /** Real budgets in place of those the test holds in its hands. */
  slos?: (platform: Platform) => Pick<Slos, "budgetOf">;
}

export async function startRooms(options: RoomOptions = {}) {
  const clock = new SetClock();
  const test = await testDatabase(
    {
      "alerts.changed": [{ job: "tickets.follow", lane: "normal" }],
      "hooks.ticket": [{ job: "tickets.outside", lane: "normal" }],
      "hooks.page": [{ job: "tickets.acknowledged-there", lane: "urgent" }],
    },
    clock,
  );
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  loaded.catalog.policies.alerts.groupWait = 0;
  options.change?.(loaded.catalog);
  const log = keptLog();
  const paging = new TestPaging();
  const budget = {
    now: well,
    of: new Map<string, typeof well>(),
    error: undefined as Error | undefined,
    reads: 0,
  };
  const changes: Deploy[] = [];
  const platform = {
    settings: readSettings({}),
    log,
    clock,
    database: test.database,
    random: () => 0.5,
    publicUrl: "http://q.test",
    catalogs: { current: () => loaded.catalog, digest: () => loaded.digest, onSwitch: () => undefined },
    authz: createAuthz(
      () => loaded.catalog,
      async () => [],
    ),
    slackTeam: () => "T0LOCAL",
    env: (name: string) => options.env?.[name],
  } as unknown as Platform;
  const alerts = createAlerts(platform);
  const tickets = createTickets(platform, {
    alerts: alerts.api,
    paging,
    ticketing: createTicketingProviders(platform),
    slos: options.slos?.(platform) ?? {
      budgetOf: async (service, at) => {
        budget.reads += 1;
        if (budget.error) throw budget.error;
        return { service, at, ...(budget.of.get(service) ?? budget.now) };
      },
    },
    deploys: {
      recentChanges: async (services, since) =>
        changes.filter(({ service, at }) => services.includes(service) && at >= since),
    },
  });
  const features = [alerts, tickets];
  const dispatcher = createDispatcher({
    database: test.database,
    clock,
    log,
    catalogs: platform.catalogs,
    authz: platform.authz,
    commands: () => features.flatMap((feature) => feature.commands ?? []),
  });
  const jobs = [...dispatcher.jobs, ...features.flatMap((feature) => feature.jobs ?? [])];
  const runner = new Runner({ db: test.db, clock, log, random: () => 0.5 }, jobs);
  const known = new Set(jobs.map(({ name }) => name));
  const inbox = createInbox(test.database, clock);
  const failures: string[] = [];
  runner.onRun = (job, outcome) => void (outcome === "failed" && failures.push(job));

  /** Runs everything that is due, as a worker would, until nothing is. */
  const work = async (): Promise<void> => {
    for (let round = 0; round < 200; round += 1) {
      const due = (
        await test.db.selectFrom("rings").select(["id", "job"]).where("due_at", "<=", clock.now()).execute()
      ).filter(({ job }) => known.has(job));
      if (due.length === 0) return;
      await Promise.all(due.map(({ id }) => runner.run(id)));
      if (failures.length > 0) throw new Error(`failed: ${failures.join(", ")}; ${log.lines.at(-1)}`);
    }
    throw new Error("there is always something due");
  };

  const post = async (alertsToSend: readonly object[], over: object = {}): Promise<HookAnswer> => {
    const [hook] = alerts.hooks ?? [];
    if (!hook) throw new Error("no hook");
    const body = Buffer.from(
      JSON.stringify({
        version: "4",
        status: "firing",
        groupKey: "{}:{}",
        truncatedAlerts: 0,
        alerts: alertsToSend,
        ...over,
      }),
    );
    return hook.handle({
      source: hook.source,
      team: "storefront",
      tokenId: "tok",
      headers: {},
      body,
      receivedAt: clock.now(),
    });
  };
  const send = async (alertsToSend: readonly object[], over: object = {}): Promise<void> => {
    const answer = await post(alertsToSend, over);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer));
    await work();
  };

  let sequence = 0;
  /** Types a line as somebody and answers what they read. */
  const ask = async (actor: Actor, line: string): Promise<{ text: string; ok: boolean }> => {
    sequence += 1;
    const { id } = await inbox.receive({
      kind: "command",
      dedup: `test:${sequence}`,
      team: actor.team,
      person: actor.person,
      payload: { line, door: "terminal", channel: "C0OPS" },
    });
    await work();
    const row = await test.db
      .selectFrom("inbox")
      .select("answer")
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    return row.answer as { text: string; ok: boolean };
  };

  const messages = async (like = "ticket:%") =>
    (
      await test.db
        .selectFrom("messages")
        .select(["key", "channel", "wanted", "wanted_version", "urgent"])
        .where("key", "like", like)
        .orderBy("key")
        .execute()
    ).map((row) => {
      const { text, blocks = [] } = row.wanted as { text: string; blocks?: Block[] };
      return {
        key: row.key,
        channel: row.channel,
        version: row.wanted_version,
        text,
        all: JSON.stringify(blocks),
        verbs: verbsOf(blocks),
        overflow: overflowOf(blocks),
      };
    });
  const audit = async (subject: string) =>
    (
      await test.db
        .selectFrom("audit")
        .select("action")
        .where("subject", "=", subject)
        .orderBy("seq")
        .execute()
    ).map(({ action }) => action);

  return {
    ...test,
    platform,
    alerts,
    tickets,
    paging,
    budget,
    changes,
    clock,
    work,
    post,
    send,
    ask,
    messages,
    audit,
    log,
    catalog: loaded.catalog,
  };
}

const elementsOf = (blocks: readonly Block[]) =>
  blocks.flatMap((block) => (block.type === "actions" ? block.elements : []));
const verbsOf = (blocks: readonly Block[]) =>
  elementsOf(blocks).flatMap((element) =>
    element.type === "button" ? [`${element.text.text}: ${element.value}`] : [],
  );
const overflowOf = (blocks: readonly Block[]) =>
  elementsOf(blocks).flatMap((element) =>
    element.type === "overflow"
      ? element.options.map((option) => `${option.text.text}: ${option.value}`)
      : [],
  );

export const alert = (
  over: {
    labels?: object;
    status?: string;
    startsAt?: Date;
    endsAt?: Date;
    annotations?: object;
    fingerprint?: string;
  } = {},
): object => ({
  status: over.status ?? "firing",
  labels: { alertname: "HighErrorRate", service: "shop", severity: "critical", ...over.labels },
  annotations: { summary: "Checkout fails", ...over.annotations },
  startsAt: (over.startsAt ?? new Date("2026-03-02T09:59:00Z")).toISOString(),
  endsAt: over.endsAt?.toISOString() ?? "0001-01-01T00:00:00Z",
  ...(over.fingerprint ? { fingerprint: over.fingerprint } : {}),
});
