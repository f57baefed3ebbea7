import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createQuality } from "../../../src/features/quality/index.ts";
import { createRunbooks } from "../../../src/features/runbooks/index.ts";
import type { RunbookRooms } from "../../../src/features/runbooks/room.ts";
import { alert, olive, type Rooms, startRooms, unknown } from "../tickets/rooms.ts";

let rooms: Rooms;
beforeAll(async () => {
  rooms = await startRooms({
    change: (catalog) => {
      for (const service of catalog.services) if (service.name === "payments") service.mode = "observe";
    },
  });
});
afterAll(() => rooms.close());

const digests = () => rooms.messages("digest:%");

describe("the weekly digest", () => {
  const run = async () => {
    const { platform } = rooms;
    const runbooks = createRunbooks(platform, { alerts: rooms.alerts.api } as unknown as RunbookRooms);
    const quality = createQuality(platform, {
      alerts: rooms.alerts.api,
      tickets: rooms.tickets.api,
      runbooks: runbooks.api,
    });
    await quality.jobs?.[0]?.run("schedule", { attempt: 1 });
    return quality;
  };

  it("comes on Monday at nine, once, to each team that had tickets; a card counts once, however many alerts are on it", async () => {
    await rooms.send(
      Array.from({ length: 30 }, (_, index) =>
        alert({ labels: { alertname: "DiskFull", instance: `i${index}` } }),
      ),
    );
    rooms.clock.advance(60_000);
    const again = { labels: { alertname: "DiskFull", instance: "i0" } };
    await rooms.send([alert({ ...again, status: "resolved", endsAt: rooms.clock.now() })]);
    rooms.clock.advance(60_000);
    await rooms.send([alert({ ...again, startsAt: rooms.clock.now() })]);
    await rooms.ask(olive, "mark T-1 noise");
    rooms.budget.now = unknown;
    await rooms.send([alert({ labels: { service: "payments", alertname: "RefundsFail" } })]);
    expect(rooms.paging.pages).toEqual([]);
    rooms.clock.advance(6 * 86_400_000);
    await run();
    expect(await digests()).toEqual([]);
    rooms.clock.set(new Date("2026-03-09T08:59:59Z"));
    await run();
    expect(await digests()).toEqual([]);
    rooms.clock.set(new Date("2026-03-09T09:00:00Z"));
    await Promise.all([run(), run()]);
    rooms.clock.advance(60_000);
    await run();
    const told = await digests();
    expect(told.map(({ key, channel, version }) => [key, channel, version])).toEqual([
      ["digest:payments:2026-W10", "C0PAYALERTS", 1],
      ["digest:storefront:2026-W10", "C0SHOPALERTS", 1],
    ]);
    expect(told[0]?.all).toContain(
      "*payments, observed*: 1 ticket. Would have paged 1 (not paged: T-2). Was paged and would not have been: 0.",
    );
    expect(told[1]?.text).toBe(
      "🟢 storefront · alerts of 2026-W10 · 1 ticket, 0 pages · precision 0 % (0–79 %, n 1), too few to judge",
    );
    expect(told[1]?.all).toContain("1. *DiskFull* · shop · 1 ticket: 1 noise");
    expect(told[1]?.all).toContain("modal mute: T-1");
    // 31 firings, 30 of them the first of their alert that day.
    expect(told[1]?.all).toContain("3 % of firings repeat what the same alert said that day");
    expect(await rooms.audit("storefront")).toEqual(["quality.told"]);
  });

  it("is not made up for in mid-week", async () => {
    rooms.clock.set(new Date("2026-03-17T09:00:01Z"));
    await run();
    expect(await digests()).toHaveLength(2);
  });

  it("is on a page too, by rule and owner", async () => {
    const [route] = (await run()).routes ?? [];
    const sent: string[] = [];
    const res = { writeHead: () => res, setHeader: () => res, end: (body: string) => void sent.push(body) };
    await route?.handle({
      res,
      url: new URL("http://q.test/console/quality?team=storefront"),
    } as unknown as Parameters<typeof route.handle>[0]);
    expect(sent.join("")).toContain("<td>DiskFull</td><td>shop</td><td>storefront</td><td>1</td><td>0</td>");
    expect(sent.join("")).toContain("0 % (0–79 %, n 1), too few to judge");
    sent.length = 0;
    await route?.handle({
      res,
      url: new URL("http://q.test/console/quality?team=nobody"),
    } as unknown as Parameters<typeof route.handle>[0]);
    expect(sent.join("")).toContain("No such team");
  });
});
