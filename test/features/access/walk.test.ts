import pg from "pg";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { labelsOf, type Person, type ShownMessage } from "../../support/person.ts";
import { until } from "../../support/until.ts";
import { Browser, csrfIn, loginIn } from "./browser.ts";
import { canSignIn, type Login, type Orders, signIn, startOrders } from "./orders.ts";

// Each step waits for what it needs; only a machine that stands still gets this far.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let orders: Orders;
let quarterdeck: TestApp;
let lena: Person;
let dev: Person;
let olive: Person;

beforeAll(async () => {
  orders = await startOrders();
  quarterdeck = await startTestApp({ env: { ORDERS_DB_URL: orders.url } });
  [olive, lena, dev] = (await Promise.all(
    ["U0ONCALL", "U0LEAD", "U0DEV"].map((id) => quarterdeck.person(id)),
  )) as [Person, Person, Person];
});
afterAll(async () => {
  await quarterdeck?.close();
  await orders?.stop();
});

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
    for (const name of ["audit", "messages", "rings", "inbox", "secrets", "access_grants"])
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

/** Asks, approves, claims and reads the secret, as people do. */
async function walk(time: string): Promise<{ id: string; login: Login; card: ShownMessage }> {
  await dev.send("C0OPS", `/ops access request orders-db readonly ${time} INC-43 look again`);
  const answer = await dev.sees("C0OPS", new RegExp(`G-\\d+: asked for orders-db readonly for ${time}`));
  const id = /G-\d+/.exec(answer.text)?.[0] ?? "";
  const card = await lena.sees("C0LEADS", new RegExp(`${id} Dev Dara asks for`));
  await lena.press(card, "Approve");
  await until("the requester to be told", async () =>
    (await directMessages(dev)).some((message) => message.text.includes(id) && /approved/.test(message.text)),
  );
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
  return { id, login: loginIn(shown.html), card };
}

it("a request is approved by a lead only, claimed signed in, works, and is gone at its end with its session", async () => {
  await dev.send("C0OPS", "/ops access request orders-db readonly 6s INC-42 <!channel> stuck *orders*");
  const answer = await dev.sees("C0OPS", /G-1: asked for/);
  expect(answer.ephemeral).toBe(true);
  expect(answer.text).toContain("Lena Lind can approve. How long that takes: no history yet.");

  const card = await dev.sees("C0LEADS", /G-1 Dev Dara asks for readonly, 6s/);
  expect(labelsOf(card)).toEqual(["Approve", "Deny"]);
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

  // 25: nobody else may open it, and that they tried is on record.
  const stranger = await browserOf(lena).get("/access/G-1");
  expect(stranger.status).toBe(403);
  expect(stranger.html).not.toContain("INC-42");
  const refusals = await quarterdeck.app.database.db
    .selectFrom("audit")
    .select(["person", "subject"])
    .where("action", "=", "access.refused")
    .execute();
  expect(refusals).toEqual([{ person: "U0LEAD", subject: "G-1" }]);
  expect((await new Browser(quarterdeck.base, "").get("/access/G-1")).status).toBe(401);

  const browser = browserOf(dev);
  const page = await browser.get("/access/G-1");
  // 27: looking uses nothing up, however often; a link preview has no session at all.
  for (let look = 0; look < 3; look += 1)
    expect((await browser.get("/access/G-1")).html).toContain("Claim it");
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
  // 26: however often it is asked for, one reveal.
  const shown = await Promise.all([1, 2, 3].map(() => browser.post("/access/G-1/reveal", { csrf })));
  expect(shown.map(({ status }) => status).sort()).toEqual([200, 410, 410]);
  const login = loginIn(shown.find(({ status }) => status === 200)?.html ?? "");
  expect(login.login).toBe("qd_g1");
  expect(shown.find(({ status }) => status === 410)?.html).toContain("Return it and ask again");
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
    "access.ending",
    "access.ended",
  ]);
});

it("a login and its password are in no message, log line, audit body, ring, queue or other row", async () => {
  const { id, login } = await walk("5m");
  expect(login.password.length).toBeGreaterThanOrEqual(32);
  await dev.send("C0OPS", `/ops access return ${id}`);
  await lena.sees("C0LEADS", new RegExp(`${id} readonly for Dev Dara · ended`));

  expect(quarterdeck.log.lines.join("\n")).not.toContain(login.password);
  const text = (await dump()).join("\n");
  expect(text).toContain(id);
  expect(text).not.toContain(login.password);
  expect(text).not.toContain(Buffer.from(login.password).toString("hex"));
  expect(text).not.toContain(Buffer.from(login.password).toString("base64"));
  const seen = JSON.stringify([
    ...(await lena.see("C0LEADS")),
    ...(await dev.see("C0OPS")),
    ...(await directMessages(dev)),
  ]);
  expect(seen).toContain(id);
  expect(seen).not.toContain(login.password);
});

it("a secret in the reason is refused before anything is kept, posted or logged", async () => {
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
