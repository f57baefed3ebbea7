import { expect, it } from "vitest";
import type { CalendarFreeze } from "../../../src/catalog/schema.ts";
import { systemActor } from "../../../src/platform/people.ts";
import { dev, lena, olive, startRoom } from "../rollouts/harness.ts";

const calendar = (more: Partial<CalendarFreeze>): CalendarFreeze => ({
  name: "weekend",
  reason: "Nobody is there",
  scope: "all",
  zone: "UTC",
  ...more,
});

/** Monday 2 March 2026, 10:00 UTC. */
it("keeps a service from being rolled out for a while, and lets a lead let it through", async () => {
  const room = await startRoom();
  const feature = room.features.find(({ name }) => name === "freezes");
  const texts = async (what: "mine" | "status" | "why", thing = "shop") => {
    const { mine, status, why } = feature?.summaries ?? {};
    const lines =
      what === "mine"
        ? await mine?.(olive)
        : what === "status"
          ? await status?.(thing)
          : await why?.(thing.startsWith("F-") ? { id: thing } : { service: thing });
    return (lines ?? []).map(({ text }) => text.replaceAll("\u2060", "")).join("\n");
  };

  // Words, rights and limits.
  expect((await room.type(lena, "freeze")).text).toBe("Nothing is frozen.");
  expect((await room.type(olive, "freeze start shop 2h sale")).text).toContain("needs a lead");
  expect((await room.type(lena, "freeze start all 31d sale")).text).toContain(
    "A freeze lasts at most 30d; this would be 31d",
  );
  expect((await room.type(lena, "freeze start shop 2h sale --dry-run")).text).toMatch(
    /^Dry run: .*Nothing done/,
  );
  expect(await room.type(lena, "freeze override shop 1h fix")).toMatchObject({
    ok: false,
    text: expect.stringContaining("shop production is not frozen"),
  });

  // One freeze of a team: told in its channel, in words and on every summary.
  const started = await room.type(lena, "freeze start storefront 2h the <sale> is on");
  expect(started).toMatchObject({ ok: true });
  expect(started.text).toMatch(/^F-1: team storefront is frozen until Mon 2 Mar 2026 12:00/);
  expect(await room.audited("F-1")).toEqual(["freeze.started"]);
  const card = await room.said("freeze:F-1:C0SHOPALERTS");
  expect(card.text).toContain("team storefront · freeze F-1 until");
  expect(card.text).toContain("the &lt;sale&gt; is on");
  for (const what of ["mine", "status", "why"] as const)
    expect(await texts(what)).toContain("F-1 freeze · team storefront");
  expect(await texts("why", "F-1")).toContain("freeze override");
  expect(await texts("status", "payments")).toBe("");
  expect((await room.type(lena, "freeze start storefront 1h again")).text).toContain(
    "team storefront is frozen until Mon 2 Mar 2026 12:00 UTC (UTC+0) by @lena: the &lt;sale&gt; is on (F-1). Nothing done.",
  );

  // It refuses a start, by name, and says who could.
  const refused = await room.type(olive, "rollout start shop v42");
  expect(refused).toMatchObject({ ok: false });
  expect(refused.text).toContain(
    "shop is frozen in production: F-1 until Mon 2 Mar 2026 12:00 UTC (UTC+0): the &lt;sale&gt; is on (@lena)",
  );
  expect(refused.text).toContain("freeze override shop@production 1h");
  expect(refused.text).toContain("U0LEAD");

  // A lead lets it through for a time; a freeze started after that stands again.
  expect((await room.type(olive, "freeze override shop 1h fix")).text).toContain("needs a lead");
  expect((await room.type(lena, "freeze override shop 5h fix")).text).toContain(
    "at most 4h; this would be 5h",
  );
  expect(await room.type(lena, "freeze override shop 1h broken checkout")).toMatchObject({ ok: true });
  expect(await texts("status")).toContain("freeze overridden until");
  expect(await room.type(lena, "freeze start all 30m incident")).toMatchObject({ ok: true });
  expect(await room.type(olive, "rollout start shop v42")).toMatchObject({ ok: false });
  expect((await room.type(lena, "freeze end F-2")).text).toContain("freeze end needs &lt;reason&gt;");
  expect((await room.type(dev, "freeze end F-2 over")).text).toContain("needs a lead");
  expect(await room.type(lena, "freeze end F-2 over")).toMatchObject({ ok: true });
  expect((await room.type(lena, "freeze end F-2 over")).text).toContain("F-2 is over already, since");
  expect(await room.type(olive, "rollout start shop v42")).toMatchObject({ ok: true });
  await room.drain();

  // In flight it goes on and can be taken back, whatever freezes then.
  expect(await room.type(lena, "freeze start shop 1h no more")).toMatchObject({ ok: true });
  await room.until(["step"]);
  expect(await room.type(olive, "rollout revert R-1 errors")).toMatchObject({ ok: true });
  await room.until(["reverted"]);

  // It ends by itself: the same message says so.
  room.clock.advance(2 * 3_600_000);
  await room.drain();
  expect(await room.audited("F-1")).toEqual(["freeze.started", "freeze.overridden", "freeze.ended"]);
  expect((await room.said("freeze:F-1:C0SHOPALERTS")).text).toBe("⚫ team storefront · freeze F-1 is over");
  expect(await texts("status")).toBe("");
  expect(await texts("why", "F-1")).toContain("over since");
});

it("stands by the calendar, tells its channels when it begins and ends, and follows the catalog", async () => {
  const weekly = { from: "mon 10:30", until: "mon 12:00" };
  const room = await startRoom((catalog) => {
    catalog.freezes = [
      calendar({ weekly }),
      calendar({ name: "nowhere", weekly, environments: ["nowhere"] }),
      calendar({
        name: "pay",
        weekly,
        scope: { teams: [], services: ["payments"] },
        environments: ["staging"],
      }),
    ];
  });
  const sweep = () =>
    room.features
      .flatMap(({ jobs }) => jobs ?? [])
      .find(({ name }) => name === "freezes.sweep")
      ?.run("", { attempt: 1 });
  await sweep();
  expect((await room.type(lena, "freeze")).text).toMatch(
    /^Nothing is frozen\.\n⚪ weekend · all services · /,
  );

  // It stands from its first moment, before anybody was told of it.
  room.clock.advance(30 * 60_000);
  expect((await room.type(lena, "rollout start shop v42")).text).toContain(
    "weekend until Mon 2 Mar 2026 12:00 UTC (UTC+0): Nobody is there (the calendar (weekend))",
  );
  await sweep();
  await sweep();
  expect((await room.said("freeze:F-1:C0OPS")).text).toContain("all services · freeze F-1 until");
  expect((await room.said("freeze:F-1:C0PAYALERTS")).text).toContain("F-1");
  expect((await room.said("freeze:F-2:C0PAYALERTS")).text).toContain("payments in staging");
  expect((await room.type(lena, "rollout start shop v42")).text).toContain("F-1 until");
  expect((await room.type(lena, "freeze end F-1 over")).text).toContain(
    "F-1 stands by the calendar (weekend) until Mon 2 Mar 2026 12:00",
  );
  expect(await room.type(lena, "freeze override shop 1h fix")).toMatchObject({ ok: true });
  expect((await room.type(lena, "rollout start shop v42 --dry-run")).text).not.toContain("frozen");

  // The catalog says something else of it: longer, then nothing at all.
  const put = (freezes: CalendarFreeze[], digest: string) =>
    room.platform.catalogs.put({ ...room.world.catalog, freezes }, digest, "test", systemActor);
  await put([calendar({ weekly: { ...weekly, until: "mon 13:00" } })], "d1");
  await sweep();
  expect((await room.type(lena, "freeze")).text).toContain("13:00");
  expect(await room.audited("F-2")).toEqual(["freeze.started", "freeze.ended"]);
  await put([], "d2");
  await sweep();
  expect((await room.said("freeze:F-1:C0OPS")).text).toContain("F-1 is over");
  await put([calendar({ weekly: { ...weekly, until: "mon 13:00" } })], "d1");
  await sweep();
  expect((await room.said("freeze:F-1:C0OPS")).text).toContain("F-1 until");
  room.clock.advance(3 * 3_600_000);
  await room.drain();
  expect(await room.audited("F-1")).toEqual([
    "freeze.started",
    "freeze.overridden",
    "freeze.changed",
    "freeze.ended",
    "freeze.changed",
    "freeze.ended",
  ]);
});
