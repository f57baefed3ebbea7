/** What access was given, used and left over in a time: the arithmetic behind the report. Pure. */

import { isNarrowerThan } from "../../catalog/lookup.ts";
import type { Resource } from "../../catalog/schema.ts";
import { countedApprovals, type Grant, type GrantId } from "./model.ts";

export interface Spread {
  count: number;
  medianMs: number;
  p95Ms: number;
}

export interface RoleUse {
  resource: string;
  role: string;
  asked: number;
  had: number;
}

/** `had`: of those that were claimed; in milliseconds, medians. */
export interface TooLong extends RoleUse {
  grantedMs: number;
  lastedMs: number;
}

export interface AccessReport {
  from: Date;
  to: Date;
  /** Who has something now, the soonest to end first. */
  holding: readonly Grant[];
  /** From the claim to the end that was read back. */
  lasted: Spread;
  /** From the request to the decision of a person. */
  decided: Spread;
  /** Claimed, and what was handed out never looked at. */
  unused: readonly Grant[];
  /** Taken without asking. */
  taken: readonly Grant[];
  /** Roles of the catalog that nobody asked for. */
  neverAsked: readonly { resource: string; role: string }[];
  /** Roles for which a narrower one is declared and that were had, with how often that narrower one was. */
  wide: readonly (RoleUse & { narrower: readonly RoleUse[] })[];
  /** Roles that are given for more than twice what they last. */
  tooLong: readonly TooLong[];
  /** Two people who approved each other's, with how often. */
  inReturn: readonly { one: string; other: string; count: number; back: number }[];
}

/** Grants a role needs before its habits say something. */
const habitMin = 3;

/** Nearest rank; zero of nothing. Source: NIST handbook, percentiles. */
export function spreadOf(valuesMs: readonly number[]): Spread {
  const sorted = [...valuesMs].sort((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { count: sorted.length, medianMs: rank(0.5), p95Ms: rank(0.95) };
}

const ended = (grant: Grant) => (grant.state.is === "ended" ? grant.state : undefined);

const lastedMs = (grant: Grant): number | undefined => {
  const state = ended(grant);
  return state && grant.claimedAt ? state.at.getTime() - grant.claimedAt.getTime() : undefined;
};

/**
 * @param grants asked for in the time, or held now
 * @param resources those the report is about
 */
export function accessReport(
  grants: readonly Grant[],
  resources: readonly Resource[],
  { from, to }: { from: Date; to: Date },
): AccessReport {
  const inTime = grants.filter(({ requestedAt }) => requestedAt >= from && requestedAt <= to);
  const uses = usesOf(inTime);
  const useOf = (resource: string, role: string): RoleUse =>
    uses.find((one) => one.resource === resource && one.role === role) ?? {
      resource,
      role,
      asked: 0,
      had: 0,
    };
  const declared = resources.flatMap((resource) => resource.roles.map((role) => ({ resource, role })));
  return {
    from,
    to,
    holding: grants
      .filter(({ state: { is } }) => is === "granting" || is === "active" || is === "revoking")
      .sort((a, b) => endMs(a) - endMs(b)),
    lasted: spreadOf(inTime.flatMap((grant) => lastedMs(grant) ?? [])),
    decided: spreadOf(
      inTime.flatMap(({ basis, decidedAt, requestedAt }) =>
        basis.is === "approval" && decidedAt ? [decidedAt.getTime() - requestedAt.getTime()] : [],
      ),
    ),
    unused: inTime.filter(isUnused),
    taken: inTime.filter(({ basis }) => basis.is === "break-glass"),
    neverAsked: declared
      .filter(({ resource, role }) => useOf(resource.name, role.name).asked === 0)
      .map(({ resource, role }) => ({ resource: resource.name, role: role.name })),
    wide: declared.flatMap(({ resource, role }) => {
      const use = useOf(resource.name, role.name);
      const narrower = resource.roles
        .filter(({ name }) => isNarrowerThan(resource, name, role.name))
        .map(({ name }) => useOf(resource.name, name));
      return use.had > 0 && narrower.length > 0 ? [{ ...use, narrower }] : [];
    }),
    tooLong: uses.flatMap((use) => tooLong(use, inTime)),
    inReturn: inReturn(inTime),
  };
}

const endMs = ({ state }: Grant): number => ("endsAt" in state ? state.endsAt.getTime() : 0);

/** Only what is over tells: one that lasts may be looked at still. */
function isUnused(grant: Grant): boolean {
  const state = ended(grant);
  return state !== undefined && grant.claimedAt !== null && !state.ownAccount && state.revealedAt === null;
}

function usesOf(grants: readonly Grant[]): RoleUse[] {
  const uses = new Map<string, RoleUse>();
  for (const { resource, role, claimedAt } of grants) {
    const key = `${resource} ${role}`;
    const use = uses.get(key) ?? { resource, role, asked: 0, had: 0 };
    uses.set(key, { ...use, asked: use.asked + 1, had: use.had + (claimedAt ? 1 : 0) });
  }
  return [...uses.values()];
}

function tooLong(use: RoleUse, grants: readonly Grant[]): TooLong[] {
  const own = grants.filter(({ resource, role }) => resource === use.resource && role === use.role);
  const lasted = own.flatMap((grant) => lastedMs(grant) ?? []);
  const granted = own.flatMap((grant) => ended(grant)?.durationMs ?? []);
  if (lasted.length < habitMin) return [];
  const [lastedMedian, grantedMedian] = [spreadOf(lasted).medianMs, spreadOf(granted).medianMs];
  return grantedMedian > 2 * lastedMedian
    ? [{ ...use, grantedMs: grantedMedian, lastedMs: lastedMedian }]
    : [];
}

function inReturn(grants: readonly Grant[]): AccessReport["inReturn"] {
  const counts = new Map<string, number>();
  for (const grant of grants)
    for (const { personId: approver } of countedApprovals(grant)) {
      const key = JSON.stringify([approver, grant.personId]);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  return [...counts].flatMap(([key, count]) => {
    const [one = "", other = ""] = JSON.parse(key) as string[];
    const back = counts.get(JSON.stringify([other, one]));
    return back !== undefined && one < other ? [{ one, other, count, back }] : [];
  });
}

export const grantIds = (grants: readonly Grant[]): readonly GrantId[] => grants.map(({ id }) => id);
