import { expect, it } from "vitest";
import {
  type Delivery,
  type Page,
  type Policy,
  spanText,
  stepsDue,
  type Wake,
} from "../../../src/features/paging/model.ts";

const start = new Date("2026-03-02T03:00:00Z");
const after = (seconds: number) => new Date(start.getTime() + seconds * 1_000);
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
  expect(stepsDue(page, [reached], policy, after(5))).toEqual({ steps: [], nextAt: after(300) });
});

it("reminds at the border of the interval and not before", () => {
  expect(kinds(stepsDue(page, [reached], policy, after(299.999))?.steps)).toEqual([]);
  expect(stepsDue(page, [reached], policy, after(300))).toEqual({
    steps: [{ do: "remind" }],
    nextAt: after(600),
  });
});

it("counts the next reminder from the last one, so that a late worker does not send two", () => {
  const late = stepsDue(page, [reached], policy, after(800));
  expect(kinds(late?.steps)).toEqual(["remind"]);
  const reminded = { ...page, reminders: 1, remindedAt: after(800) };
  expect(stepsDue(reminded, [reached], policy, after(801))).toEqual({ steps: [], nextAt: after(900) });
});

it("wakes the next person after the escalation time, counted from who was woken last", () => {
  const reminded = { ...page, remindedAt: after(850) };
  expect(kinds(stepsDue(reminded, [reached], policy, after(899))?.steps)).toEqual([]);
  expect(stepsDue(reminded, [reached], policy, after(900))?.steps).toEqual([
    { do: "wake-next", because: "escalated" },
  ]);
  const second = { ...woken(after(900), { state: "delivered" }), person: "lena" };
  expect(
    kinds(stepsDue({ ...page, remindedAt: after(1_790) }, [reached, second], policy, after(1_799))?.steps),
  ).toEqual([]);
  expect(
    kinds(stepsDue({ ...page, remindedAt: after(1_790) }, [reached, second], policy, after(1_800))?.steps),
  ).toEqual(["wake-next"]);
});

it("looks again soon while it is not known whether the message arrived", () => {
  expect(stepsDue(page, [woken(start, { state: "pending" })], policy, after(5))).toEqual({
    steps: [],
    nextAt: after(10),
  });
});

it("gives up on somebody whom Slack refuses, at once, and wakes the next", () => {
  const refused = woken(start, { state: "refused", why: "chat.postMessage: user_disabled" });
  expect(stepsDue(page, [refused], policy, after(5))?.steps).toEqual([
    { do: "give-up", wake: refused, why: "Slack refused it: chat.postMessage: user_disabled" },
    { do: "wake-next", because: "undelivered" },
  ]);
});

it("gives up on somebody whom a minute did not reach, and wakes the next", () => {
  const pending = woken(start, { state: "pending" });
  expect(kinds(stepsDue(page, [pending], policy, after(59.999))?.steps)).toEqual([]);
  expect(kinds(stepsDue(page, [pending], policy, after(60))?.steps)).toEqual(["give-up", "wake-next"]);
  const given = woken(start, { state: "pending" }, after(60));
  const second = { ...woken(after(60), { state: "delivered" }), person: "lena" };
  expect(kinds(stepsDue(page, [given, second], policy, after(65))?.steps)).toEqual([]);
});

it("tries to wake somebody as long as nobody is", () => {
  expect(stepsDue(page, [], policy, after(0))?.steps).toEqual([{ do: "wake-next", because: "undelivered" }]);
});

it.each(["acknowledged", "resolved"] as const)("does nothing more once it is %s", (state) => {
  expect(stepsDue({ ...page, state }, [reached], policy, after(10_000))).toBeUndefined();
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
