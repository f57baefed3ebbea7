/**
 * Loosening against what a policy lets happen, question by question: written here anew, from what the fields mean, so
 * that a mistake in the rules is not made twice.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { policyLoosened } from "../../../src/catalog/loosening/policy.ts";

const minuteMs = 60_000;
const teams = ["ops", "shop"] as const;
const minutes = [5, 15, 30, 60, 120];
const hours = [3, 10, 20];

interface Policy {
  requesters: string[];
  requesterPeople?: string[] | undefined;
  approvers: string[];
  quorum: number;
  durationMax: number;
  totalDurationMax: number;
  reasonPattern?: string | undefined;
  ticketRequired: boolean;
  incidentRequired?: boolean | undefined;
  stepUp?: boolean | undefined;
  hours?: { zone: string; windows: { days: string[]; from: string; to: string }[] } | undefined;
  automatic?: { durationMax: number; swapSettle: number } | undefined;
  reciprocal?: "reported" | "barred" | undefined;
  breakGlass: boolean | { durationMax?: number | undefined; requesters?: string[] | undefined };
}

const window = (from: number, to: number) => ({
  days: ["mon"],
  from: `${String(from).padStart(2, "0")}:00`,
  to: `${String(to).padStart(2, "0")}:00`,
});
const timeMs = fc.constantFrom(...minutes).map((count) => count * minuteMs);
const some = fc.subarray([...teams], { minLength: 1 });
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const policies: fc.Arbitrary<Policy> = fc.record({
  requesters: some,
  requesterPeople: maybe(fc.subarray(["dev", "lena"], { minLength: 1 })),
  approvers: some,
  quorum: fc.integer({ min: 0, max: 3 }),
  durationMax: timeMs,
  totalDurationMax: timeMs,
  reasonPattern: maybe(fc.constantFrom("^INC-", "^(?:INC|OPS)-")),
  ticketRequired: fc.boolean(),
  incidentRequired: maybe(fc.boolean()),
  stepUp: maybe(fc.boolean()),
  hours: maybe(
    fc
      .subarray([window(0, 6), window(8, 12), window(18, 23)], { minLength: 1 })
      .map((windows) => ({ zone: "UTC", windows })),
  ),
  automatic: maybe(fc.record({ durationMax: timeMs, swapSettle: timeMs })),
  reciprocal: maybe(fc.constantFrom("reported" as const, "barred" as const)),
  breakGlass: fc.oneof(fc.boolean(), fc.record({ durationMax: maybe(timeMs), requesters: maybe(some) })),
});

/** Everything that can be asked of a policy here, and each answer: a way to the role that it leaves open. */
function* ways(policy: Policy): Generator<string> {
  const { durationMax, totalDurationMax, automatic, breakGlass } = policy;
  for (const hour of hours) {
    const isOpen =
      policy.hours === undefined ||
      policy.hours.windows.some(
        ({ from, to }) => hour >= Number(from.slice(0, 2)) && hour < Number(to.slice(0, 2)),
      );
    if (!isOpen) continue;
    for (const count of minutes)
      for (const reason of ["INC-4 stuck", "OPS-1 stuck", "OPS stuck", "stuck"])
        for (const hasIncident of [false, true]) {
          if (policy.ticketRequired && !/[A-Z]+-\d/.test(reason)) continue;
          if (policy.incidentRequired && !hasIncident) continue;
          if (policy.reasonPattern && !new RegExp(policy.reasonPattern, "u").test(reason)) continue;
          for (const team of [...policy.requesters, ...(policy.requesterPeople ?? [])]) {
            const asked = `${team} ${count} at ${hour} because ${reason} ${hasIncident}`;
            for (const approver of policy.approvers)
              for (let approvals = policy.quorum; approvals <= 4; approvals += 1)
                for (const isFresh of policy.stepUp ? [true] : [true, false])
                  for (const isMutual of policy.reciprocal === "barred" ? [false] : [true, false]) {
                    const way = `${asked} by ${approvals} of ${approver} ${isFresh} ${isMutual}`;
                    if (count * minuteMs <= durationMax) yield way;
                    if (count * minuteMs <= totalDurationMax) yield `${way} in all`;
                  }
            if (automatic && hasIncident && count * minuteMs <= automatic.durationMax)
              for (const settled of minutes)
                if (settled * minuteMs >= automatic.swapSettle) yield `${asked} on call since ${settled}`;
          }
        }
  }
  if (breakGlass === false) return;
  const own = breakGlass === true ? {} : breakGlass;
  for (const team of own.requesters ?? [...policy.requesters, ...(policy.requesterPeople ?? [])])
    for (const count of minutes)
      if (count * minuteMs <= (own.durationMax ?? Math.min(durationMax, 30 * minuteMs)))
        yield `${team} ${count} by break-glass`;
}

it("no change that opens a way is missed", () => {
  fc.assert(
    fc.property(policies, policies, (before, after) => {
      const known = new Set(ways(before));
      const opened = [...ways(after)].find((way) => !known.has(way));
      if (opened !== undefined) expect(policyLoosened({ ...before }, { ...after }), opened).not.toEqual([]);
    }),
    { numRuns: 120 },
  );
});

it("no small change that opens a way is missed, field by field", () => {
  fc.assert(
    fc.property(policies, policies, fc.integer(), (before, other, pick) => {
      const fields = Object.keys(other) as (keyof Policy)[];
      const field = fields[Math.abs(pick) % fields.length] as keyof Policy;
      const after = { ...before, [field]: other[field] };
      const known = new Set(ways(before));
      const opened = [...ways(after)].find((way) => !known.has(way));
      if (opened !== undefined) expect(policyLoosened({ ...before }, { ...after }), opened).not.toEqual([]);
    }),
    { numRuns: 300 },
  );
});

const tightenings: readonly ((policy: Policy) => Policy)[] = [
  (policy) => ({ ...policy, requesters: policy.requesters.slice(0, 1) }),
  (policy) => ({ ...policy, approvers: policy.approvers.slice(1) }),
  (policy) => ({ ...policy, quorum: policy.quorum + 1 }),
  (policy) => ({
    ...policy,
    durationMax: policy.durationMax / 2,
    totalDurationMax: policy.totalDurationMax / 3,
  }),
  (policy) => ({ ...policy, reasonPattern: policy.reasonPattern ?? "^INC-" }),
  (policy) => ({
    ...policy,
    ticketRequired: true,
    incidentRequired: true,
    stepUp: true,
    reciprocal: "barred",
  }),
  (policy) => ({
    ...policy,
    hours: policy.hours
      ? { ...policy.hours, windows: policy.hours.windows.slice(1) }
      : { zone: "UTC", windows: [window(8, 12)] },
  }),
  (policy) => ({ ...policy, automatic: undefined }),
  (policy) => ({
    ...policy,
    automatic: policy.automatic && {
      durationMax: policy.automatic.durationMax - 1,
      swapSettle: policy.automatic.swapSettle + 1,
    },
  }),
  (policy) => ({ ...policy, breakGlass: false }),
];

it("tightening never waits, however much of it there is at once", () => {
  fc.assert(
    fc.property(policies, fc.subarray([...tightenings]), (before, chosen) => {
      const after = chosen.reduce((policy, tighten) => tighten(policy), before);
      expect(policyLoosened({ ...before }, { ...after })).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
