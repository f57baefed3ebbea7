import fc from "fast-check";
import { DateTime } from "luxon";
import { describe, expect, it } from "vitest";
import { nextSpan, spanAt, spansBetween } from "../../src/catalog/freeze-times.ts";
import { type CalendarFreeze, freezeSchema } from "../../src/catalog/freezes.ts";
import { base, problems, read, team } from "./files.ts";

const freeze = (times: object, zone = "Europe/Berlin"): CalendarFreeze =>
  freezeSchema.parse({ name: "quiet", reason: "Nobody is there", scope: "all", zone, ...times });
const weekend = { weekly: { from: "fri 16:00", until: "mon 08:00" } };
const yearEnd = { yearly: { from: "12-20 00:00", until: "01-02 24:00" } };

const at = (text: string, zone = "Europe/Berlin") => DateTime.fromISO(text, { zone }).toJSDate();
const wall = (moment: Date, zone = "Europe/Berlin") =>
  DateTime.fromJSDate(moment, { zone }).toFormat("yyyy-MM-dd HH:mm");

describe("a freeze of the calendar", () => {
  it.each([
    ["the minute before it begins", weekend, "2026-11-27T15:59:59.999", undefined],
    ["when it begins", weekend, "2026-11-27T16:00", ["2026-11-27 16:00", "2026-11-30 08:00"]],
    ["on Sunday", weekend, "2026-11-29T23:59", ["2026-11-27 16:00", "2026-11-30 08:00"]],
    ["the minute before it ends", weekend, "2026-11-30T07:59", ["2026-11-27 16:00", "2026-11-30 08:00"]],
    ["when it ends", weekend, "2026-11-30T08:00", undefined],
    ["before new year", yearEnd, "2026-12-31T12:00", ["2026-12-20 00:00", "2027-01-03 00:00"]],
    ["after new year", yearEnd, "2027-01-02T23:59", ["2026-12-20 00:00", "2027-01-03 00:00"]],
    ["after its last day", yearEnd, "2027-01-03T00:00", undefined],
    [
      "within one year",
      { yearly: { from: "06-01 08:00", until: "06-14 24:00" } },
      "2026-06-14T23:00",
      ["2026-06-01 08:00", "2026-06-15 00:00"],
    ],
    [
      "once",
      { from: "2026-11-27T00:00", until: "2026-11-28T12:00" },
      "2026-11-28T11:59",
      ["2026-11-27 00:00", "2026-11-28 12:00"],
    ],
    [
      "a year after its one time",
      { from: "2026-11-27T00:00", until: "2026-11-28T12:00" },
      "2027-11-27T10:00",
      undefined,
    ],
    [
      "within a week, over no weekend",
      { weekly: { from: "tue 22:00", until: "wed 24:00" } },
      "2026-11-25T23:30",
      ["2026-11-24 22:00", "2026-11-26 00:00"],
    ],
  ])("stands by the wall's clock, %s", (_when, times, moment, expected) => {
    const span = spanAt(freeze(times), at(moment));
    expect(span && [wall(span.from), wall(span.until)]).toEqual(expected);
  });

  it("lasts as long as the wall says over a clock change: 63, 64 and 65 hours", () => {
    const hours = (moment: string) => {
      const span = spanAt(freeze(weekend), at(moment));
      return span && (span.until.getTime() - span.from.getTime()) / 3_600_000;
    };
    expect(hours("2026-03-28T12:00")).toBe(63);
    expect(hours("2026-11-28T12:00")).toBe(64);
    expect(hours("2026-10-24T12:00")).toBe(65);
  });

  it("takes a time that is skipped as the moment of the change, and one that comes twice the first time", () => {
    const spring = freeze({ weekly: { from: "sun 02:30", until: "sun 05:00" } });
    expect(spanAt(spring, at("2026-03-29T04:00"))?.from.toISOString()).toBe("2026-03-29T01:00:00.000Z");
    const autumn = freeze({ weekly: { from: "sat 22:00", until: "sun 02:30" } });
    expect(spanAt(autumn, at("2026-10-24T23:00"))?.until.toISOString()).toBe("2026-10-25T00:30:00.000Z");
    const swallowed = freeze({ weekly: { from: "sun 02:10", until: "sun 02:40" } });
    expect(spansBetween(swallowed, at("2026-03-29T00:00"), at("2026-03-30T00:00"))).toEqual([]);
  });

  it("says when it comes next", () => {
    const next = nextSpan(freeze(weekend), at("2026-11-28T12:00"), 30 * 86_400_000);
    expect(next && wall(next.from)).toBe("2026-12-04 16:00");
    expect(nextSpan(freeze(yearEnd), at("2026-06-01T12:00"), 30 * 86_400_000)).toBeUndefined();
  });

  it("begins and ends at its times on every wall, and stands exactly between them, whatever clocks do", () => {
    const zones = [
      "Europe/Berlin",
      "America/New_York",
      "Australia/Lord_Howe",
      "America/Sao_Paulo",
      "Asia/Kolkata",
      "UTC",
    ];
    const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    const dayTime = fc.tuple(fc.constantFrom(...days), fc.integer({ min: 0, max: 95 }));
    const textOf = ([day, quarter]: [string, number]) =>
      `${day} ${String(Math.floor(quarter / 4)).padStart(2, "0")}:${String((quarter % 4) * 15).padStart(2, "0")}`;
    const yearDay = fc.tuple(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 28 }),
      fc.integer({ min: 0, max: 23 }),
    );
    const dateText = ([month, day, hour]: [number, number, number]) =>
      `${[month, day].map((part) => String(part).padStart(2, "0")).join("-")} ${String(hour).padStart(2, "0")}:30`;
    const times = fc.oneof(
      fc
        .tuple(dayTime, dayTime)
        .map(([from, until]) => ({ weekly: { from: textOf(from), until: textOf(until) } })),
      fc
        .tuple(yearDay, yearDay)
        .map(([from, until]) => ({ yearly: { from: dateText(from), until: dateText(until) } })),
    );
    const moment = fc.date({
      min: new Date("2024-01-01T00:00:00Z"),
      max: new Date("2030-01-01T00:00:00Z"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(times, fc.constantFrom(...zones), moment, (declared, zone, when) => {
        const { from, until } = "weekly" in declared ? declared.weekly : declared.yearly;
        if (from === until) return;
        const format = "weekly" in declared ? "ccc HH:mm" : "MM-dd HH:mm";
        const read = (time: Date) =>
          DateTime.fromJSDate(time, { zone }).setLocale("en").toFormat(format).toLowerCase();
        const one = freeze(declared, zone);
        const aroundMs = ("weekly" in declared ? 20 : 400) * 86_400_000;
        const around = spansBetween(
          one,
          new Date(when.getTime() - aroundMs),
          new Date(when.getTime() + aroundMs),
        );
        for (const span of around) {
          // A time that the clocks skip is the moment they change: then the minute before shows an earlier time.
          const isSkipped = (time: Date) => {
            const local = DateTime.fromJSDate(time, { zone });
            return local.offset !== local.minus({ minutes: 1 }).offset;
          };
          if (!isSkipped(span.from)) expect(read(span.from)).toBe(from);
          if (!isSkipped(span.until)) expect(read(span.until)).toBe(until);
        }
        expect(
          around.every((span, index) => index === 0 || (around[index - 1]?.until ?? span.from) <= span.from),
        ).toBe(true);
        const holds = around.find((span) => span.from <= when && when < span.until);
        expect(spanAt(one, when)).toEqual(holds);
      }),
      { numRuns: 200 },
    );
  });
});

describe("the catalog's freezes", () => {
  const entry = (rest: string) =>
    `freezes:\n  - { name: quiet, reason: Nobody is there, scope: all, zone: Europe/Berlin, ${rest} }\n`;
  const weekly = "weekly: { from: fri 16:00, until: mon 08:00 }";

  it.each([
    [entry(weekly), ""],
    [
      entry("weekly: { from: friday 4pm, until: mon 08:00 }"),
      "freezes.quiet.weekly.from: must be a day of the week and a time, such as fri 16:00",
    ],
    [
      entry("weekly: { from: sun 24:00, until: mon 00:00 }"),
      "freezes.quiet.weekly.until: is when it begins; a freeze that never ends is no freeze",
    ],
    [
      entry("yearly: { from: 02-29 00:00, until: 03-02 00:00 }"),
      "freezes.quiet.yearly.from: is no day of every year",
    ],
    [entry("from: 2026-11-27T00:00"), "freezes.quiet.until: is missing; add it"],
    [
      entry("from: 2026-11-27T00:00, until: 2026-11-26T00:00"),
      "freezes.quiet.until: is not after from; exchange them",
    ],
    [entry(weekly).replace("Europe/Berlin", "Berlin"), "freezes.quiet.zone: is not an IANA time zone"],
    [entry(weekly).replace("quiet", "f-3"), 'freezes.f-3.name: "f-3" reads as an id; rename the freeze'],
    [entry(weekly).replace("all", "{ teams: [storefrnt] }"), "did you mean storefront?"],
    [entry(weekly).replace("all", "{ teams: [] }"), "names nobody"],
  ])("are refused by the field's name: %s", (yaml, said) => {
    const found = problems(base, team, yaml);
    if (said === "") expect(found).toEqual([]);
    else expect(found.join()).toContain(said);
  });

  it("need one time, and warn of an environment that nobody has", () => {
    expect(
      problems(base, team, "freezes:\n  - { name: quiet, reason: Why, scope: all, zone: UTC }\n").join(),
    ).toContain("freezes.quiet: needs one time: from and until, or weekly, or yearly");
    const checked = read(base, team, entry(`environments: [prodution], ${weekly}`));
    expect(checked.ok && checked.warnings.map(({ field }) => field)).toContain(
      "freezes.quiet.environments.0",
    );
  });
});
