import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold, type KeptAlert, type ReadAlert, severityOf } from "../../../src/features/alerts/model.ts";

const at = (minute: number): Date => new Date(Date.UTC(2026, 2, 2, 10, minute));
const read = (
  status: ReadAlert["status"],
  startsAt?: number,
  endsAt?: number,
  over: Partial<ReadAlert> = {},
): ReadAlert => ({
  fingerprint: "f1",
  status,
  labels: { alertname: "Down" },
  annotations: {},
  title: "Down",
  links: [],
  severity: "critical",
  severityText: "critical",
  startsAt: startsAt === undefined ? undefined : at(startsAt),
  endsAt: endsAt === undefined ? undefined : at(endsAt),
  ...over,
});
const keptAfter = (...told: (readonly [ReadAlert, number])[]): KeptAlert =>
  told.reduce<KeptAlert | undefined>(
    (kept, [alert, minute]) => fold(kept, alert, "s", at(minute)),
    undefined,
  ) as KeptAlert;

describe("what is kept of an alert", () => {
  it("is open from its first firing and closed by its resolve", () => {
    expect(keptAfter([read("firing", 0), 1])).toMatchObject({
      status: "firing",
      startsAt: at(0),
      endedAt: null,
      receivedCount: 1,
    });
    expect(keptAfter([read("firing", 0), 1], [read("resolved", 0, 5), 6])).toMatchObject({
      status: "resolved",
      endedAt: at(5),
      receivedCount: 2,
    });
  });

  it("is not opened again by a firing older than what closed it", () => {
    const closed = [
      [read("firing", 0), 1],
      [read("resolved", 0, 5), 6],
    ] as const;
    expect(keptAfter(...closed, [read("firing", 0), 7]).status).toBe("resolved");
    expect(keptAfter(...closed, [read("firing", 4), 7]).status).toBe("resolved");
    expect(keptAfter(...closed, [read("firing", 5), 7]).status).toBe("firing");
    expect(keptAfter(...closed, [read("firing", 6), 7])).toMatchObject({ status: "firing", startsAt: at(6) });
  });

  it("is not closed by the resolve of an earlier episode that comes late", () => {
    expect(
      keptAfter([read("firing", 0), 1], [read("firing", 10), 11], [read("resolved", 0, 5), 12]).status,
    ).toBe("firing");
    expect(keptAfter([read("firing", 10), 11], [read("resolved", 0, 5), 12]).status).toBe("firing");
  });

  it("is closed by either of two peers that saw it begin a little apart", () => {
    expect(
      keptAfter([read("firing", 1), 2], [read("firing", 0), 2], [read("resolved", 0, 5), 6]).status,
    ).toBe("resolved");
    expect(
      keptAfter([read("firing", 0), 2], [read("firing", 1), 2], [read("resolved", 1, 5), 6]).status,
    ).toBe("resolved");
  });

  it("takes receipt for a time that is not known, and never believes in the future", () => {
    expect(keptAfter([read("firing"), 3]).startsAt).toEqual(at(3));
    expect(keptAfter([read("firing", 50), 3]).startsAt).toEqual(at(3));
    expect(keptAfter([read("firing"), 3], [read("resolved"), 4])).toMatchObject({
      status: "resolved",
      endedAt: at(4),
    });
    expect(keptAfter([read("firing", 0), 1], [read("resolved", 0, 59), 4]).endedAt).toEqual(at(4));
  });

  it("is not overwritten with blanks", () => {
    const kept = keptAfter(
      [
        read("firing", 0, undefined, {
          annotations: { summary: "down" },
          links: [{ label: "source", url: "http://p/1" }],
        }),
        1,
      ],
      [
        read("resolved", 0, 2, {
          annotations: { summary: " " },
          links: [],
          severityText: undefined,
          severity: "info",
        }),
        3,
      ],
    );
    expect(kept).toMatchObject({
      annotations: { summary: "down" },
      link: "http://p/1",
      severity: "critical",
    });
  });

  it("ends the same however often and in whatever order one history arrives", () => {
    const history = [
      read("firing", 0),
      read("resolved", 0, 5),
      read("firing", 10),
      read("resolved", 10, 20),
      read("firing", 30),
    ];
    for (const count of [2, 3, 4, 5]) {
      const truth = history[count - 1]?.status;
      fc.assert(
        fc.property(
          fc.shuffledSubarray([...history.slice(0, count), ...history.slice(0, count)], {
            minLength: count * 2,
          }),
          (told) => {
            expect(keptAfter(...told.map((alert) => [alert, 40] as const)).status).toBe(truth);
          },
        ),
      );
    }
  });
});

it.each([
  ["CRITICAL", "critical"],
  ["page", "critical"],
  ["Sev1", "critical"],
  ["P2", "error"],
  ["Warning", "warning"],
  ["sev3", "warning"],
  ["", "info"],
  ["odd", "info"],
  [undefined, "info"],
] as const)("reads severity %s as %s", (text, severity) => {
  expect(severityOf(text)).toBe(severity);
});
