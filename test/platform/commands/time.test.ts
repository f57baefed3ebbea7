import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  durationMaxMs,
  formatDuration,
  formatMoment,
  parseDuration,
  readInstant,
  readTimeSpan,
} from "../../../src/platform/commands/time.ts";

const berlin = "Europe/Berlin";
const monday = new Date("2026-11-23T09:00:00Z");

function until(text: string, now: Date, zone: string): string {
  const found = readTimeSpan(["until", ...text.split(" ")], now, zone);
  return found.ok ? found.value.value.until.toISOString() : found.refusal.rule;
}

describe("durations", () => {
  it.each([
    ["90s", 90_000],
    ["15m", 900_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["1h30m", 5_400_000],
    ["1d2h3m4s", 93_784_000],
    ["366d", durationMaxMs],
  ])("reads %s", (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  it("refuses one second past the longest", () => {
    expect(parseDuration("366d1s")).toBeUndefined();
  });

  it("reads back what it writes, to the second", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: durationMaxMs / 1_000 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds * 1_000))).toBe(seconds * 1_000);
      }),
    );
  });

  it("reads nothing but digits and units, falling, each once", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789dhms.-+e xN"), maxLength: 8 }), (text) => {
        const durationMs = parseDuration(text);
        const isWellFormed = /^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$/.test(text);
        if (durationMs !== undefined)
          expect(isWellFormed && durationMs > 0 && durationMs <= durationMaxMs).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    [0, "0s"],
    [-5, "0s"],
    [Number.NaN, "0s"],
    [Number.POSITIVE_INFINITY, "0s"],
    [999, "0s"],
    [61_999, "1m1s"],
  ])("writes %s ms as %s", (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });
});

describe("until", () => {
  it.each([
    ["fri 09:00", "2026-11-27T08:00:00.000Z"],
    ["Friday 09:00", "2026-11-27T08:00:00.000Z"],
    ["mon 10:01", "2026-11-23T09:01:00.000Z"],
    ["mon 10:00", "2026-11-30T09:00:00.000Z"],
    ["today 23:59", "2026-11-23T22:59:00.000Z"],
    ["tomorrow 00:00", "2026-11-23T23:00:00.000Z"],
    ["10:01", "2026-11-23T09:01:00.000Z"],
    ["10:00", "2026-11-24T09:00:00.000Z"],
    ["2027-01-31 09:00", "2027-01-31T08:00:00.000Z"],
    ["today 09:59", "time-passed"],
    ["2026-11-22 09:00", "time-passed"],
    ["2099-01-01 09:00", "time-too-far"],
    ["2026-02-30 09:00", "not-a-time"],
    ["fri 9:00", "not-a-time"],
    ["fries 09:00", "not-a-time"],
  ])("reads %s on a Monday at 10:00 in Berlin as %s", (text, expected) => {
    expect(until(text, monday, berlin)).toBe(expected);
  });

  it("keeps the clock time over a change of clocks", () => {
    // Clocks in Berlin go back on 25 October 2026 at 03:00.
    const saturday = new Date("2026-10-24T10:00:00Z");
    expect(until("09:00", saturday, berlin)).toBe("2026-10-25T08:00:00.000Z");
    expect(until("sun 01:30", saturday, berlin)).toBe("2026-10-24T23:30:00.000Z");
  });

  it("takes the first of an hour that comes twice", () => {
    expect(until("sun 02:30", new Date("2026-10-24T10:00:00Z"), berlin)).toBe("2026-10-25T00:30:00.000Z");
    expect(until("sun 01:30", new Date("2026-10-31T10:00:00Z"), "America/New_York")).toBe(
      "2026-11-01T05:30:00.000Z",
    );
  });

  it("refuses a time that clocks skip, with the one that exists", () => {
    const found = readTimeSpan(["until", "sun", "02:30"], new Date("2026-03-28T10:00:00Z"), berlin);
    expect(found).toMatchObject({
      ok: false,
      refusal: { rule: "time-skipped", hint: "Write until 2026-03-29 03:30." },
    });
  });

  it("is always ahead, at most 366 days, and at the clock time typed", () => {
    const days = fc.constantFrom(
      "",
      "mon ",
      "tue ",
      "wed ",
      "thu ",
      "fri ",
      "sat ",
      "sun ",
      "today ",
      "tomorrow ",
    );
    const zones = fc.constantFrom(berlin, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC");
    const times = fc.date({
      min: new Date("2026-01-01T00:00:00Z"),
      max: new Date("2027-12-31T00:00:00Z"),
      noInvalidDate: true,
    });
    const clocks = fc
      .tuple(fc.nat(23), fc.nat(59))
      .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`);
    fc.assert(
      fc.property(days, clocks, zones, times, (day, clock, zone, now) => {
        const found = readTimeSpan(["until", ...`${day}${clock}`.split(" ")], now, zone);
        if (!found.ok) {
          expect(found.refusal.rule).toMatch(/^(time-passed|time-skipped)$/);
          return;
        }
        const { durationMs, until: end, hasFixedEnd } = found.value.value;
        expect(durationMs).toBeGreaterThan(0);
        expect(durationMs).toBeLessThanOrEqual(8 * 86_400_000);
        expect(end.getTime() - now.getTime()).toBe(durationMs);
        expect(hasFixedEnd).toBe(true);
        expect(formatMoment(end, zone)).toContain(` ${clock} `);
      }),
      { numRuns: 500 },
    );
  });

  it("names a zone that does not exist", () => {
    expect(until("09:00", monday, "Mars/Olympus")).toBe("unknown-zone");
  });
});

describe("a moment to come", () => {
  it("is a duration from now or a day and clock time", () => {
    expect(readInstant(["15m"], monday, berlin)).toMatchObject({
      value: { value: new Date("2026-11-23T09:15:00Z"), wordCount: 1 },
    });
    expect(readInstant(["fri", "09:00"], monday, berlin)).toMatchObject({
      value: { value: new Date("2026-11-27T08:00:00Z"), wordCount: 2 },
    });
    expect(readInstant(["soon"], monday, berlin)).toMatchObject({
      ok: false,
      refusal: { rule: "not-a-time" },
    });
  });
});
