import { describe, expect, it } from "vitest";
import { longestWindowMs, nominalWindowMs, periodAt, type SloWindow } from "../../src/catalog/slo-windows.ts";

const hour = 3_600_000;
const calendar = (
  unit: Extract<SloWindow, { calendar: unknown }>["calendar"],
  zone = "UTC",
  start = "2024-01-01",
): SloWindow => ({ calendar: unit, zone, start });
const period = (window: SloWindow, at: string) => {
  const { from, to } = periodAt(window, new Date(at));
  return [from.toISOString(), to.toISOString(), (to.getTime() - from.getTime()) / hour];
};

describe("the period a moment lies in", () => {
  it("of a rolling window ends at the moment", () => {
    expect(period({ rolling: 24 * hour }, "2026-11-25T10:00:00Z")).toEqual([
      "2026-11-24T10:00:00.000Z",
      "2026-11-25T10:00:00.000Z",
      24,
    ]);
  });

  it.each([
    ["a Monday's week", calendar("week"), "2026-11-25T10:00:00Z", "2026-11-23", "2026-11-30", 168],
    ["November", calendar("month"), "2026-11-25T10:00:00Z", "2026-11-01", "2026-12-01", 720],
    ["a leap year's February", calendar("month"), "2028-02-29T23:59:59Z", "2028-02-01", "2028-03-01", 696],
    ["a quarter", calendar("quarter"), "2026-11-25T10:00:00Z", "2026-10-01", "2027-01-01", 2208],
    ["a year", calendar("year"), "2026-11-25T10:00:00Z", "2026-01-01", "2027-01-01", 8760],
    ["before its start", calendar("month"), "2023-12-31T23:59:59Z", "2023-12-01", "2024-01-01", 744],
    ["its first moment", calendar("month"), "2026-12-01T00:00:00Z", "2026-12-01", "2027-01-01", 744],
  ])("of %s is the whole of it", (_, window, at, from, to, hours) => {
    expect(period(window, at)).toEqual([`${from}T00:00:00.000Z`, `${to}T00:00:00.000Z`, hours]);
  });

  it("has 23 hours on the day clocks go forward and 25 when they go back", () => {
    const berlin = calendar("day", "Europe/Berlin");
    expect(period(berlin, "2026-03-29T12:00:00Z")).toEqual([
      "2026-03-28T23:00:00.000Z",
      "2026-03-29T22:00:00.000Z",
      23,
    ]);
    expect(period(berlin, "2026-10-25T12:00:00Z")).toEqual([
      "2026-10-24T22:00:00.000Z",
      "2026-10-25T23:00:00.000Z",
      25,
    ]);
    expect(period(calendar("month", "Europe/Berlin"), "2026-03-31T21:59:59Z")[2]).toBe(743);
    expect(period(calendar("month", "Europe/Berlin"), "2026-03-31T22:00:00Z")[0]).toBe(
      "2026-03-31T22:00:00.000Z",
    );
  });

  it("begins where the start says, on a short month's last day where it must", () => {
    const window = calendar("month", "UTC", "2026-01-31T06:00");
    expect(period(window, "2026-03-01T00:00:00Z")).toEqual([
      "2026-02-28T06:00:00.000Z",
      "2026-03-31T06:00:00.000Z",
      744,
    ]);
    expect(period(window, "2026-02-28T05:59:59Z")[0]).toBe("2026-01-31T06:00:00.000Z");
  });
});

it("sizes rows by the usual length and storage by the longest", () => {
  expect(nominalWindowMs(calendar("month"))).toBe(30 * 24 * hour);
  expect(longestWindowMs(calendar("month"))).toBe(31 * 24 * hour + hour);
  expect(nominalWindowMs({ rolling: hour })).toBe(hour);
});
