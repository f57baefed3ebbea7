/** Whether a role's policy gives more than it did: a rule for each field, and for a field without one any change counts. */
import { resourceSchema } from "../accessors.ts";
import { added, type Fields, fieldsOf, isSame, listed, longer, namesOf, shortly } from "./compare.ts";

/** What a change of the field gives, in words; nothing when it takes or leaves. */
type Rule = (
  before: unknown,
  after: unknown,
  policies: { before: Fields; after: Fields },
) => readonly string[];

const whenAdded =
  (words: (names: string) => string): Rule =>
  (before, after) => {
    const names = added(before, after);
    return names.length === 0 ? [] : [words(listed(names))];
  };

const whenDropped =
  (what: string): Rule =>
  (before, after) =>
    before === true && after !== true ? [`no longer asks for ${what}`] : [];

const whenLonger =
  (what: string): Rule =>
  (before, after) => {
    const grown = longer(before, after);
    return grown === undefined ? [] : [`${what} ${grown}`];
  };

const rules: Readonly<Record<string, Rule>> = {
  requesters: whenAdded((names) => `people of ${names} may ask for it too`),
  requesterPeople: whenAdded((names) => `${names} may ask for it too`),
  approvers: whenAdded((names) => `leads of ${names} may approve it too`),
  approverPeople: whenAdded((names) => `${names} may approve it too`),
  quorum: (before, after) => {
    const [was, is] = [Number(before ?? 1), Number(after ?? 1)];
    return is < was ? [`approvals needed ${was} → ${is}`] : [];
  },
  durationMax: whenLonger("longest time"),
  totalDurationMax: whenLonger("longest time with extensions"),
  // One expression cannot be shown to let through less than another.
  reasonPattern: (before, after) => {
    if (before === undefined || isSame(before, after)) return [];
    return [
      after === undefined
        ? "takes any reason"
        : `takes other reasons: ${shortly(before)} → ${shortly(after)}`,
    ];
  },
  ticketRequired: whenDropped("a ticket"),
  incidentRequired: whenDropped("an open incident"),
  stepUp: whenDropped("a fresh sign-in of who approves"),
  hours: (before, after) => {
    if (before === undefined || isWithinHours(fieldsOf(before), after)) return [];
    return [after === undefined ? "may be had at any hour" : "may be had at other hours"];
  },
  automatic: (before, after) => {
    if (after === undefined || isSame(before, after)) return [];
    if (before === undefined) return ["whoever is on call gets it without approval during an incident"];
    const { durationMax: wasMs, swapSettle: wasSettledMs, ...wasElse } = fieldsOf(before);
    const { durationMax: isMs, swapSettle: isSettledMs, ...isElse } = fieldsOf(after);
    const grown = longer(wasMs, isMs);
    return [
      ...(grown === undefined ? [] : [`longest time without approval ${grown}`]),
      ...(longer(isSettledMs ?? 0, wasSettledMs ?? 0) === undefined
        ? []
        : ["a shift taken over counts sooner for getting it without approval"]),
      ...(isSame(wasElse, isElse) ? [] : ["other conditions for getting it without approval"]),
    ];
  },
  reciprocal: (before, after) =>
    before === "barred" && after !== "barred" ? ["two people may approve each other's requests"] : [],
  breakGlass: (_before, _after, policies) => {
    const [was, is] = [glassOf(policies.before), glassOf(policies.after)];
    if (is === undefined || isSame(was, is)) return [];
    if (was === undefined) return ["may be taken at once by break-glass"];
    const grown = longer(was.durationMaxMs, is.durationMaxMs);
    const more = added(was.requesters, is.requesters);
    const people = added(was.people, is.people);
    return [
      ...(grown === undefined ? [] : [`longest time by break-glass ${grown}`]),
      ...(more.length === 0 ? [] : [`people of ${listed(more)} may take it by break-glass`]),
      ...(people.length === 0 ? [] : [`${listed(people)} may take it by break-glass`]),
      ...(isSame(was.rest, is.rest) ? [] : ["other conditions for break-glass"]),
    ];
  },
};

/** Longest time by break-glass where the policy says none. */
const breakGlassUsualMs = 30 * 60_000;

function glassOf(policy: Fields) {
  const { breakGlass } = policy;
  if (breakGlass === undefined || breakGlass === false) return undefined;
  const { durationMax, requesters, ...rest } = fieldsOf(breakGlass === true ? {} : breakGlass);
  return {
    durationMaxMs: durationMax ?? Math.min(Number(policy.durationMax), breakGlassUsualMs),
    requesters: namesOf(requesters ?? policy.requesters),
    // Teams of its own leave out the people whom the policy names beside its teams.
    people: namesOf(requesters === undefined ? policy.requesterPeople : []),
    rest,
  };
}

/** Whether every window there is now was one before, by the same clock. */
function isWithinHours(before: Fields, after: unknown): boolean {
  if (after === undefined) return false;
  const { windows: was, zone: wasZone, ...wasElse } = before;
  const { windows: is, zone: isZone, ...isElse } = fieldsOf(after);
  if (wasZone !== isZone || !isSame(wasElse, isElse) || !Array.isArray(was) || !Array.isArray(is))
    return false;
  return is.every((window) => was.some((known) => isSame(known, window)));
}

/** What stands where a policy says nothing: a field that this release added has not changed. */
const defaults: Fields = fieldsOf(
  resourceSchema.parse({
    name: "x",
    accessor: "x",
    roles: [{ name: "x", grants: "x", terms: {}, policy: { requesters: ["x"], approvers: ["x"] } }],
  }).roles[0]?.policy,
);

const aboutPeople = ["requesters", "approvers"];

/** What a policy gives that the one before it did not, a sentence each without its end. */
export function policyLoosened(before: Fields, after: Fields): string[] {
  const whole = (policy: Fields): Fields => ({
    ...defaults,
    requesters: [],
    approvers: [],
    ...Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined)),
  });
  const policies = { before: whole(before), after: whole(after) };
  const fields = [
    ...new Set([...aboutPeople, ...Object.keys(policies.before), ...Object.keys(policies.after)]),
  ];
  return fields.flatMap((field) => {
    const [was, is] = [policies.before[field], policies.after[field]];
    const rule = rules[field];
    // Break-glass looks at other fields too.
    if (rule) return rule(was, is, policies);
    return isSame(was, is) ? [] : [`${field}: ${shortly(was)} → ${shortly(is)}`];
  });
}
