import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Catalog, PagerInstance } from "../../../src/catalog/schema.ts";
import { createAlerts } from "../../../src/features/alerts/index.ts";
import { createPaging, type PageRequest } from "../../../src/features/paging/index.ts";
import { outsidesOf } from "../../../src/features/paging/outside-store.ts";
import type { PagingTables } from "../../../src/features/paging/store.ts";
import type { Catalogs } from "../../../src/platform/catalogs.ts";
import { tables } from "../../../src/platform/db/database.ts";
import type { Wanted } from "../../../src/platform/messages/say.ts";
import { type Actor, systemActor } from "../../../src/platform/people.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { Runner } from "../../../src/platform/rings/runner.ts";
import { keyOfPage } from "../../../src/providers/pagers/contract.ts";
import { createPagers } from "../../../src/providers/pagers/instances.ts";
import {
  type PagerStandIn,
  startGrafanaOnCall,
  startOpsgenie,
  startPagerDuty,
} from "../../providers/pagers/stand-ins.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";
import { sampleCatalog } from "../signals/rig.ts";

let base: TestDatabase;
let catalog: Catalog;
let pd: PagerStandIn;
let og: PagerStandIn;
let grafana: PagerStandIn;
let room: ReturnType<typeof createPaging>;
let runner: Runner;
let alerts: ReturnType<typeof createAlerts>;
let failures: string[] = [];

beforeAll(async () => {
  base = await testDatabase({ "hooks.page": [{ job: "paging.hear", lane: "urgent" }] });
  [pd, og, grafana] = await Promise.all([startPagerDuty(), startOpsgenie(), startGrafanaOnCall()]);
  const log = keptLog();
  const platform = {
    catalogs: { current: () => catalog } as Catalogs,
    database: base.database,
    slackTeam: () => "T0LOCAL",
    log,
    clock: base.clock,
    random: () => 0.5,
    publicUrl: "https://q.example",
    env: (name: string) => ({ ...pd.env, ...og.env, ...grafana.env })[name],
  } as unknown as Platform;
  alerts = createAlerts(platform, undefined, (tx, source, told) => room.ownPages(tx, source, told));
  room = createPaging(platform, { alerts: alerts.api, pagers: createPagers(platform, 200) });
  runner = new Runner({ db: base.db, clock: base.clock, log, random: () => 0.5 }, [
    ...(room.feature.jobs ?? []),
    ...(alerts.jobs ?? []),
  ]);
  runner.onRun = (job, outcome) => void (outcome === "failed" && failures.push(job));
});
afterAll(async () => {
  await Promise.all([pd.close(), og.close(), grafana.close()]);
  await base.close();
});
beforeEach(async () => {
  failures = [];
  catalog = await sampleCatalog();
  catalog.providers.pagers = [pd.instance, og.instance, grafana.instance];
  catalog.hookSources.push(
    ...(["pagerduty", "opsgenie", "oncall"] as const).map((kind) => ({
      name: kind,
      kind,
      team: "storefront",
    })),
    { name: "other-pd", kind: "pagerduty", team: "storefront" },
  );
  for (const team of catalog.teams) if (team.name === "storefront") team.pagers = ["pagerduty", "opsgenie"];
  for (const there of [pd, og, grafana]) there.calls.splice(0);
});
afterEach(() => {
  for (const there of [pd, og, grafana]) there.answerAll(undefined);
  expect(failures).toEqual([]);
});

const lena: Actor = { team: "T0LOCAL", person: "U0LEAD", door: "slack" };
let sequence = 0;
const open = async (over: Partial<PageRequest> = {}): Promise<string> => {
  sequence += 1;
  const dedupKey = `T-${sequence}`;
  await base.database.tx((tx) =>
    room.api.page(tx, {
      team: "storefront",
      service: "shop",
      headline:
        "PAGE shop: checkout errors 9 %, burn 90x. Suspect 1: shop v42, 02:58, by ci. Ack / Roll back",
      dedupKey,
      subject: dedupKey,
      verbs: [],
      actor: systemActor,
      ...over,
    }),
  );
  return dedupKey;
};
const pageOf = (dedupKey: string) =>
  tables<PagingTables>(base.db)
    .selectFrom("pages")
    .selectAll()
    .where("dedup_key", "=", dedupKey)
    .executeTakeFirstOrThrow();
const keyOf = async (dedupKey: string) => keyOfPage((await pageOf(dedupKey)).id);
const acknowledge = (dedupKey: string, actor = lena) =>
  base.database.tx((tx) => room.api.acknowledge(tx, dedupKey, actor));
const resolve = (dedupKey: string) => base.database.tx((tx) => room.api.resolve(tx, dedupKey, systemActor));
const rows = async (dedupKey: string) =>
  (await outsidesOf(base.db, (await pageOf(dedupKey)).id)).map(({ pager, wanted, sent }) => [
    pager,
    wanted,
    sent,
  ]);
const audited = async (subject: string) =>
  (
    await base.db.selectFrom("audit").select("action").where("subject", "=", subject).orderBy("seq").execute()
  ).map(({ action }) => action);
const card = async (dedupKey: string): Promise<string> => {
  const { id } = await pageOf(dedupKey);
  const row = await base.db
    .selectFrom("messages")
    .select("wanted")
    .where("key", "=", `page:${id}`)
    .executeTakeFirstOrThrow();
  return JSON.stringify((row.wanted as Wanted).blocks).replaceAll("\u2060", "");
};
/** Runs what is due of telling and hearing, as workers would; two at once for each ring, as a doorbell may. */
const work = async (): Promise<void> => {
  for (let round = 0; round < 50; round += 1) {
    const due = await base.db
      .selectFrom("rings")
      .select("id")
      .where("due_at", "<=", base.clock.now())
      .where("job", "in", ["paging.tell", "paging.hear", "paging.reconcile", "alerts.drain"])
      .execute();
    if (due.length === 0) return;
    await Promise.all(due.flatMap(({ id }) => [runner.run(id), runner.run(id)]));
  }
  throw new Error("there is always something due");
};
const post = async (source: string, body: object): Promise<void> => {
  const hook = alerts.hooks?.find((one) => one.source === source);
  const answer = await hook?.handle({
    source,
    team: "storefront",
    tokenId: null,
    headers: {},
    body: Buffer.from(JSON.stringify(body)),
    receivedAt: base.clock.now(),
  });
  expect(answer?.status).toBe(200);
  await work();
};
interface Incident {
  id?: string;
  incident_key?: string;
  title?: string;
}
/** As PagerDuty's webhooks of version 3 tell what somebody did to an incident. */
const postPagerDuty = (
  what: "triggered" | "acknowledged" | "resolved",
  incident: Incident,
  by: { summary: string; type: string },
  source = "pagerduty",
) =>
  post(source, {
    event: {
      id: randomUUID(),
      event_type: `incident.${what}`,
      resource_type: "incident",
      occurred_at: base.clock.now().toISOString(),
      agent: { id: "P1", ...by },
      data: { id: "PANOTHER", type: "incident", status: what, ...incident },
    },
  });
const user = (summary: string) => ({ summary, type: "user_reference" });
/** As Opsgenie's outgoing webhook does. */
const postOpsgenie = (action: "Acknowledge" | "Close", alias: string, username: string) =>
  post("opsgenie", { action, alert: { alias, alertId: "og-1", message: "PAGE shop", username } });
const actions = (there: PagerStandIn) =>
  there.calls
    .filter(({ method }) => method === "POST")
    .map(({ path, body }) => {
      const { event_action: action, state } = body as { event_action?: string; state?: string };
      return action ?? state ?? path.replace(/^\/v2\/alerts(\/[^/]+\/)?/, "").split("?")[0];
    });

it("tells every provider of the team at once, with the whole line in 80 characters", async () => {
  const page = await open();
  await work();
  const key = await keyOf(page);
  for (const there of [pd, og]) {
    expect(there.rings(key)).toBe(1);
    expect(there.pageOf(key)?.summary).toBe(
      "PAGE shop: checkout errors 9 %, burn 90x. Suspect 1: shop v42, 02:58, by ci",
    );
  }
  expect(await card(page)).toMatch(/Opsgenie was told at <!date.*PagerDuty was told at <!date/);
  expect(grafana.calls).toEqual([]);
  expect(await rows(page)).toEqual([
    ["opsgenie", "triggered", "triggered"],
    ["pagerduty", "triggered", "triggered"],
  ]);
  expect((await audited(page)).sort()).toEqual(["page.sent", "page.told", "page.told"]);
});

it("tells a service's own providers instead of its team's", async () => {
  for (const service of catalog.services) if (service.name === "shop") service.pagers = ["oncall"];
  const page = await open();
  await work();
  expect(grafana.rings(await keyOf(page))).toBe(1);
  expect(await rows(page)).toEqual([["oncall", "triggered", "triggered"]]);
});

it("sends an acknowledgement and the end to each that was told, once", async () => {
  const page = await open();
  await work();
  await acknowledge(page);
  await acknowledge(page);
  await work();
  await resolve(page);
  await work();
  expect(actions(pd)).toEqual(["trigger", "acknowledge", "resolve"]);
  expect(actions(og)).toEqual(["", "acknowledge", "close"]);
  expect(og.calls.find(({ path }) => path.includes("acknowledge"))?.body).toMatchObject({
    user: "Lena Lind",
  });
  base.clock.advance(3_600_000);
  await work();
  expect(actions(pd)).toHaveLength(3);
});

it("tells nobody of a page that was over before it could be told", async () => {
  const page = await open();
  await acknowledge(page);
  await work();
  expect(actions(pd)).toEqual([]);
  expect(await rows(page)).toEqual([
    ["opsgenie", "acknowledged", "acknowledged"],
    ["pagerduty", "acknowledged", "acknowledged"],
  ]);
});

describe("what people do at a provider", () => {
  it("acknowledges here and at the others, by name, and is not sent back", async () => {
    const page = await open();
    await work();
    const key = await keyOf(page);
    pd.act(key, "acknowledged", "Jane Doe");
    await postPagerDuty("acknowledged", { incident_key: key }, user("Jane Doe"));
    expect(await room.api.standing(base.db, page)).toMatchObject({
      state: "acknowledged",
      acknowledgedBy: "Jane Doe (PagerDuty)",
    });
    expect(await card(page)).toContain("Acknowledged by Jane Doe (PagerDuty)");
    expect(actions(pd)).toEqual(["trigger"]);
    expect(actions(og)).toEqual(["", "acknowledge"]);
    await resolve(page);
    await work();
    expect(actions(pd)).toEqual(["trigger", "resolve"]);
    expect(await audited(page)).not.toContain("Jane Doe");
  });

  it("is done by the person with that address, if the catalog knows one", async () => {
    const page = await open();
    await work();
    await postOpsgenie("Acknowledge", await keyOf(page), "Olive@example.com");
    expect(await room.api.standing(base.db, page)).toMatchObject({ acknowledgedBy: "U0ONCALL" });
  });

  it.each(["oncall", "pages"] as const)(
    "is heard by a source of kind %s as it is by the others",
    async (kind) => {
      const instance = {
        ...grafana.instance,
        ...(kind === "pages" ? { kind: "webhook" } : {}),
      } as PagerInstance;
      catalog.providers.pagers = [{ ...grafana.instance, hookSource: "back" }];
      catalog.hookSources.push(...["back", "another"].map((name) => ({ name, kind, team: "storefront" })));
      for (const team of catalog.teams) if (team.name === "storefront") team.pagers = [instance.name];
      const page = await open();
      await work();
      // One stand-in takes the page for both kinds; what comes back is in the form of each.
      catalog.providers.pagers = [{ ...instance, hookSource: "back" }];
      const key = await keyOf(page);
      const body = (what: "acknowledged" | "resolved") =>
        kind === "pages"
          ? { type: `page.${what}`, data: { key, by: "olive@example.com" } }
          : {
              event: { type: what === "acknowledged" ? "acknowledge" : "resolve" },
              user: { username: "olive", email: "olive@example.com" },
              alert_group: { id: "IAG1", state: what, title: "PAGE shop" },
              alert_payload: { alert_uid: key, title: "PAGE shop" },
            };
      await post("another", body("acknowledged"));
      expect((await room.api.standing(base.db, page))?.state).toBe("open");
      await post("back", body("acknowledged"));
      expect(await room.api.standing(base.db, page)).toMatchObject({
        state: "acknowledged",
        acknowledgedBy: "U0ONCALL",
      });
      await post("back", body("resolved"));
      expect((await room.api.standing(base.db, page))?.state).toBe("resolved");
      expect(actions(grafana)).toEqual(["alerting"]);
    },
  );

  it("is heard from Grafana OnCall, which forwards our key", async () => {
    for (const service of catalog.services) if (service.name === "shop") service.pagers = ["oncall"];
    const page = await open();
    await work();
    await post("oncall", {
      event: { type: "acknowledge", time: base.clock.now().toISOString() },
      user: { id: "U1", username: "dev", email: "dev@example.com" },
      alert_group: { id: "I68T24C13IFW1", state: "acknowledged" },
      alert_payload: { alert_uid: await keyOf(page), state: "alerting" },
    });
    expect(await room.api.standing(base.db, page)).toMatchObject({ acknowledgedBy: "U0DEV" });
    expect(actions(grafana)).toEqual(["alerting"]);
  });

  it("ends the page when a person resolves it, and not when the provider does by itself", async () => {
    const [byPerson, byItself] = [await open(), await open()];
    await work();
    await postOpsgenie("Close", await keyOf(byItself), "System");
    await postPagerDuty(
      "resolved",
      { incident_key: await keyOf(byItself) },
      { summary: "shop", type: "service_reference" },
    );
    expect((await room.api.standing(base.db, byItself))?.state).toBe("open");
    expect((await audited(byItself)).filter((action) => action === "page.ended-outside")).toHaveLength(2);
    await postOpsgenie("Close", await keyOf(byPerson), "Kim");
    expect((await room.api.standing(base.db, byPerson))?.state).toBe("resolved");
    expect(await rows(byPerson)).toEqual([
      ["opsgenie", "resolved", "resolved"],
      ["pagerduty", "resolved", "resolved"],
    ]);
    expect(actions(og)).not.toContain("close");
  });

  it("moves nothing when it comes by a source that speaks for another provider, or names no page of ours", async () => {
    const page = await open();
    await work();
    const key = await keyOf(page);
    await postPagerDuty("acknowledged", { incident_key: key }, user("Mallory"), "other-pd");
    await postPagerDuty("acknowledged", { incident_key: "quarterdeck:not-an-id" }, user("Mallory"));
    await postPagerDuty("acknowledged", { id: "PGR0VU2" }, user("Mallory"));
    expect((await room.api.standing(base.db, page))?.state).toBe("open");
  });

  it("is found by asking when no webhook says it, and by the provider's own id from then on", async () => {
    const page = await open();
    await work();
    base.clock.advance(5_000);
    await work();
    const key = await keyOf(page);
    const own = pd.pageOf(key)?.id ?? "";
    pd.act(key, "acknowledged", "Jane Doe");
    base.clock.advance(30_000);
    await work();
    expect(await room.api.standing(base.db, page)).toMatchObject({ acknowledgedBy: "Jane Doe (PagerDuty)" });
    await postPagerDuty("resolved", { id: own }, user("Jane Doe"));
    expect((await room.api.standing(base.db, page))?.state).toBe("resolved");
    expect(actions(pd)).toEqual(["trigger"]);
  });
});

describe("an incident of ours that comes back without our key", () => {
  const integration = { summary: "Quarterdeck", type: "inbound_integration_reference" };
  const alertsKept = async (title: string) =>
    (
      await sql<{
        n: string;
      }>`select count(*) as n from alerts where labels->>'alertname' = ${title}`.execute(base.db)
    ).rows[0]?.n;

  it("is known by the line it was told: no alert, and what people do to it is done here", async () => {
    catalog.providers.pagers = [{ ...pd.instance, apiTokenEnv: undefined } as typeof pd.instance];
    const headline = "PAGE shop: only this once";
    const page = await open({ headline });
    await work();
    await postPagerDuty("triggered", { id: "PCAMEBACK", title: headline }, integration);
    expect(await alertsKept(headline)).toBe("0");
    await postPagerDuty("acknowledged", { id: "PCAMEBACK", title: headline }, user("Jane Doe"));
    expect(await room.api.standing(base.db, page)).toMatchObject({
      acknowledgedBy: "Jane Doe (PagerDuty)",
    });
  });

  it("is found though the news of it comes first", async () => {
    catalog.providers.pagers = [{ ...pd.instance, apiTokenEnv: undefined } as typeof pd.instance];
    const headline = "PAGE shop: news first";
    const page = await open({ headline });
    await work();
    await postPagerDuty("acknowledged", { id: "PEARLY", title: headline }, user("Jane Doe"));
    expect((await room.api.standing(base.db, page))?.state).toBe("open");
    await postPagerDuty("triggered", { id: "PEARLY", title: headline }, integration);
    base.clock.advance(10_000);
    await work();
    expect((await room.api.standing(base.db, page))?.state).toBe("acknowledged");
  });

  it("by another source, or with other words, is an alert like any other", async () => {
    await open({ headline: "PAGE shop: mine" });
    await work();
    await postPagerDuty("triggered", { id: "PX1", title: "PAGE shop: mine" }, integration, "other-pd");
    await postPagerDuty("triggered", { id: "PX2", title: "PAGE shop: theirs" }, integration);
    expect(await alertsKept("PAGE shop: mine")).toBe("1");
    expect(await alertsKept("PAGE shop: theirs")).toBe("1");
  });
});

it("sends nothing back to the provider whose alerts caused the page", async () => {
  const page = await open({ from: ["alertmanager", "pagerduty"] });
  await work();
  await acknowledge(page);
  await work();
  expect(await rows(page)).toEqual([["opsgenie", "acknowledged", "acknowledged"]]);
  expect(pd.calls).toEqual([]);
});

describe("a provider that is away", () => {
  it("is tried again with backoff while the other ways go on, and the card says since when", async () => {
    pd.answerAll(429);
    const page = await open();
    await work();
    expect(og.rings(await keyOf(page))).toBe(1);
    expect(await card(page)).toMatch(
      /\*PagerDuty not reached since <!date.*pagerduty answered 429\. It is tried again/,
    );
    for (let fives = 0; fives < 12; fives += 1) {
      base.clock.advance(300_000);
      await work();
    }
    const [row] = (await outsidesOf(base.db, (await pageOf(page)).id)).filter(({ sent }) => sent === null);
    expect(row?.attempts).toBeGreaterThanOrEqual(12);
    expect(row?.attempts).toBeLessThan(30);
    pd.answerAll(undefined);
    base.clock.advance(60_000);
    await work();
    expect(pd.rings(await keyOf(page))).toBe(1);
    expect(await card(page)).not.toContain("not reached");
    expect((await audited(page)).filter((action) => action.startsWith("page.un"))).toEqual(["page.untold"]);
  });

  it("is told the end of what it may have taken, though its answer never came", async () => {
    pd.answerNext(0);
    const page = await open();
    await work();
    expect(await card(page)).toMatch(/PagerDuty not reached .*did not answer within 200 ms/);
    await resolve(page);
    await work();
    expect(actions(pd)).toEqual(["resolve"]);
    expect(await rows(page)).toContainEqual(["pagerduty", "resolved", "resolved"]);
  });

  it("that took a page and does not know it a minute later is told again", async () => {
    const page = await open();
    await work();
    const key = await keyOf(page);
    og.forget(key);
    base.clock.advance(5_000);
    await work();
    expect(og.rings(key)).toBe(0);
    for (let n = 0; n < 12; n += 1) {
      base.clock.advance(5_000);
      await work();
    }
    expect(og.rings(key)).toBe(1);
    expect(await audited(page)).toContain("page.lost-outside");
  });

  it("without its secret is said so, naming the variable in the log, until it is set", async () => {
    catalog.providers.pagers = [{ ...og.instance, keyEnv: "NOT_SET" } as typeof og.instance, pd.instance];
    const page = await open();
    await work();
    expect(await card(page)).toContain("Opsgenie not reached since");
    expect(await card(page)).toContain("The secret of opsgenie is not set");
    catalog.providers.pagers = [og.instance, pd.instance];
    base.clock.advance(30_000);
    await work();
    expect(og.rings(await keyOf(page))).toBe(1);
  });
});

it("climbs the team's own steps: the next one, the leads, another provider, each once, until somebody has it", async () => {
  catalog.people.push({ id: "kim", name: "Kim Kato", slack: { T0LOCAL: "U0KIM" } });
  for (const team of catalog.teams)
    if (team.name === "storefront") {
      team.leads = ["lena", "kim"];
      team.onCall = { rotation: ["olive", "dev"], start: "2026-03-02T09:00", zone: "UTC" };
      team.escalation = [
        { after: 300_000, wake: "next" },
        { after: 600_000, wake: "leads" },
        { after: 60_000, pager: "oncall" },
      ];
    }
  const page = await open();
  const { id } = await pageOf(page);
  const step = room.feature.jobs?.find(({ name }) => name === "paging.step");
  const wokenAfter = async (seconds: number) => {
    base.clock.advance(seconds * 1_000);
    await base.db
      .updateTable("messages")
      .set({ ts: "1.1", posted_channel: "C" })
      .where("ts", "is", null)
      .execute();
    await step?.run(id, { attempt: 1 });
    await work();
    const rows = await tables<PagingTables>(base.db)
      .selectFrom("page_wakes")
      .select("person")
      .where("page_id", "=", id)
      .orderBy("at")
      .orderBy("person")
      .execute();
    return rows.map(({ person }) => person);
  };
  expect(await wokenAfter(299)).toEqual(["olive"]);
  expect(await wokenAfter(1)).toEqual(["olive", "dev"]);
  expect(await wokenAfter(599)).toEqual(["olive", "dev"]);
  expect(await wokenAfter(1)).toEqual(["olive", "dev", "kim", "lena"]);
  expect(grafana.calls).toEqual([]);
  await wokenAfter(60);
  expect(grafana.rings(await keyOf(page))).toBe(1);
  await acknowledge(page);
  await work();
  expect(actions(grafana)).toEqual(["alerting", "acknowledged"]);
  expect(await wokenAfter(3_600)).toHaveLength(4);
  expect((await audited(page)).filter((action) => action === "page.escalated")).toHaveLength(3);
});

it("takes up after a restart what nobody rings for any more", async () => {
  const page = await open();
  await base.db.deleteFrom("rings").where("job", "=", "paging.tell").execute();
  await base.database.tx(async (tx) => tx.ring({ job: "paging.reconcile", ref: "schedule", lane: "urgent" }));
  await work();
  expect(pd.rings(await keyOf(page))).toBe(1);
});
