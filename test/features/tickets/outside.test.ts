import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createEmulator, type Emulator } from "emulate";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reconcileJob } from "../../../src/features/tickets/listen.ts";
import { adoptionOf, instancesOf, keyText } from "../../../src/features/tickets/outside.ts";
import { backoffMs } from "../../../src/features/tickets/publish.ts";
import { type StandIn, startStandIn } from "../../support/stand-in.ts";
import { alert, hurting, lena, olive, type Rooms, separate, startRooms, well } from "./rooms.ts";

it.each([
  [0, 0, 1_750],
  [0, 1, 2_250],
  [10_000, 0.5, 10_000],
  [3_600_000, 0.5, 60_000],
])("having failed for %i ms, waits about as long again, a minute at most", (failedMs, random, waitMs) => {
  const since = new Date("2026-03-02T10:00:00Z");
  expect(backoffMs(since, new Date(since.getTime() + failedMs), random)).toBe(waitMs);
});

describe("what a state at the provider means here", () => {
  it.each([
    // ours, agreed, shown
    ["open", "open", "open", "nothing"],
    ["open", "open", "closed", "close"],
    ["closed", "closed", "open", "reopen"],
    // Our own change, seen before it is recorded, or coming back late.
    ["closed", "open", "closed", "agree"],
    ["open", "closed", "open", "agree"],
    // Our own change, not there yet.
    ["closed", "open", "open", "nothing"],
    ["open", "closed", "closed", "nothing"],
    ["closed", null, "open", "nothing"],
  ] as const)("ours %s, agreed %s, shown %s: %s", (state, agreed, shown, adoption) => {
    expect(adoptionOf({ state }, agreed, shown)).toBe(adoption);
  });
});

const token = "ghp_tests";
const issues = "/repos/quarterdeck-bot/ops/issues";
let emulator: Emulator;
let github: StandIn;
let rooms: Rooms;
let isAway = false;
/** Where GitHub's webhooks go. */
const receiver = createServer();
beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  emulator = await createEmulator({
    service: "github",
    port: 0,
    seed: {
      tokens: { [token]: { login: "quarterdeck-bot", scopes: ["repo"] } },
      github: {
        users: [{ login: "quarterdeck-bot" }, { login: "dana" }, { login: "olive-gh" }],
        repos: [{ owner: "quarterdeck-bot", name: "ops", private: true }],
      },
    },
  });
  const inner = emulator.url.replace("localhost", "127.0.0.1");
  github = await startStandIn(async ({ method, path, body }) => {
    if (isAway) return { status: 503, body: { message: "We are having problems" } };
    const reply = await fetch(`${inner}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: reply.status, body: await reply.json() };
  });
  rooms = await startRooms({
    env: { GITHUB_TOKEN: token, GITHUB_WEBHOOK_SECRET: "hook-secret" },
    change: (catalog) => {
      catalog.hookSources.push({
        name: "github",
        kind: "github",
        team: "storefront",
        secretEnv: "GITHUB_WEBHOOK_SECRET",
      });
      separate(catalog);
      catalog.providers.ticketing = [
        {
          name: "ops-github",
          kind: "github",
          repo: "quarterdeck-bot/ops",
          tokenEnv: "GITHUB_TOKEN",
          apiUrl: github.url,
          deadline: 5_000,
        },
      ];
      for (const person of catalog.people)
        if (person.id === "olive") person.accounts = { github: "olive-gh" };
    },
  });
});
afterAll(async () => {
  await rooms.close();
  await new Promise((resolve) => receiver.close(resolve));
  await github.close();
  await emulator.close();
});

/** As somebody with a browser would, without Quarterdeck. */
const atGithub = async (method: string, path: string, body?: object): Promise<unknown> => {
  const reply = await fetch(`${emulator.url.replace("localhost", "127.0.0.1")}${issues}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return reply.status === 204 ? undefined : reply.json();
};
const issueOf = async (key: string | null | undefined) =>
  (await atGithub("GET", `/${key}`)) as { state: string; title: string; assignees: { login: string }[] };
const all = async () =>
  (await atGithub("GET", "?state=all&sort=created&direction=asc")) as { title: string }[];

const groupOf = async (name: string): Promise<string> =>
  (await sql<{ id: string }>`select id from alert_groups where name = ${name}`.execute(rooms.db)).rows[0]
    ?.id ?? "";
const newest = async () =>
  (await sql<{ id: string }>`select id from tickets order by opened_at desc limit 1`.execute(rooms.db))
    .rows[0];
const ticketOf = (id: string) => rooms.tickets.api.ticketOf(id);
const cardOf = async (id: string) => (await rooms.messages()).find(({ key }) => key === `ticket:${id}`);
/** Lets the backoff pass as long as something waits for it. */
const later = async (ms = 61_000): Promise<void> => {
  rooms.clock.advance(ms);
  await rooms.work();
};
/** A hook of the provider, as the drain keeps and announces it. */
const told = async (key: string | null | undefined, over: object): Promise<void> => {
  const event = {
    kind: "ticket",
    system: "github",
    project: "quarterdeck-bot/ops",
    key,
    by: "dana",
    assignee: null,
    at: null,
    ...over,
  };
  const { rows } = await sql<{ id: string }>`
    insert into hook_events (source, event, received_at) values ('github', ${JSON.stringify(event)}, ${rooms.clock.now()})
    returning id`.execute(rooms.db);
  const job = rooms.tickets.jobs?.find(({ name }) => name === "tickets.outside");
  await job?.run(rows[0]?.id ?? "", { attempt: 1 });
  await rooms.work();
};
const named = (alertname: string, over: object = {}) =>
  alert({ labels: { alertname }, startsAt: rooms.clock.now(), ...over });
const resolved = (alertname: string) =>
  alert({ labels: { alertname }, status: "resolved", endsAt: rooms.clock.now() });

describe("tickets at GitHub, emulated", () => {
  it("links the card to the issue, says who took it and assigns it, and closes it with the alert", async () => {
    await rooms.send([named("First")]);
    const ticket = await ticketOf("T-1");
    expect(ticket).toMatchObject({ provider: "ops-github", externalKey: "1" });
    expect((await cardOf("T-1"))?.all).toContain(`${ticket?.externalUrl}|GitHub #1`);
    await rooms.ask(olive, "ack T-1");
    const comments = (await atGithub("GET", "/1/comments")) as { body: string }[];
    expect(comments.map(({ body }) => body)).toEqual([expect.stringMatching(/^Olive Okafor is on it\./)]);
    expect((await issueOf("1")).assignees.map(({ login }) => login)).toEqual(["olive-gh"]);
    rooms.clock.advance(60_000);
    await rooms.send([resolved("First")]);
    expect((await issueOf("1")).state).toBe("closed");
    expect(await atGithub("GET", "/1/comments")).toHaveLength(2);
  });

  it("says that the ticket is pending while GitHub is away, and opens all in their order, once, when it is back", async () => {
    isAway = true;
    await rooms.post([named("Second")]);
    await rooms.work();
    await rooms.post([named("Third")]);
    await rooms.work();
    expect((await cardOf("T-2"))?.all).toContain("ticket pending at GitHub");
    expect((await cardOf("T-2"))?.all).toContain("GitHub is behind since");
    expect((await cardOf("T-3"))?.all).toContain("ticket pending at GitHub");
    for (let minute = 0; minute < 60; minute += 20) {
      rooms.clock.advance(20 * 60_000);
      await rooms.work();
    }
    await rooms.post([resolved("Third")]);
    await rooms.work();
    isAway = false;
    // The answer to the first is lost besides.
    github.loseNext("POST");
    await later();
    await later();
    await later();
    expect((await all()).map(({ title }) => title)).toEqual(["shop: First", "shop: Second", "shop: Third"]);
    expect((await issueOf((await ticketOf("T-2"))?.externalKey)).state).toBe("open");
    expect((await issueOf((await ticketOf("T-3"))?.externalKey)).state).toBe("closed");
    expect((await cardOf("T-2"))?.all).not.toContain("behind");
    expect((await cardOf("T-2"))?.all).toContain("GitHub #2");
  });

  it("leaves GitHub alone for as long as it asks, whatever is rung meanwhile", async () => {
    github.refuseNext({
      status: 403,
      headers: { "retry-after": "90" },
      body: { message: "secondary rate limit" },
    });
    github.requests.splice(0);
    await rooms.send([named("Limited")]);
    await rooms.send([named("AlsoLimited")]);
    await later(60_000);
    expect(github.requests).toHaveLength(1);
    await later(31_000);
    expect(await ticketOf("T-5")).toMatchObject({ externalKey: "5", publishedVersion: 1 });
  });

  it("closes ours when it is closed there, with who did it and the page's end, and no echo", async () => {
    rooms.budget.now = hurting;
    await rooms.send([named("Outside")]);
    rooms.budget.now = well;
    const key = (await ticketOf("T-6"))?.externalKey;
    expect(rooms.paging.open.has("T-6")).toBe(true);
    await atGithub("PATCH", `/${key}`, { state: "closed" });
    await told(key, { what: "closed" });
    await told(key, { what: "closed" });
    expect(await ticketOf("T-6")).toMatchObject({ state: "closed", closedBecause: "person", closedBy: null });
    expect(rooms.paging.open.has("T-6")).toBe(false);
    expect((await cardOf("T-6"))?.all).toContain("Closed at GitHub by dana after");
    // Still firing as before is no news; nor does our side say anything there.
    await rooms.send([named("Outside", { startsAt: new Date("2026-03-02T09:58:00Z") })]);
    await later();
    expect((await ticketOf("T-6"))?.state).toBe("closed");
    expect(await atGithub("GET", `/${key}/comments`)).toEqual([]);
    expect(await rooms.audit("T-6")).toEqual(["ticket.opened", "ticket.closed"]);
  });

  it("opens ours again when it is opened again there, and keeps it open until a person closes it", async () => {
    const key = (await ticketOf("T-6"))?.externalKey;
    await rooms.send([resolved("Outside")]);
    await atGithub("PATCH", `/${key}`, { state: "open" });
    await told(key, { what: "reopened" });
    expect((await ticketOf("T-6"))?.state).toBe("open");
    await rooms.tickets.jobs
      ?.find(({ name }) => name === "tickets.redecide")
      ?.run("schedule", { attempt: 1 });
    await rooms.tickets.jobs
      ?.find(({ name }) => name === "tickets.follow")
      ?.run((await ticketOf("T-6"))?.groupId ?? "", { attempt: 1 });
    await later();
    expect((await ticketOf("T-6"))?.state).toBe("open");
    expect((await rooms.ask(lena, "resolve T-6 asked the vendor")).ok).toBe(true);
    expect((await issueOf(key)).state).toBe("closed");
    // The hook of our own closing comes late.
    await told(key, { what: "closed", by: "quarterdeck-bot" });
    expect((await cardOf("T-6"))?.all).toContain("Resolved by Lena Lind");
  });

  it("shows who it is assigned to there, and does not reopen what was closed there while ours waited to go out", async () => {
    await rooms.send([named("Assigned")]);
    const key = (await ticketOf("T-7"))?.externalKey;
    await atGithub("POST", `/${key}/assignees`, { assignees: ["dana"] });
    await told(key, { what: "assigned", assignee: "dana" });
    expect((await cardOf("T-7"))?.all).toContain("dana at GitHub");
    await atGithub("PATCH", `/${key}`, { state: "closed" });
    await rooms.send([named("Assigned", { annotations: { summary: "changed words" } })]);
    expect((await ticketOf("T-7"))?.state).toBe("closed");
    expect((await issueOf(key)).state).toBe("closed");
    await told(key, { what: "closed", by: "Olive-GH" });
    // The catalog knows whose account that is.
    expect((await cardOf("T-7"))?.all).toContain("Closed at GitHub by Olive Okafor after");
  });

  it("follows GitHub's own webhook, signed, from the post to the card", async () => {
    await rooms.send([named("ByHook")]);
    const key = (await ticketOf("T-8"))?.externalKey;
    const hook = rooms.alerts.hooks?.find(({ source }) => source === "github");
    const came = new Promise<object>((resolve) => {
      receiver.on("request", (req, res) => {
        const chunks: Buffer[] = [];
        req.on("data", (chunk: Buffer) => chunks.push(chunk));
        req.on("end", async () => {
          const post = { headers: req.headers, body: Buffer.concat(chunks), receivedAt: rooms.clock.now() };
          const proof = await hook?.authenticate?.(post);
          const answer = await hook?.handle({ ...post, source: "github", team: "storefront", tokenId: null });
          res.writeHead(answer?.status ?? 500).end();
          resolve({ proof: proof?.state, answer });
        });
      });
    });
    const { port } = receiver.address() as AddressInfo;
    const { id } = (await atGithub("POST", "/../hooks", {
      config: { url: `http://127.0.0.1:${port}/hooks/github`, content_type: "json", secret: "hook-secret" },
      events: ["issues"],
    })) as { id: number };
    await atGithub("PATCH", `/${key}`, { state: "closed" });
    const delivered = await came;
    await atGithub("DELETE", `/../hooks/${id}`);
    expect(delivered).toMatchObject({ proof: "proven", answer: { status: 200, body: { events: 1 } } });
    await rooms.work();
    expect((await cardOf("T-8"))?.all).toContain("Closed at GitHub by quarterdeck-bot after");
  });

  it("notices without a hook what happened there", async () => {
    await rooms.send([named("Unheard")]);
    const key = (await ticketOf("T-9"))?.externalKey;
    await atGithub("PATCH", `/${key}`, { state: "closed" });
    await rooms.tickets.jobs?.find(({ name }) => name === reconcileJob)?.run("schedule", { attempt: 1 });
    expect((await ticketOf("T-9"))?.state).toBe("closed");
    expect((await cardOf("T-9"))?.all).toContain("Closed at GitHub after");
  });

  it("goes on with the others when one ticket is refused, and tries that one again", async () => {
    github.refuseNext({ status: 422, body: { message: "Validation Failed" } });
    await rooms.send([named("Refused"), named("Taken")]);
    expect((await ticketOf("T-10"))?.externalKey).toBeNull();
    expect((await cardOf("T-10"))?.all).toContain("Validation Failed");
    expect((await ticketOf("T-11"))?.externalKey).not.toBeNull();
    await later(10 * 60_000);
    expect((await ticketOf("T-10"))?.externalKey).not.toBeNull();
    expect((await cardOf("T-10"))?.all).not.toContain("Validation Failed");
  });

  it("brings out what lost its ring", async () => {
    await rooms.post([named("Lost")]);
    await rooms.alerts.drainOnce();
    await rooms.tickets.jobs
      ?.find(({ name }) => name === "tickets.follow")
      ?.run(await groupOf("Lost"), { attempt: 1 });
    await sql`delete from rings where job = 'tickets.publish'`.execute(rooms.db);
    rooms.clock.advance(121_000);
    await rooms.work();
    const { id } = (await newest()) ?? { id: "" };
    expect((await ticketOf(id))?.externalKey).toBeNull();
    await rooms.tickets.jobs?.find(({ name }) => name === reconcileJob)?.run("schedule", { attempt: 1 });
    await rooms.work();
    expect((await ticketOf(id))?.externalKey).not.toBeNull();
  });

  it("knows which instance an event is about", () => {
    expect(instancesOf(rooms.catalog, "github", "quarterdeck-bot/OPS")).toEqual(["ops-github"]);
    expect(instancesOf(rooms.catalog, "github", "acme/other")).toEqual([]);
    expect(instancesOf(rooms.catalog, "gitlab", null)).toEqual([]);
    expect([keyText("GitHub", "12"), keyText("Jira", "OPS-12")]).toEqual(["GitHub #12", "Jira OPS-12"]);
  });
});
