import fc from "fast-check";
import { DateTime } from "luxon";
import { describe, expect, it } from "vitest";
import { onCall, spansOf, turnsFrom } from "../../src/catalog/on-call.ts";
import type { OnCall, ScheduleLayer } from "../../src/catalog/schema.ts";
import { readingOf, wallClock } from "../../src/catalog/wall-clock.ts";
import { base, catalogOf, team } from "./files.ts";

const catalog = catalogOf(
  base,
  team,
  "people:\n  - { id: dev, name: Dev }\n  - { id: ana, name: Ana }\n  - { id: kim, name: Kim }\n",
);
const always = {
  days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
} satisfies Pick<NonNullable<ScheduleLayer["during"]>[number], "days">;
const office = {
  days: ["mon", "tue", "wed", "thu", "fri"],
  from: "09:00",
  to: "17:00",
} satisfies NonNullable<ScheduleLayer["during"]>[number];
const layer = (over: Partial<ScheduleLayer> & Pick<ScheduleLayer, "rotation">): ScheduleLayer => ({
  name: "one",
  rotate: "weekly",
  start: "2026-03-02T09:00",
  zone: "Europe/Berlin",
  ...over,
});
const schedule = (...layers: ScheduleLayer[]): { onCall: OnCall } => ({ onCall: { layers } });
const who = (team: { onCall: OnCall }, at: string) => onCall(catalog, team, new Date(at))?.person.id;
const spans = (team: { onCall: OnCall }, from: string, until: string) =>
  spansOf(catalog, team, new Date(from), new Date(until)).map(
    (span) => `${span.from.toISOString().slice(5, 16)} ${span.person?.id ?? "nobody"}`,
  );

describe("layers", () => {
  const withOffice = schedule(
    layer({ name: "office", rotation: ["ana"], during: [office] }),
    layer({ name: "rest", rotation: ["olive", "lena"] }),
  );

  it("give a moment to the first that counts then, and a shift ends where that changes", () => {
    // Friday 6 March 2026, Berlin is an hour ahead.
    expect(who(withOffice, "2026-03-06T07:59:59Z")).toBe("olive");
    expect(onCall(catalog, withOffice, new Date("2026-03-06T08:00:00Z"))).toMatchObject({
      person: { id: "ana" },
      layer: "office",
      since: new Date("2026-03-06T08:00:00Z"),
      until: new Date("2026-03-06T16:00:00Z"),
    });
    expect(onCall(catalog, withOffice, new Date("2026-03-07T12:00:00Z"))).toMatchObject({
      person: { id: "olive" },
      since: new Date("2026-03-06T16:00:00Z"),
      until: new Date("2026-03-09T08:00:00Z"),
    });
  });

  it("name their own rotation from who has it on, and nobody in a gap", () => {
    const one = schedule(layer({ rotation: ["olive", "lena", "dev"], during: [office] }));
    expect(turnsFrom(one, new Date("2026-03-09T12:00:00Z"))).toEqual(["lena", "dev", "olive"]);
    expect(turnsFrom(one, new Date("2026-03-08T12:00:00Z"))).toEqual([]);
    expect(who(one, "2026-03-08T12:00:00Z")).toBeUndefined();
  });

  it("follow the sun, and a gap where zones change clocks on different days is a span of nobody", () => {
    const sun = schedule(
      layer({ name: "berlin", rotation: ["ana"], during: [{ ...always, from: "08:00", to: "20:00" }] }),
      layer({
        name: "york",
        rotation: ["kim"],
        zone: "America/New_York",
        during: [{ ...always, from: "14:00", to: "02:00" }],
      }),
    );
    // New York changes on 8 March, Berlin on the 29th: three weeks in which both clocks are five hours apart.
    expect(spans(sun, "2026-03-05T12:00:00Z", "2026-03-06T12:00:00Z")).toEqual([
      "03-05T12:00 ana",
      "03-05T19:00 kim",
      "03-06T07:00 ana",
    ]);
    expect(spans(sun, "2026-03-10T12:00:00Z", "2026-03-11T12:00:00Z")).toEqual([
      "03-10T12:00 ana",
      "03-10T19:00 kim",
      "03-11T06:00 nobody",
      "03-11T07:00 ana",
    ]);
  });

  it("turn by hours at the same times of day on both sides of a clock change", () => {
    const shifts = schedule(layer({ rotation: ["olive", "lena"], rotate: "12h", start: "2026-03-28T09:00" }));
    expect(spans(shifts, "2026-03-28T08:00:00Z", "2026-03-30T08:00:00Z")).toEqual([
      "03-28T08:00 olive",
      "03-28T20:00 lena",
      "03-29T07:00 olive",
      "03-29T19:00 lena",
      "03-30T07:00 olive",
    ]);
  });

  it("take a window over midnight as part of the day it begins on", () => {
    const night = schedule(
      layer({ rotation: ["dev"], during: [{ days: ["fri"], from: "22:00", to: "06:00" }] }),
    );
    expect(spans(night, "2026-03-06T00:00:00Z", "2026-03-08T00:00:00Z")).toEqual([
      "03-06T00:00 nobody",
      "03-06T21:00 dev",
      "03-07T05:00 nobody",
    ]);
  });
});

const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"] as const;
/** Minutes around the nights on which the clocks of those zones change, and any other minute. */
const moments = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        "2026-03-29T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2026-03-08T07:00:00Z",
        "2026-11-01T06:00:00Z",
        "2026-04-04T15:00:00Z",
        "2026-10-03T15:30:00Z",
      ),
      fc.integer({ min: -300, max: 300 }),
    )
    .map(([change, minutes]) => new Date(new Date(change).getTime() + minutes * 60_000)),
  fc.date({ min: new Date("2025-06-01T00:00Z"), max: new Date("2027-06-01T00:00Z"), noInvalidDate: true }),
);
const dayTime = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom("00", "30"))
  .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${minute}`);
const rotating = fc.record({
  rotate: fc.constantFrom("daily", "weekly", "1h", "7h", "12h", "48h"),
  time: dayTime,
  zone: fc.constantFrom(...zones),
});

describe("any schedule", () => {
  it("without restrictions has exactly one person at each moment, whose shift holds it, with no hole after it", () => {
    fc.assert(
      fc.property(rotating, moments, ({ rotate, time, zone }, now) => {
        const one = schedule(
          layer({ rotation: ["olive", "lena", "dev"], rotate, start: `2026-01-05T${time}`, zone }),
        );
        const shift = onCall(catalog, one, now);
        expect(shift && shift.since <= now && now < shift.until).toBe(true);
        const next = shift && onCall(catalog, one, shift.until);
        expect(next?.since).toEqual(shift?.until);
      }),
      { numRuns: 300 },
    );
  });

  it("hands over when the wall clock shows the time of its start, whatever the season", () => {
    fc.assert(
      fc.property(rotating, moments, ({ time, zone }, now) => {
        const one = schedule(
          layer({ rotation: ["olive", "lena"], rotate: "daily", start: `2026-01-05T${time}`, zone }),
        );
        const until = onCall(catalog, one, now)?.until;
        const shown = DateTime.fromJSDate(until ?? now, { zone });
        const isLeftOut =
          DateTime.fromISO(`${shown.toISODate()}T${time}`, { zone }).toFormat("HH:mm") !== time;
        // A time that the clock leaves out that night is handed over at the moment of the change.
        if (isLeftOut) expect(shown.offset).not.toBe(shown.minus({ milliseconds: 1 }).offset);
        else expect(shown.toFormat("HH:mm")).toBe(time);
      }),
      { numRuns: 300 },
    );
  });

  it("whose windows share a week out has exactly one person or a gap that is stated, and spans that agree", () => {
    fc.assert(
      fc.property(dayTime, dayTime, fc.constantFrom(...zones), moments, (from, to, zone, now) => {
        const day = layer({ rotation: ["olive", "lena"], zone, during: [{ ...always, from, to }] });
        const night = { ...day, name: "two", rotation: ["dev"], during: [{ ...always, from: to, to: from }] };
        const both = schedule(day, night);
        const until = new Date(now.getTime() + 3 * 86_400_000);
        const whole = spansOf(catalog, both, now, until);
        expect(whole.every(({ person }) => person !== undefined)).toBe(true);
        const half = spansOf(catalog, schedule(day), now, until);
        expect(half[0]?.from).toEqual(now);
        expect(half.at(-1)?.until).toEqual(until);
        half.forEach((span, index) => {
          if (index > 0) expect(span.from).toEqual(half[index - 1]?.until);
          const middle = new Date((span.from.getTime() + span.until.getTime()) / 2);
          expect(onCall(catalog, schedule(day), middle)?.person.id).toBe(span.person?.id);
        });
      }),
      { numRuns: 150 },
    );
  });
});

describe("a wall clock", () => {
  const berlin = wallClock("Europe/Berlin");
  const moment = (local: string) => berlin.momentOf(readingOf(local) ?? Number.NaN).toISOString();

  it("takes a reading that is left out as the moment of the change, and the first of one that comes twice", () => {
    expect(moment("2026-03-29T01:59")).toBe("2026-03-29T00:59:00.000Z");
    expect(moment("2026-03-29T02:30")).toBe("2026-03-29T01:00:00.000Z");
    expect(moment("2026-03-29T03:00")).toBe("2026-03-29T01:00:00.000Z");
    expect(moment("2026-10-25T02:30")).toBe("2026-10-25T00:30:00.000Z");
    expect(moment("2026-10-25T03:00")).toBe("2026-10-25T02:00:00.000Z");
  });

  it("has later moments for later readings, or the same one", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        moments,
        fc.integer({ min: 0, max: 7_200_000 }),
        (zone, at, laterMs) => {
          const clock = wallClock(zone);
          const readingMs = clock.readingAt(at);
          expect(clock.momentOf(readingMs + laterMs).getTime()).toBeGreaterThanOrEqual(
            clock.momentOf(readingMs).getTime(),
          );
          expect(clock.momentOf(readingMs) <= at).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("knows days that exist", () => {
    expect(readingOf("2026-02-29T09:00")).toBeUndefined();
    expect(readingOf("2028-02-29T09:00")).toBeDefined();
  });
});
