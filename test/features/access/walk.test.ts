import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Secret } from "../../../src/platform/secret.ts";
import type { Accessor } from "../../../src/providers/accessors/contract.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { labelsOf, type Person, type ShownMessage } from "../../support/person.ts";
import { until } from "../../support/until.ts";
import { Browser, csrfIn, loginIn, secretsIn } from "./browser.ts";
import { canSignIn, type Login, type Orders, signIn, startOrders } from "./orders.ts";

// Each step waits for what it needs; only a machine that stands still gets this far.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let orders: Orders;
let quarterdeck: TestApp;
let queue: { seen: string[]; stop(): void };
let lena: Person;
let dev: Person;
let olive: Person;

beforeAll(async () => {
  orders = await startOrders();
  quarterdeck = await startTestApp({
    env: { ORDERS_DB_URL: orders.url },
    change: (catalog) => {
      const readwrite = catalog.resources[0]?.roles.find(({ name }) => name === "readwrite");
      if (readwrite) readwrite.policy.stepUp = true;
    },
    overrides: { accessor: inManyParts },
  });
  queue = await listenToQueue(quarterdeck);
  [olive, lena, dev] = (await Promise.all(
    ["U0ONCALL", "U0LEAD", "U0DEV"].map((id) => quarterdeck.person(id)),
  )) as [Person, Person, Person];
});
afterAll(async () => {
  queue?.stop();
  await quarterdeck?.close();
  await orders?.stop();
});

/** As it is, with a file and lines for a shell handed out beside the login. */
const inManyParts = (accessor: Accessor): Accessor => ({
  ...accessor,
  grant: async (...input) => {
    const granted = await accessor.grant(...input);
    const key = randomBytes(24).toString("base64url");
    return {
      ...granted,
      credential: [
        ...granted.credential,
        {
          id: "file",
          label: "Client file",
          value: new Secret(`users:\n- user: {token: ${key}f}`),
          fileName: "client.yaml",
        },
        { id: "lines", label: "For the shell", value: new Secret(`export A_ID=1\nexport A_KEY=${key}e`) },
      ],
    };
  },
});

/** Everything that goes to a queue on Redis, as it goes; one on Postgres is among the tables. */
async function listenToQueue({ app }: TestApp): Promise<{ seen: string[]; stop(): void }> {
  const seen: string[] = [];
  const url = app.settings.REDIS_URL;
  if (url === undefined) return { seen, stop: () => undefined };
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("data", (chunk) => seen.push(chunk.toString()));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write("MONITOR\r\n");
  return { seen, stop: () => void socket.destroy() };
}

const browserOf = (person: Person) => new Browser(quarterdeck.base, person.cookie);

async function directMessages(person: Person): Promise<ShownMessage[]> {
  const { rooms } = await person.state<{ rooms: { id: string }[] }>("C0OPS");
  const direct = rooms.filter(({ id }) => id.startsWith("D"));
  return (await Promise.all(direct.map(({ id }) => person.see(id)))).flat();
}

/** Every row of every table, as text. */
async function dump(): Promise<string[]> {
  const client = new pg.Client({ connectionString: quarterdeck.fresh.adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'",
    );
    const names = rows.map(({ name }) => name);
    for (const name of [
      "audit_pending",
      "audit_chained",
      "messages",
      "rings",
      "inbox",
      "secrets",
      "access_grants",
    ])
      expect(names).toContain(`public.${name}`);
    const all: string[] = [];
    for (const name of names) {
      const { rows: found } = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      all.push(...found.map(({ row }) => row));
    }
    return all;
  } finally {
    await client.end();
  }
}

/** Asks and approves, as people do. */
async function approved(time: string): Promise<{ id: string; card: ShownMessage }> {
  await dev.send("C0OPS", `/ops access request orders-db readonly ${time} INC-43 look again`);
  const answer = await dev.sees("C0OPS", new RegExp(`G-\\d+: asked for orders-db readonly for ${time}`));
  const id = /G-\d+/.exec(answer.text)?.[0] ?? "";
  const card = await lena.sees("C0LEADS", new RegExp(`${id} Dev Dara asks for`));
  await lena.press(card, "Approve");
  await until("the requester to be told", async () =>
    (await directMessages(dev)).some((message) => message.text.includes(id) && /approved/.test(message.text)),
  );
  return { id, card };
}

/** Asks, approves, claims and reads the secret, as people do. */
async function walk(
  time: string,
): Promise<{ id: string; login: Login; secrets: ReadonlyMap<string, string>; card: ShownMessage }> {
  const { id, card } = await approved(time);
  const browser = browserOf(dev);
  const page = await browser.get(`/access/${id}`);
  expect(page.html).toContain("Claim it");
  expect((await browser.post(`/access/${id}/claim`, { csrf: csrfIn(page.html) })).status).toBe(303);
  const ready = await until("the grant to be active", async () => {
    const shown = await browser.get(`/access/${id}`);
    return shown.html.includes("/reveal") && shown;
  });
  const shown = await browser.post(`/access/${id}/reveal`, { csrf: csrfIn(ready.html) });
  expect(shown.status).toBe(200);
  return { id, login: loginIn(shown.html), secrets: secretsIn(shown.html), card };
}

it("a request is approved by a lead only, claimed signed in, works, and is gone at its end with its session", async () => {
  await dev.send("C0OPS", "/ops access request orders-db readonly 6s INC-42 <!channel> stuck *orders*");
  const answer = await dev.sees("C0OPS", /G-1: asked for/);
  expect(answer.ephemeral).toBe(true);
  expect(answer.text).toContain("Lena Lind can approve. How long that takes: no history yet.");

  const card = await dev.sees("C0LEADS", /G-1 Dev Dara asks for readonly, 6s/);
  expect(labelsOf(card)).toEqual(["Approve", "Deny", "Offer something else"]);
  const words = JSON.stringify(card.blocks);
  expect(words).toContain("&lt;!channel&gt;");
  expect(words).toContain("read every table of orders");
  expect(words).toContain("no request for orders-db in 30 days");

  await dev.press(card, "Approve");
  expect((await dev.sees("C0LEADS", /your own request/)).ephemeral).toBe(true);
  await olive.press(card, "Approve");
  await olive.sees("C0LEADS", /Only leads of storefront decide/);

  const before = await browserOf(dev).get("/access/G-1");
  expect(before.html).toContain("waits for approval");
  expect(before.headers.get("refresh")).toBe("5");

  await lena.press(card, "Approve");
  const note = await until("the requester to be told", async () =>
    (await directMessages(dev)).find((message) => /G-1.*approved/.test(message.text)),
  );
  expect(labelsOf(note)).toEqual(["Claim it", "Not needed"]);
  expect(JSON.stringify(note.blocks)).toContain("/access/G-1");

  const browser = browserOf(dev);
  const page = await browser.get("/access/G-1");
  const csrf = csrfIn(page.html);
  // 28: a form of another page is refused.
  expect((await browser.post("/access/G-1/claim", { csrf: "guessed" })).status).toBe(403);
  expect((await browser.post("/access/G-1/claim", { csrf }, "http://evil.example")).status).toBe(403);
  expect(await orders.logins()).toEqual([]);
  const claims = await Promise.all([1, 2].map(() => browser.post("/access/G-1/claim", { csrf })));
  expect(claims.map(({ status }) => status)).toEqual([303, 303]);

  await until("the grant to be active", async () =>
    (await browser.get("/access/G-1")).html.includes("/reveal"),
  );
  const shown = await browser.post("/access/G-1/reveal", { csrf });
  const login = loginIn(shown.html);
  expect(login.login).toBe("qd_g1");
  expect(shown.html).toMatch(/psql -h 127\.0\.0\.1 -p \d+ -U qd_g1 -d orders/);
  expect(shown.html).toContain("chmod 600 client.yaml");
  expect((await browser.get("/access/G-1")).html).toContain("is kept nowhere");

  const session = await signIn(login);
  const { rows } = await session.query<{ count: string }>("select count(*) from orders");
  expect(Number(rows[0]?.count)).toBeGreaterThan(0);
  await expect(session.query("delete from orders")).rejects.toThrow(/permission denied/);

  const over = await until("the card to say it ended", async () =>
    (await lena.see("C0LEADS")).find((message) => message.ts === card.ts && /ended/.test(message.text)),
  );
  expect(JSON.stringify(over.blocks)).toMatch(/one open session ended/);
  expect(await canSignIn(login)).toBe(false);
  await expect(session.query("select 1")).rejects.toThrow();
  expect(await orders.logins()).toEqual([]);
  await session.end().catch(() => undefined);

  // One card and one note for life, and the whole story in the audit.
  expect((await lena.see("C0LEADS")).filter((message) => /orders-db · G-1/.test(message.text))).toHaveLength(
    1,
  );
  expect((await directMessages(dev)).filter((message) => /G-1/.test(message.text))).toHaveLength(1);
  const actions = await quarterdeck.app.database.db
    .selectFrom("audit")
    .select("action")
    .where("subject", "=", "G-1")
    .where("action", "!=", "access.refused")
    .orderBy("seq")
    .execute();
  expect(actions.map(({ action }) => action)).toEqual([
    "access.requested",
    "access.approved",
    "access.claimed",
    "access.active",
    "access.revealed",
    "access.ended",
  ]);
});

describe("a claim link", () => {
  let id: string;
  let csrf: string;
  beforeAll(async () => {
    ({ id } = await approved("4m"));
  });
  const claimable = async (): Promise<boolean> =>
    (await browserOf(dev).get(`/access/${id}`)).html.includes("Claim it");

  it("25: opened by another user is refused, and that they tried is on record", async () => {
    const stranger = await browserOf(olive).get(`/access/${id}`);
    expect(stranger.status).toBe(403);
    expect(stranger.html).not.toContain("INC-43");
    // Who decides sees what the leads' channel sees, and nothing to claim or to be shown.
    const approver = await browserOf(lena).get(`/access/${id}`);
    expect(approver.status).toBe(200);
    expect(approver.html).not.toMatch(/action="\/access|Claim it/);
    for (const person of [olive, lena]) {
      const theirs = csrfIn((await browserOf(person).get("/console")).html);
      for (const verb of ["claim", "reveal"])
        expect((await browserOf(person).post(`/access/${id}/${verb}`, { csrf: theirs })).status).toBe(403);
    }
    const refusals = await quarterdeck.app.database.db
      .selectFrom("audit")
      .select("person")
      .where("action", "=", "access.refused")
      .where("subject", "=", id)
      .execute();
    expect(refusals.length).toBeGreaterThanOrEqual(1);
    expect(new Set(refusals.map(({ person }) => person))).toEqual(new Set(["U0ONCALL", "U0LEAD"]));
    expect(await claimable()).toBe(true);
  });

  it("27: fetched by a preview takes nothing, however often: it claims and shows by POST alone, signed in", async () => {
    const preview = new Browser(quarterdeck.base, "");
    for (const path of ["", "/claim", "/reveal"])
      expect((await preview.get(`/access/${id}${path}`)).status).toBeGreaterThanOrEqual(401);
    for (let look = 0; look < 3; look += 1) expect(await claimable()).toBe(true);
    expect(await orders.logins()).toEqual([]);
    const browser = browserOf(dev);
    csrf = csrfIn((await browser.get(`/access/${id}`)).html);
    expect((await browser.post(`/access/${id}/claim`, { csrf })).status).toBe(303);
    await until("the grant to be active", async () =>
      (await browser.get(`/access/${id}`)).html.includes("/reveal"),
    );
    // A signed-in reader's own prefetch is a GET too.
    expect((await browser.get(`/access/${id}/reveal`)).status).toBeGreaterThanOrEqual(404);
    expect((await browser.get(`/access/${id}`)).html).toContain("Show what you need");
  });

  it("26: opened twice shows the credential once", async () => {
    const browser = browserOf(dev);
    const shown = await Promise.all([1, 2, 3].map(() => browser.post(`/access/${id}/reveal`, { csrf })));
    expect(shown.map(({ status }) => status).sort()).toEqual([200, 410, 410]);
    expect(secretsIn(shown.find(({ status }) => status === 200)?.html ?? "").size).toBe(5);
    expect(shown.find(({ status }) => status === 410)?.html).toContain("Return it and ask again");
    await dev.send("C0OPS", `/ops access return ${id}`);
    await lena.sees("C0LEADS", new RegExp(`${id} readonly for Dev Dara · ended`));
  });
});

it("no part of a credential is in a message, log line, audit body, ring, queue or any row", async () => {
  const { id, login, secrets } = await walk("5m");
  expect(login.password.length).toBeGreaterThanOrEqual(32);
  expect([...secrets.keys()]).toEqual(["login", "password", "address", "file", "lines"]);
  const keyIn = (part: string, pattern: RegExp) => pattern.exec(secrets.get(part) ?? "")?.[1] ?? "";
  const hidden = [login.password, keyIn("file", /token: ([\w-]+)\}/), keyIn("lines", /A_KEY=([\w-]+)/)];
  for (const key of hidden) expect(key.length).toBeGreaterThanOrEqual(32);
  await dev.send("C0OPS", `/ops access return ${id}`);
  await lena.sees("C0LEADS", new RegExp(`${id} readonly for Dev Dara · ended`));

  const places = {
    log: quarterdeck.log.lines.join("\n"),
    tables: (await dump()).join("\n"),
    queue: queue.seen.join(""),
    slack: JSON.stringify([
      ...(await lena.see("C0LEADS")),
      ...(await dev.see("C0OPS")),
      ...(await directMessages(dev)),
    ]),
  };
  expect(places.tables).toContain(id);
  expect(places.slack).toContain(id);
  if (quarterdeck.app.settings.REDIS_URL !== undefined) expect(places.queue).toContain("ids");
  for (const key of hidden)
    for (const form of [key, Buffer.from(key).toString("hex"), Buffer.from(key).toString("base64")])
      for (const [place, text] of Object.entries(places))
        expect(text.includes(form), `${place} holds a secret`).toBe(false);
});

it("17: a secret in the reason is refused before anything is kept, posted or logged", async () => {
  const secret = "xoxb-123456789-abcdefghij";
  await dev.send("C0OPS", `/ops access request orders-db readonly 5m INC-44 use ${secret}`);
  await dev.sees("C0OPS", /looks as if it held a secret/);
  const text = (await dump()).join("\n");
  expect(text).toContain("orders-db");
  expect(text).not.toContain("xoxb-123");
  expect(quarterdeck.log.lines.join("\n")).not.toContain(secret);
});

it("forms ask for access, and deny with a reason the requester reads", async () => {
  const deed = await dev.send("C0OPS", "/ops access request");
  expect(deed.ok).toBe(true);
  const state = await dev.state<{ modal: { view: { id: string } } | null }>("C0OPS");
  expect(JSON.stringify(state)).toContain("orders-db readonly");
  await dev.submit(state.modal?.view.id ?? "", {
    resource: { value: "orders-db readonly" },
    time: { value: "10m" },
    reason: { value: 'INC-45 "quoted" --for nobody' },
  });
  const card = await lena.sees("C0LEADS", /asks for readonly, 10m/);
  const id = /G-\d+/.exec(card.text)?.[0] ?? "";
  await lena.press(card, "Deny");
  const denying = await lena.state<{ modal: { view: { id: string } } | null }>("C0LEADS");
  await lena.submit(denying.modal?.view.id ?? "", {
    reason: { value: "use the replica" },
  });
  const note = await until("the requester to be told", async () =>
    (await directMessages(dev)).find((message) => message.text.includes(id)),
  );
  expect(JSON.stringify(note.blocks)).toContain("Denied by Lena Lind");
  expect(JSON.stringify(note.blocks)).toContain("use the replica");
});

it("a role with step-up is not approved in Slack, but at the console by who signed in just now", async () => {
  await dev.send("C0OPS", "/ops access request orders-db readwrite 5m INC-46 tidy up");
  const card = await lena.sees("C0LEADS", /asks for readwrite, 5m/);
  const id = /G-\d+/.exec(card.text)?.[0] ?? "";
  await lena.press(card, "Approve");
  const told = await lena.sees("C0LEADS", /approved by who has signed in at the console within 10m/);
  const next = /\/sign-in\?fresh=1&(?:amp;)?next=([^\s"|>]+)/.exec(told.text)?.[1] ?? "";
  const browser = browserOf(lena);
  const path = decodeURIComponent(next);
  const line = new URL(path, "http://q.test").searchParams.get("line") ?? "";
  expect(line).toMatch(new RegExp(`^access approve ${id} --seen [0-9a-f]{16}$`));
  const form = await browser.get(path);
  const pressed = { csrf: csrfIn(form.html), id: randomUUID(), line, next: "/" };
  const answer = await browser.post("/do", pressed);
  expect(answer.status).toBe(303);
  await until("the requester to be told", async () =>
    (await directMessages(dev)).some((message) => message.text.includes(id) && /approved/.test(message.text)),
  );
  const { rows } = await sql<{ body: string }>`
    select body from audit where subject = ${id} and action = 'access.approved'`.execute(
    quarterdeck.app.database.db,
  );
  expect(JSON.parse(rows[0]?.body ?? "{}")).toMatchObject({
    detail: { confirmedAt: expect.stringMatching(/^\d{4}-/) },
  });
});
