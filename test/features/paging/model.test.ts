import { describe, expect, it } from "vitest";
import {
  type Delivery,
  type Page,
  type Policy,
  spanText,
  stepsDue,
  type Wake,
} from "../../../src/features/paging/model.ts";

const start = new Date("2026-03-02T03:00:00Z");
const later = (seconds: number) => new Date(start.getTime() + seconds * 1_000);
const policy: Policy = { remindEveryMs: 300_000, escalateAfterMs: 900_000, undeliveredAfterMs: 60_000 };
const page: Page = {
  id: "p",
  dedupKey: "T-3",
  state: "open",
  team: "storefront",
  service: "shop",
  subject: "T-3",
  headline: "PAGE shop: errors 9 %",
  channel: "C0SHOPALERTS",
  parent: null,
  verbs: [],
  from: [],
  openedAt: start,
  openedBy: "quarterdeck",
  climbed: 0,
  climbedAt: null,
  reminders: 0,
  remindedAt: null,
  acknowledgedAt: null,
  acknowledgedBy: null,
  resolvedAt: null,
  resolvedBy: null,
};
const woken = (
  at: Date,
  delivery: Delivery,
  failedAt: Date | null = null,
): Wake & { delivery: Delivery } => ({
  person: "olive",
  user: "U0ONCALL",
  at,
  because: "on-call",
  failedAt,
  delivery,
});
const reached = woken(start, { state: "delivered" });
const kinds = (steps: readonly { do: string }[] | undefined) => steps?.map((step) => step.do);

it("waits for the reminder once the page reached somebody", () => {
  expect(stepsDue(page, [reached], policy, later(5))).toEqual({ steps: [], nextAt: later(300) });
});

it("reminds at the border of the interval and not before", () => {
  expect(kinds(stepsDue(page, [reached], policy, later(299.999))?.steps)).toEqual([]);
  expect(stepsDue(page, [reached], policy, later(300))).toEqual({
    steps: [{ do: "remind" }],
    nextAt: later(600),
  });
});

it("counts the next reminder from the last one, so that a late worker does not send two", () => {
  const late = stepsDue(page, [reached], policy, later(800));
  expect(kinds(late?.steps)).toEqual(["remind"]);
  const reminded = { ...page, reminders: 1, remindedAt: later(800) };
  expect(stepsDue(reminded, [reached], policy, later(801))).toEqual({ steps: [], nextAt: later(900) });
});

it("wakes the next person after the escalation time, counted from who was woken last", () => {
  const reminded = { ...page, remindedAt: later(850) };
  expect(kinds(stepsDue(reminded, [reached], policy, later(899))?.steps)).toEqual([]);
  expect(stepsDue(reminded, [reached], policy, later(900))?.steps).toEqual([
    { do: "wake-next", because: "escalated" },
  ]);
  const second = { ...woken(later(900), { state: "delivered" }), person: "lena" };
  expect(
    kinds(stepsDue({ ...page, remindedAt: later(1_790) }, [reached, second], policy, later(1_799))?.steps),
  ).toEqual([]);
  expect(
    kinds(stepsDue({ ...page, remindedAt: later(1_790) }, [reached, second], policy, later(1_800))?.steps),
  ).toEqual(["wake-next"]);
});

describe("a team's own steps", () => {
  const ladder = [
    { after: 300_000, wake: "next" },
    { after: 600_000, wake: "leads" },
    { after: 60_000, pager: "phone" },
  ] satisfies Policy["ladder"];
  const quiet = { ...page, remindedAt: later(100_000) };
  const climbed = (count: number, at: Date): Page => ({ ...quiet, climbed: count, climbedAt: at });
  const own: Policy = { ...policy, ladder };

  it("take the place of the usual time, each counted from the one before", () => {
    expect(stepsDue(quiet, [reached], own, later(299.999))).toEqual({ steps: [], nextAt: later(300) });
    expect(stepsDue(quiet, [reached], own, later(300))).toEqual({
      steps: [{ do: "climb", rung: ladder[0] }],
      nextAt: later(300),
    });
    expect(stepsDue(climbed(1, later(310)), [reached], own, later(909))?.steps).toEqual([]);
    expect(stepsDue(climbed(1, later(310)), [reached], own, later(910))?.steps).toEqual([
      { do: "climb", rung: ladder[1] },
    ]);
    expect(stepsDue(climbed(2, later(910)), [reached], own, later(970))?.steps).toEqual([
      { do: "climb", rung: ladder[2] },
    ]);
  });

  it("end at the top, where only reminders go on", () => {
    const top = climbed(3, later(970));
    expect(stepsDue({ ...top, remindedAt: later(960) }, [reached], own, later(5_000))).toEqual({
      steps: [{ do: "remind" }],
      nextAt: later(5_300),
    });
  });

  it("keep their time when somebody is not reached, who is replaced at once", () => {
    const refused = woken(start, { state: "refused", why: "user_disabled" });
    const due = stepsDue(quiet, [refused], own, later(5));
    expect(kinds(due?.steps)).toEqual(["give-up", "wake-next"]);
    expect(due?.nextAt).toEqual(later(300));
    expect(kinds(stepsDue(quiet, [refused], own, later(300))?.steps)).toEqual([
      "give-up",
      "wake-next",
      "climb",
    ]);
  });
});

it("looks again soon while it is not known whether the message arrived", () => {
  expect(stepsDue(page, [woken(start, { state: "pending" })], policy, later(5))).toEqual({
    steps: [],
    nextAt: later(10),
  });
});

it("gives up on somebody whom Slack refuses, at once, and wakes the next", () => {
  const refused = woken(start, { state: "refused", why: "chat.postMessage: user_disabled" });
  expect(stepsDue(page, [refused], policy, later(5))?.steps).toEqual([
    { do: "give-up", wake: refused, why: "Slack refused it: chat.postMessage: user_disabled" },
    { do: "wake-next", because: "undelivered" },
  ]);
});

it("gives up on somebody whom a minute did not reach, and wakes the next", () => {
  const pending = woken(start, { state: "pending" });
  expect(kinds(stepsDue(page, [pending], policy, later(59.999))?.steps)).toEqual([]);
  expect(kinds(stepsDue(page, [pending], policy, later(60))?.steps)).toEqual(["give-up", "wake-next"]);
  const given = woken(start, { state: "pending" }, later(60));
  const second = { ...woken(later(60), { state: "delivered" }), person: "lena" };
  expect(kinds(stepsDue(page, [given, second], policy, later(65))?.steps)).toEqual([]);
});

it("tries to wake somebody as long as nobody is", () => {
  expect(stepsDue(page, [], policy, later(0))?.steps).toEqual([{ do: "wake-next", because: "undelivered" }]);
});

it.each(["acknowledged", "resolved"] as const)("does nothing more once it is %s", (state) => {
  expect(stepsDue({ ...page, state }, [reached], policy, later(10_000))).toBeUndefined();
});

it.each([
  [94_000, "94 s"],
  [119_499, "119 s"],
  [120_000, "2 min"],
  [7_200_000, "2 h"],
  [11_100_000, "3 h 5 min"],
])("says %d ms as %s", (ms, text) => {
  expect(spanText(ms)).toBe(text);
});
