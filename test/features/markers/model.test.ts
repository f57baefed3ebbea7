import { describe, expect, it } from "vitest";
import { chartMarks, type Marker, withoutMarked } from "../../../src/features/markers/index.ts";
import { keyOf, noticeOf, retryAt } from "../../../src/features/markers/model.ts";

const atMs = (minute: number) => Date.UTC(2026, 10, 25, 12, minute);
const marker = (kind: Marker["kind"], minute: number, more: Partial<Marker> = {}): Marker => ({
  id: `${kind}-${minute}`,
  service: "shop",
  environment: "production",
  kind,
  version: "v42",
  from: "v41",
  percent: null,
  thing: "R-12",
  at: new Date(atMs(minute)),
  ...more,
});
const span = { fromMs: atMs(0), toMs: atMs(59) };
const labels = (markers: Marker[]) => chartMarks(markers, span).map(({ label, kind }) => `${kind} ${label}`);

describe("markers on a chart", () => {
  it("say what happened in a word, oldest first", () => {
    expect(
      labels([
        marker("rolled-back", 9, { version: "v41" }),
        marker("started", 1),
        marker("step", 2, { percent: 0.5 }),
        marker("promoted", 3),
        marker("reverted", 4, { version: "v41" }),
        marker("deployed", 5, { version: "v43" }),
      ]),
    ).toEqual([
      "deploy v42",
      "step 0.5 %",
      "event v42 promoted",
      "event reverted",
      "deploy v43",
      "event back to v41",
    ]);
  });

  it("are those of the span alone", () => {
    expect(
      labels([marker("started", -1), marker("started", 0), marker("started", 59), marker("started", 60)]),
    ).toHaveLength(2);
  });

  it("lose steps first where they are too many, then the oldest", () => {
    const many = Array.from({ length: 20 }, (_, minute) => marker("step", minute, { percent: minute }));
    const ends = Array.from({ length: 14 }, (_, minute) => marker("reverted", minute + 20));
    expect(labels(many.slice(0, 12))).toHaveLength(12);
    expect(labels([...many, marker("promoted", 30)])).toEqual(["event v42 promoted"]);
    expect(chartMarks(ends, span).map(({ atMs: ms }) => ms)[0]).toBe(atMs(22));
  });

  it("stand for the change they tell of", () => {
    const changes = [1, 5].map((minute) => ({ version: "v42", at: new Date(atMs(minute)) }));
    expect(withoutMarked(changes, [marker("step", 2)])).toEqual([changes[1]]);
    expect(withoutMarked(changes, [marker("step", 2, { version: "v43" })])).toEqual(changes);
  });
});

it("a marker is known by its thing, kind and share", () => {
  const { id, from, percent, ...rest } = marker("step", 1);
  expect([id, from, percent]).toEqual(["step-1", "v41", null]);
  expect(keyOf({ ...rest, percent: 10 })).toBe("R-12:step:10");
  expect(keyOf(rest)).toBe("R-12:step");
});

it("what was not taken is told again sooner at first, with a jitter, and not before it is wanted", () => {
  const now = new Date(atMs(0));
  const waits = (attempts: number, random: number, notBeforeMs?: number) =>
    (retryAt(now, attempts, random, notBeforeMs).getTime() - now.getTime()) / 1_000;
  expect([1, 2, 3, 4, 5, 6, 7, 100].map((attempts) => waits(attempts, 0.5))).toEqual([
    5, 30, 120, 600, 1_800, 3_600, 3_600, 3_600,
  ]);
  expect([waits(1, 0), waits(1, 1), waits(1, 0.5, 90_000)]).toEqual([4.5, 5.5, 90]);
});

it("a notice leads to the page where there is one", () => {
  expect(noticeOf(marker("step", 1), "https://q").url).toBe("https://q/console/rollouts/R-12");
  expect(noticeOf(marker("deployed", 1, { thing: "D-3" }), "https://q").url).toBeNull();
  expect(noticeOf(marker("step", 1), "").url).toBeNull();
});
