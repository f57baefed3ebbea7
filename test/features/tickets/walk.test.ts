import { sql } from "kysely";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import {
  alert,
  dev,
  hurting,
  lena,
  olive,
  type Rooms,
  separate,
  startRooms,
  unknown,
  well,
} from "./rooms.ts";

const opened: Rooms[] = [];
let rooms: Rooms;
const minutes = (count: number) => count * 60_000;
beforeEach(async () => {
  rooms = await startRooms();
  opened.push(rooms);
});
afterAll(async () => {
  for (const room of opened) await room.close();
});

describe("an alert while users are well", () => {
  it("opens one ticket with one card in the service's channel and pages nobody", async () => {
    await rooms.send([alert()]);
    const [card, ...others] = await rooms.messages();
    expect(others).toEqual([]);
    expect(card?.channel).toBe("C0SHOPALERTS");
    expect(card?.text).toBe("🟠 shop · HighErrorRate · critical · 1 firing");
    expect(card?.all).toContain("owner storefront, Olive Okafor");
    expect(card?.all).toContain("No page: users are well: burn 0.2x");
    expect(card?.verbs).toEqual(["Runbook: runbook shop ticket=T-1", "Take it: ack T-1"]);
    expect(card?.overflow).toEqual([
      "Roll back: rollback shop",
      "Mute: modal mute: T-1",
      "Actioned: mark T-1 actioned",
      "Noise: mark T-1 noise",
    ]);
    expect(rooms.paging.pages).toEqual([]);
    expect(await rooms.audit("T-1")).toEqual(["ticket.opened"]);
    const kept = await rooms.tickets.api.ticketOf("T-1");
    expect(kept).toMatchObject({ externalKey: "T-1", publishedVersion: 1, wantedVersion: 1 });
  });

  it("edits that card when the same alert comes again, and posts nothing", async () => {
    await rooms.send([alert()]);
    await rooms.send([alert()]);
    const cards = await rooms.messages("%");
    expect(cards.map(({ key }) => key)).toEqual(["ticket:T-1"]);
    expect(cards[0]?.all).toContain("received 2 ×");
    expect(await rooms.audit("T-1")).toEqual(["ticket.opened"]);
  });

  it("closes when all of its alerts are resolved, not before, and says how long it took", async () => {
    const one = { labels: { instance: "a" } };
    const two = { labels: { instance: "b" } };
    await rooms.send([alert(one), alert(two)]);
    rooms.clock.advance(minutes(5));
    await rooms.send([alert({ ...one, status: "resolved", endsAt: rooms.clock.now() }), alert(two)]);
    expect((await rooms.messages())[0]?.text).toContain("1 firing");
    rooms.clock.advance(minutes(5));
    await rooms.send([alert({ ...two, status: "resolved", endsAt: rooms.clock.now() })], {
      status: "resolved",
    });
    const [card] = await rooms.messages();
    expect(card?.text).toBe("⚫ shop · HighErrorRate · critical · over");
    expect(card?.all).toContain("All its alerts are resolved after 11 min · no page.");
    expect(card?.verbs).toEqual([]);
    expect(await rooms.audit("T-1")).toEqual(["ticket.opened", "ticket.closed"]);
    const { rows } = await sql<{
      state: string;
    }>`select state from builtin_tickets where marker = 'T-1'`.execute(rooms.db);
    expect(rows).toEqual([{ state: "closed" }]);
  });

  it("is not opened again by a late firing, is opened again within 30 minutes, and is a new ticket after", async () => {
    await rooms.send([alert()]);
    rooms.clock.advance(minutes(2));
    await rooms.send([alert({ status: "resolved", endsAt: rooms.clock.now() })]);
    await rooms.send([alert()]);
    expect((await rooms.tickets.api.ticketOf("T-1"))?.state).toBe("closed");
    rooms.clock.advance(minutes(10));
    await rooms.send([alert({ startsAt: rooms.clock.now() })]);
    expect((await rooms.tickets.api.ticketOf("T-1"))?.state).toBe("open");
    await rooms.send([
      alert({
        startsAt: rooms.clock.now(),
        status: "resolved",
        endsAt: new Date(rooms.clock.now().getTime() + 1),
      }),
    ]);
    rooms.clock.advance(minutes(31));
    await rooms.send([alert({ startsAt: rooms.clock.now() })]);
    expect(await rooms.tickets.api.ticketOf("T-2")).toMatchObject({ state: "open", follows: "T-1" });
    expect((await rooms.messages()).map(({ key }) => key)).toEqual(["ticket:T-1", "ticket:T-2"]);
    expect(await rooms.audit("T-1")).toEqual([
      "ticket.opened",
      "ticket.closed",
      "ticket.reopened",
      "ticket.closed",
    ]);
  });
});

describe("an alert while users hurt", () => {
  it("pages once, with Acknowledge and Roll back first, and the acknowledgement takes the ticket", async () => {
    rooms.budget.now = hurting;
    await rooms.send([alert()]);
    await rooms.send([alert()]);
    expect(rooms.paging.pages).toHaveLength(1);
    expect(rooms.paging.pages[0]).toMatchObject({
      team: "storefront",
      dedupKey: "T-1",
      subject: "T-1",
      channel: "C0SHOPALERTS",
      headline: "PAGE shop: HighErrorRate: burn 90x, errors 9.1 %. T-1",
    });
    expect(rooms.paging.pages[0]?.verbs.map(({ line }) => line)).toEqual(["rollback shop"]);
    const [card] = await rooms.messages();
    expect(card?.text).toMatch(/^🔴/);
    expect(card?.verbs).toEqual(["Acknowledge: ack T-1", "Roll back: rollback shop"]);
    expect((await rooms.ask(olive, "ack T-1")).text).toBe("T-1 is yours; the page stops.");
    expect(rooms.paging.open.get("T-1")?.by).toBe("U0ONCALL");
    expect((await rooms.messages())[0]?.all).toContain("Olive Okafor at ");
    expect((await rooms.ask(lena, "ack T-1")).text).toMatch(
      /T-1 was taken by Olive Okafor at .*Nothing done/,
    );
  });

  it("pages for the same alert that was a ticket only, once its budget burns", async () => {
    await rooms.send([alert()]);
    rooms.budget.now = hurting;
    await rooms.send([alert()]);
    await rooms.send([alert()]);
    expect(rooms.paging.pages).toHaveLength(1);
    expect(await rooms.audit("T-1")).toEqual(["ticket.opened", "ticket.paged"]);
    expect((await rooms.messages())[0]?.verbs[0]).toBe("Acknowledge: ack T-1");
  });

  it("pages although the alert is not sent again", async () => {
    await rooms.send([alert()]);
    rooms.budget.now = hurting;
    const redecide = rooms.tickets.jobs?.find(({ name }) => name === "tickets.redecide");
    await redecide?.run("schedule", { attempt: 1 });
    await rooms.work();
    expect(rooms.paging.pages).toHaveLength(1);
    rooms.budget.reads = 0;
    await redecide?.run("schedule", { attempt: 1 });
    expect(rooms.budget.reads).toBe(0);
  });

  it("ends the page when the alert resolves", async () => {
    rooms.budget.now = hurting;
    await rooms.send([alert()]);
    await rooms.send([alert({ status: "resolved", endsAt: rooms.clock.now() })]);
    expect(rooms.paging.open.size).toBe(0);
    expect((await rooms.messages())[0]?.all).toContain("· paged.");
  });
});

describe("an alert while nobody knows how users are", () => {
  it("goes by the sender's severity and says so", async () => {
    rooms.budget.now = unknown;
    await rooms.send([
      alert({ labels: { alertname: "A" } }),
      alert({ labels: { alertname: "B", severity: "warning" } }),
    ]);
    expect(rooms.paging.pages.map(({ headline }) => headline)).toEqual([
      expect.stringContaining("A: the sender says critical. Whether users hurt is not known"),
    ]);
    expect(rooms.paging.pages).toHaveLength(1);
  });

  it("takes a budget that cannot be read for not known", async () => {
    rooms.budget.error = new Error("Prometheus is away");
    await rooms.send([alert()]);
    expect(rooms.paging.pages).toHaveLength(1);
    expect((await rooms.messages())[0]?.all).toContain("its budget could not be read (Prometheus is away)");
  });

  it("goes to the default owner and channel with a note when no service matches", async () => {
    await rooms.send([alert({ labels: { service: "nobody-knows", severity: "warning" } })]);
    const [card] = await rooms.messages();
    expect(card?.channel).toBe("C0OPS");
    expect(card?.all).toContain('the catalog knows no service \\"nobody-knows\\"');
    expect(card?.verbs[0]).toBe("Propose a rule: modal alert-rule: T-1");
    expect(rooms.budget.reads).toBe(0);
  });
});

describe("people's deeds", () => {
  beforeEach(() => rooms.send([alert()]));

  it("lets one of two people take it, and tells the other who did", async () => {
    const answers = await Promise.all([rooms.ask(olive, "ack T-1"), rooms.ask(lena, "ack T-1")]);
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    expect(answers.find(({ ok }) => !ok)?.text).toMatch(
      /was taken by (Olive Okafor|Lena Lind) at .*Nothing done/,
    );
    expect(
      (
        await rooms.ask(
          (await rooms.tickets.api.ticketOf("T-1"))?.takenBy === "U0ONCALL" ? olive : lena,
          "ack T-1",
        )
      ).text,
    ).toContain("is yours already");
  });

  it("lets one of two opposite buttons win, in forty races", async () => {
    separate(rooms.catalog);
    const { deeds } = rooms.tickets.api;
    await rooms.send(
      Array.from({ length: 40 }, (_, index) => alert({ labels: { alertname: `Race${index}` } })),
    );
    const ids = (await rooms.messages())
      .map(({ key }) => key.slice("ticket:".length))
      .filter((id) => id !== "T-1");
    expect(ids).toHaveLength(40);
    await Promise.all(
      ids.map(async (id) => {
        const one = { actor: olive, dryRun: false };
        const other = { actor: lena, dryRun: false };
        const [actioned, noise] = await Promise.all([
          deeds.mark(id as never, "actioned", one),
          deeds.mark(id as never, "noise", other),
        ]);
        expect([actioned.ok, noise.ok].filter(Boolean)).toHaveLength(1);
        expect((await rooms.audit(id)).filter((action) => action === "ticket.marked")).toHaveLength(1);
      }),
    );
  });

  it("is judged once; the second press is told by whom and when", async () => {
    expect((await rooms.ask(olive, "mark T-1 noise")).text).toBe("T-1 is marked noise.");
    expect((await rooms.ask(lena, "mark T-1 actioned")).text).toMatch(
      /T-1 was marked noise by Olive Okafor at .*Nothing done/,
    );
    expect((await rooms.messages())[0]?.overflow).toEqual([
      "Roll back: rollback shop",
      "Mute: modal mute: T-1",
    ]);
  });

  it("is resolved by a person while it fires, and stays so until something begins anew", async () => {
    expect((await rooms.ask(olive, "resolve T-1 cache <!channel> was cold")).text).toContain(
      "1 of its alerts fire on",
    );
    await rooms.send([alert()]);
    const [card] = await rooms.messages();
    expect(card?.text).toMatch(/^⚫/);
    expect(card?.all).toContain("Resolved by Olive Okafor after");
    expect(card?.all).toContain("cache &lt;!channel&gt; was cold");
    expect((await rooms.ask(lena, "resolve T-1")).text).toMatch(/T-1 was resolved by Olive Okafor at/);
    rooms.clock.advance(minutes(1));
    await rooms.send([alert({ labels: { instance: "new" }, startsAt: rooms.clock.now() })]);
    expect((await rooms.tickets.api.ticketOf("T-1"))?.state).toBe("open");
  });

  it("refuses who is not of the owning team and names who could, changing nothing", async () => {
    await rooms.send([alert({ labels: { service: "payments" } })]);
    const answer = await rooms.ask(olive, "ack T-2");
    expect(answer.ok).toBe(false);
    expect(answer.text).toContain("payments");
    expect(answer.text).toContain("<@U0DEV>");
    expect((await rooms.tickets.api.ticketOf("T-2"))?.takenBy).toBeNull();
    expect((await rooms.ask(olive, "ack T-99")).text).toContain("There is no ticket T-99");
  });

  it("shows what it would do and does nothing with --dry-run", async () => {
    for (const line of [
      "ack T-1",
      "resolve T-1",
      "mark T-1 noise",
      "mute T-1 1h why",
      "mute shop 1h why",
      "unmute shop",
    ])
      expect((await rooms.ask(olive, `${line} --dry-run`)).text).toMatch(/^Dry run: .*Nothing done\.$/);
    expect(await rooms.audit("T-1")).toEqual(["ticket.opened"]);
    // What would be refused is refused to whoever only looks.
    await rooms.ask(olive, "mark T-1 noise");
    await rooms.ask(olive, "resolve T-1");
    for (const line of ["ack T-1", "resolve T-1", "mark T-1 actioned"])
      expect((await rooms.ask(olive, `${line} --dry-run`)).text).not.toContain("Dry run");
  });

  it("lists tickets and tells why with numbers", async () => {
    await rooms.ask(olive, "ack T-1");
    expect((await rooms.ask(dev, "alerts shop --since 1h")).text).toContain("🟠 T-1 shop · HighErrorRate");
    expect((await rooms.ask(dev, "alerts payments")).text).toContain("No alerts for payments");
    const { summaries } = rooms.tickets;
    expect((await summaries?.mine?.(olive))?.map(({ text }) => text)).toEqual([
      expect.stringContaining("Yours: 🟠 T-1"),
    ]);
    expect(await summaries?.mine?.(lena)).toEqual([]);
    expect((await summaries?.status?.("shop"))?.[0]?.text).toContain("T-1");
    expect((await summaries?.why?.({ id: "T-1" }))?.map(({ text }) => text).join("\n")).toContain(
      "burn 0.2x, errors 0.1 %, 98 % of the budget left",
    );
    expect((await summaries?.why?.({ service: "shop" }))?.[0]?.text).toContain("users are well");
  });
});

describe("mutes", () => {
  it("hold back new cards of a service until they end by themselves", async () => {
    expect((await rooms.ask(olive, "mute shop 1h load test")).text).toMatch(
      /^shop is muted until .*; pages still come\.$/,
    );
    await rooms.send([alert()]);
    expect(await rooms.messages()).toEqual([]);
    expect((await rooms.ask(lena, "mute shop 2h again")).text).toMatch(
      /shop is muted until .* by Olive Okafor: load test\. Nothing done/,
    );
    rooms.clock.advance(minutes(61));
    await rooms.work();
    expect((await rooms.messages()).map(({ key }) => key)).toEqual(["ticket:T-1"]);
    expect(await rooms.audit("shop")).toEqual(["service.muted", "service.unmuted"]);
  });

  it("let pages through, with the card, unless pages are muted too", async () => {
    separate(rooms.catalog);
    rooms.budget.now = hurting;
    await rooms.ask(olive, "mute shop 1h load test");
    await rooms.send([alert()]);
    expect(rooms.paging.pages).toHaveLength(1);
    expect(await rooms.messages()).toHaveLength(1);
    await rooms.ask(olive, "unmute shop");
    await rooms.ask(olive, "mute shop 1h load test --pages");
    await rooms.send([alert({ labels: { alertname: "Other" } })]);
    expect(rooms.paging.pages).toHaveLength(1);
    await rooms.ask(olive, "unmute shop");
    expect(rooms.paging.pages).toHaveLength(2);
  });

  it("of a ticket show on its card and end there", async () => {
    await rooms.send([alert()]);
    await rooms.ask(olive, "mute T-1 30m known");
    expect((await rooms.messages())[0]?.all).toMatch(/Muted until .* by Olive Okafor: known/);
    expect((await rooms.messages())[0]?.overflow).toContain("Unmute: unmute T-1");
    expect((await rooms.ask(olive, "unmute T-1")).text).toBe("T-1 is not muted any more.");
    expect((await rooms.messages())[0]?.all).not.toContain("Muted");
    expect((await rooms.ask(olive, "unmute T-1")).text).toContain("T-1 is not muted");
    expect((await rooms.ask(olive, "mute T-1 30d too long")).text).toContain("A mute lasts at most 7 d");
  });

  it("come from a form whose words are read as they were meant", async () => {
    await rooms.send([alert()]);
    const [modal] = rooms.tickets.modals ?? [];
    const blocks =
      modal?.build({ catalog: rooms.catalog, actor: olive, now: rooms.clock.now(), words: "T-1" }) ?? [];
    expect(JSON.stringify(blocks)).toContain("T-1");
    const line = modal?.line({ time: "1h", reason: 'a "known" --pages thing', pages: "keep" }, "T-1") ?? "";
    expect((await rooms.ask(olive, line)).text).toMatch(/^T-1 is muted until .*; pages still come\.$/);
  });
});

describe("what is not heard of again", () => {
  it("is marked stale on the card and stays open", async () => {
    await rooms.send([alert()]);
    rooms.clock.advance(minutes(24 * 60 + 1));
    await rooms.alerts.jobs?.find(({ name }) => name === "alerts.stale")?.run("schedule", { attempt: 1 });
    await rooms.work();
    expect((await rooms.messages())[0]?.all).toContain("Stale: 1 of 1 not heard of since");
    expect((await rooms.tickets.api.ticketOf("T-1"))?.state).toBe("open");
    await rooms.send([alert()]);
    expect((await rooms.messages())[0]?.all).not.toContain("Stale");
  });

  it("keeps a ticket open while the sender left alerts out of its list", async () => {
    await rooms.send([alert()]);
    await rooms.send([alert({ status: "resolved", endsAt: rooms.clock.now() })], {
      truncatedAlerts: 3,
      status: "firing",
    });
    expect((await rooms.messages())[0]?.text).toContain("3 firing");
    await rooms.send([alert({ status: "resolved", endsAt: rooms.clock.now() })], {
      truncatedAlerts: 0,
      status: "resolved",
    });
    expect((await rooms.tickets.api.ticketOf("T-1"))?.state).toBe("closed");
    expect(rooms.budget.now).toBe(well);
  });
});
