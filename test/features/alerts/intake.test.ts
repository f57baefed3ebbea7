import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alert, type Rooms, separate, startRooms } from "../tickets/rooms.ts";

let rooms: Rooms;
beforeAll(async () => {
  rooms = await startRooms({ change: separate });
});
afterAll(() => rooms.close());

const count = async (table: string, where = "true"): Promise<number> =>
  Number(
    (
      await sql<{ n: string }>`select count(*) as n from ${sql.table(table)} where ${sql.raw(where)}`.execute(
        rooms.db,
      )
    ).rows[0]?.n,
  );
const raw = (body: string | Buffer) => {
  const [hook] = rooms.alerts.hooks ?? [];
  if (!hook) throw new Error("no hook");
  return hook.handle({
    source: "alertmanager",
    team: "storefront",
    tokenId: "tok",
    headers: {},
    body: Buffer.from(body),
    receivedAt: rooms.clock.now(),
  });
};

describe("a post", () => {
  it("is committed with its ring when it is answered", async () => {
    const answer = await rooms.post([alert({ labels: { alertname: "Kept" } })]);
    expect(answer).toEqual({ status: 200, body: { ok: true, taken: 1 } });
    expect(await count("alert_deliveries", "folded_at is null")).toBe(1);
    expect(await count("rings", "job = 'alerts.drain'")).toBe(1);
    expect(await count("alerts")).toBe(0);
    await rooms.work();
    expect(await count("alerts")).toBe(1);
    expect(await count("alert_deliveries", "folded_at is null")).toBe(0);
  });

  it("that nobody can read is kept as it came, said on one card that names the field, and answered 400", async () => {
    const body = '{"version":"4","status":"firing","alerts":{"not":"a list"}}';
    const answers = await Promise.all([raw(body), raw(body), raw(body)]);
    for (const answer of answers)
      expect(answer).toMatchObject({
        status: 400,
        body: { error: "unreadable", message: "alerts must be a list" },
      });
    const { rows } = await sql<{
      body: Buffer;
    }>`select body from alert_deliveries where problems is not null`.execute(rooms.db);
    expect(rows.map((row) => row.body.toString())).toEqual([body, body, body]);
    const cards = await rooms.messages("alert-problem:%");
    expect(cards).toHaveLength(1);
    expect(cards[0]?.channel).toBe("C0OPS");
    expect(cards[0]?.text).toContain("a body I cannot read: field alerts");
    expect(cards[0]?.all).toContain("3 × today");
  });

  it("is taken as far as it can be read, and the rest is kept raw and named", async () => {
    const answer = await rooms.post([
      alert({ labels: { alertname: "Good" } }),
      { labels: { alertname: "Bad" }, startsAt: "<!channel>" },
    ]);
    expect(answer).toMatchObject({
      status: 200,
      body: { ok: true, taken: 1, problems: [{ field: "alerts[1].startsAt" }] },
    });
    await rooms.work();
    expect(await count("alerts", "labels->>'alertname' = 'Good'")).toBe(1);
    expect(await count("alerts", "labels->>'alertname' = 'Bad'")).toBe(0);
    const card = (await rooms.messages("alert-problem:%")).find(({ text }) =>
      text.includes("alerts[1].startsAt"),
    );
    expect(card?.all).toContain("&lt;!channel&gt;");
    expect(card?.all).not.toContain("<!channel>");
  });

  it("with hostile text everywhere folds and shows as text", async () => {
    const hostile = "<!channel> <@U1> &amp; ``` *_~ \u202e \ud800 \u0000";
    await rooms.send([
      alert({
        labels: { alertname: `${hostile}${"x".repeat(5_000)}`, severity: hostile },
        annotations: { summary: hostile },
      }),
    ]);
    const card = (await rooms.messages()).find(({ text }) => text.includes("channel"));
    expect(card?.all).not.toMatch(/<!channel>|<@U1>|\u202e/);
    expect(card?.all.length).toBeLessThan(12_000);
  });

  it("delivered twice, and each of its jobs run twice at once, makes one ticket", async () => {
    await Promise.all([
      rooms.post([alert({ labels: { alertname: "Twice" } })]),
      rooms.post([alert({ labels: { alertname: "Twice" } })]),
    ]);
    await Promise.all([rooms.alerts.drainOnce(), rooms.alerts.drainOnce(), rooms.alerts.drainOnce()]);
    await Promise.all([rooms.work(), rooms.work()]);
    expect(await count("tickets", "name = 'Twice'")).toBe(1);
    expect((await rooms.messages()).filter(({ text }) => text.includes("Twice"))).toHaveLength(1);
  });

  it("is counted by source and what it said", async () => {
    const metric = rooms.alerts.metrics?.find(({ name }) => name === "quarterdeck_alerts_received_total");
    const readings = (await metric?.read()) ?? [];
    expect(readings.find(({ labels }) => labels?.outcome === "firing")?.value).toBeGreaterThanOrEqual(4);
  });
});

describe("alerts on instances of a version", () => {
  it("are those that fire now, of the service and environment, by the label that carries the version", async () => {
    const on = (alertname: string, version: string, more: Record<string, string> = {}) =>
      alert({ labels: { alertname, service: "shop", severity: "warning", version, ...more } });
    await rooms.post([
      on("HighMemory", "v42", { pod: "a" }),
      on("HighMemory", "v41", { severity: "critical" }),
      on("Slow", "v40"),
      on("Over", "v42"),
    ]);
    await rooms.post([{ ...on("Over", "v42"), status: "resolved", endsAt: rooms.clock.now().toISOString() }]);
    await rooms.work();
    const ask = { service: "shop", environment: "production", label: "version", versions: ["v42", "v41"] };
    expect(await rooms.alerts.api.firingOn(rooms.db, ask)).toEqual([
      { name: "HighMemory", severity: "critical", version: "v41" },
      { name: "HighMemory", severity: "warning", version: "v42" },
    ]);
    expect(await rooms.alerts.api.firingOn(rooms.db, { ...ask, environment: "staging" })).toEqual([]);
  });
});

describe("a body Postgres will not take as alerts", () => {
  it("is set aside with a card, and holds up nobody else", async () => {
    const owner = new pg.Client({ connectionString: rooms.fresh.ownerUrl });
    await owner.connect();
    await owner.query(`create function refuse_poison() returns trigger language plpgsql as
      $f$ begin if new.labels->>'alertname' = 'Poison' then raise exception 'bad data' using errcode = '22000'; end if; return new; end $f$;
      create trigger poison before insert on alerts for each row execute function refuse_poison();`);
    await owner.end();
    await rooms.post([alert({ labels: { alertname: "BeforePoison" } })]);
    await rooms.post([alert({ labels: { alertname: "Poison" } })]);
    await rooms.post([alert({ labels: { alertname: "AfterPoison" } })]);
    await rooms.work();
    expect(await count("alerts", "labels->>'alertname' in ('BeforePoison', 'AfterPoison')")).toBe(2);
    expect(await count("alert_deliveries", "folded_at is null")).toBe(0);
    expect(await count("alert_deliveries", "problems->0->>'why' like 'cannot be kept as alerts%'")).toBe(1);
    const card = (await rooms.messages("alert-problem:%")).find(({ text }) => text.includes("the body"));
    expect(card?.all).toContain("cannot be kept as alerts: bad data");
  });
});

describe("a storm", () => {
  it("of 10,000 alerts under one rule is one ticket with one card that counts them", async () => {
    const posts = Array.from({ length: 100 }, (_, post) =>
      Array.from({ length: 100 }, (_, index) =>
        alert({ labels: { alertname: "Storm", instance: `i-${post}-${index}` } }),
      ),
    );
    const answers = await Promise.all(posts.map((alerts) => rooms.post(alerts)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    await rooms.work();
    expect(await count("alerts", "labels->>'alertname' = 'Storm'")).toBe(10_000);
    const cards = (await rooms.messages()).filter(({ text }) => text.includes("Storm"));
    expect(cards.map(({ text }) => text)).toEqual(["🟠 shop · Storm · critical · 10000 firing"]);
  }, 60_000);
});

describe("when it cannot be kept", () => {
  it("is answered 503, and nothing is pretended", async () => {
    const gone = await startRooms();
    await gone.fresh.drop();
    expect(await gone.post([alert()])).toMatchObject({ status: 503, body: { error: "not_kept" } });
    await gone.database.close();
  });
});
