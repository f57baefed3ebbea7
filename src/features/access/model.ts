/** A request and the grant it becomes: states, due times, digests. Pure. */
import { createHash } from "node:crypto";
import { openUntil } from "../../catalog/week-windows.ts";
import { canonicalJson } from "../../platform/canonical.ts";
import type { Id } from "../../platform/ids.ts";
import type { Door } from "../../platform/people.ts";
import { externalNameOf, type Grantee, type GrantRef } from "../../providers/accessors/contract.ts";
import type { Terms } from "./terms.ts";

export type GrantId = Id<"grant">;

/** A person of a Slack workspace. */
export interface Who {
  readonly team: string;
  readonly person: string;
}

export interface Approval {
  readonly by: Who;
  /** Person of the catalog: a quorum counts people, not accounts. */
  readonly personId: string;
  readonly at: Date;
  /** At most what was asked. */
  readonly durationMs: number;
  /** {@link termsDigest} of what was approved; an approval of anything else does not count. */
  readonly terms: string;
}

/** What stands in the place of approvals, where a rule asks for none. */
export type Basis =
  | { readonly is: "approval" }
  | { readonly is: "none-needed" }
  /** On call for the team, with a ticket open that pages. */
  | { readonly is: "automatic"; readonly team: string; readonly ticket: string }
  /** Taken without asking; somebody else reviews it after. */
  | { readonly is: "break-glass" };

/** Another role, or less time, that somebody who may approve holds out to the requester. */
export interface Offer {
  readonly by: Who;
  readonly door: Door;
  readonly personId: string;
  readonly at: Date;
  readonly role: string;
  readonly durationMs: number;
}

/** Something that keeps failing outside. */
export interface Trouble {
  readonly since: Date;
  readonly count: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export type EndCause =
  | { readonly is: "time" }
  | { readonly is: "returned" }
  | { readonly is: "revoked"; readonly by: Who; readonly reason: string }
  | { readonly is: "rights-lost"; readonly why: string }
  | { readonly is: "vanished" }
  | { readonly is: "not-made"; readonly why: string };

interface Approved {
  readonly approvals: readonly Approval[];
  readonly durationMs: number;
}
interface Ending extends Approved {
  /** What was handed out may work until then, although it is taken back. Null or missing: not past the end. */
  readonly lastsUntil?: Date | null | undefined;
  /** The end that was granted. */
  readonly endsAt: Date;
  /** When it had to end: `endsAt`, or earlier when somebody ended it. */
  readonly dueAt: Date;
  readonly because: EndCause;
  readonly startedAt: Date;
  readonly sessionsEnded: number;
  /** What the system saw of it, in words for people. */
  readonly seen?: string | undefined;
  /** What is left there on purpose, in words for people. */
  readonly stays?: string | undefined;
  /** Whether what was handed out was looked at; missing in what an older release wrote. */
  readonly revealedAt?: Date | null | undefined;
  readonly ownAccount?: boolean | undefined;
  /** What was in the way, if something was. */
  readonly trouble?: Trouble | undefined;
}

export type GrantState =
  | {
      readonly is: "requested";
      readonly approvals: readonly Approval[];
      readonly decideBy: Date;
      /** Null once reminded. */
      readonly remindAt: Date | null;
      /** When others are told as well; null once they are. Missing in what an older release wrote. */
      readonly escalateAt?: Date | null | undefined;
      /** What approvers would rather give, the newest last. */
      readonly offers?: readonly Offer[] | undefined;
      /** How often the requester changed what is asked for. */
      readonly edits?: number | undefined;
    }
  | ({ readonly is: "approved"; readonly claimFrom: Date; readonly claimBy: Date } & Approved)
  | ({ readonly is: "granting"; readonly endsAt: Date; readonly trouble?: Trouble | undefined } & Approved)
  | ({
      readonly is: "active";
      readonly endsAt: Date;
      readonly externalId: string;
      readonly revealedAt: Date | null;
      /** Nothing was handed out: the person uses an account they have. */
      readonly ownAccount?: boolean | undefined;
      readonly lastsUntil?: Date | null | undefined;
    } & Approved)
  | ({
      readonly is: "revoking";
      readonly externalId?: string | undefined;
      readonly isPaged: boolean;
    } & Ending)
  | ({ readonly is: "ended"; readonly at: Date } & Ending)
  | { readonly is: "denied"; readonly by: Who; readonly at: Date; readonly reason: string }
  | { readonly is: "lapsed"; readonly at: Date; readonly why: string }
  | {
      readonly is: "withdrawn";
      readonly at: Date;
      readonly wasApproved: boolean;
      /** The offer that was taken in its place. */
      readonly instead?: Pick<Offer, "by" | "role" | "durationMs"> | undefined;
    };

export interface Grant {
  readonly id: GrantId;
  /** Counts changes. */
  readonly seq: number;
  readonly requester: Who;
  readonly personId: string;
  /** Their logins elsewhere as the catalog had them, by system. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Who typed it; another person with `--for`. Neither may approve. */
  readonly askedBy: Who;
  readonly askedById: string;
  readonly resource: string;
  readonly role: string;
  readonly service: string | null;
  /** Slack id of the leads' channel. */
  readonly channel: string;
  readonly terms: Terms;
  readonly reason: string;
  readonly askedMs: number;
  /** `until fri 09:00`: never later than this. */
  readonly notAfter: Date | null;
  readonly startAt: Date | null;
  readonly extends: GrantId | null;
  /** Of the grants this one continues. */
  readonly totalBeforeMs: number;
  /** Requests of this person for this resource in the 30 days before. */
  readonly askedBefore: number;
  readonly requestedAt: Date;
  readonly decidedAt: Date | null;
  readonly claimedAt: Date | null;
  readonly overAt: Date | null;
  /** What the accessor read before it was made; null where it reads nothing. */
  readonly before: Readonly<Record<string, string>> | null;
  readonly basis: Basis;
  /** What to do when revoking fails for good, as the provider writes it. */
  readonly byHand: readonly string[];
  readonly state: GrantState;
}

export const jobs = {
  wait: "access.wait",
  grant: "access.grant",
  end: "access.end",
  forget: "access.forget",
  sweep: "access.sweep",
  left: "access.left",
  review: "access.review",
  reconcile: "access.reconcile",
} as const;

/** Failing to revoke for this long pages. */
export const pageAfterMs = 60_000;
/** A secret that nobody looked at is destroyed after this long; OWASP and Vault's wrapping tokens use minutes too. */
export const secretLifeMs = 10 * 60_000;
/** Told this long before the end, if it lasts three times as long. */
export const warnBeforeMs = 5 * 60_000;
/** Furthest start that may be asked for. */
export const startWithinMs = 7 * 86_400_000;
/** Requests one person may make in an hour. */
export const requestsPerHourMax = 10;
/** Late by less is not worth a word. */
export const lateWorthSayingMs = 10_000;

export const openStates = ["requested", "approved", "granting", "active"] as const;
export const liveStates = ["granting", "active", "revoking"] as const;

export function isOver({ state }: Pick<Grant, "state">): boolean {
  switch (state.is) {
    case "requested":
    case "approved":
    case "granting":
    case "active":
    case "revoking":
      return false;
    case "ended":
    case "denied":
    case "lapsed":
    case "withdrawn":
      return true;
  }
}

/** What a worker does next for it, and when. */
export function nextStep(grant: Pick<Grant, "state">, now: Date): { job: string; dueAt: Date } | undefined {
  const { state } = grant;
  switch (state.is) {
    case "requested":
      return { job: jobs.wait, dueAt: state.remindAt ?? state.escalateAt ?? state.decideBy };
    case "approved":
      return { job: jobs.wait, dueAt: state.claimBy };
    case "granting":
      return { job: jobs.grant, dueAt: now };
    case "active":
      return { job: jobs.end, dueAt: state.endsAt };
    case "revoking":
      return { job: jobs.end, dueAt: now };
    case "ended":
    case "denied":
    case "lapsed":
    case "withdrawn":
      return undefined;
  }
}

/** Approvals its rule asks for; none where something stands in their place. */
export const approvalsNeeded = ({ basis, terms }: Pick<Grant, "basis" | "terms">): number =>
  basis.is === "approval" ? terms.quorum : 0;

/** Approvals that count: of exactly these terms, each person once. */
export function countedApprovals(grant: Grant): readonly Approval[] {
  const { state } = grant;
  const approvals = "approvals" in state ? state.approvals : [];
  const terms = termsDigest(grant);
  const people = new Map(
    approvals.filter((one) => one.terms === terms).map((one) => [one.personId, one] as const),
  );
  return [...people.values()];
}

/** What it lasts as things stand: the shortest that was asked or approved, in milliseconds. */
export function durationOf(grant: Grant): number {
  return Math.min(grant.askedMs, ...countedApprovals(grant).map(({ durationMs }) => durationMs));
}

/** The clock starts at the claim; the rule's hours end it too. */
export function endOf(grant: Grant, durationMs: number, claimedAt: Date): Date {
  const { hours } = grant.terms;
  const closes = hours && openUntil(hours, claimedAt);
  const ends = [grant.notAfter, closes].flatMap((end) => (end ? [end.getTime()] : []));
  return new Date(Math.min(claimedAt.getTime() + durationMs, ...ends));
}

/** Never changes for a request as it was made. */
export function termsDigest(grant: Grant): string {
  const { id, requester, personId, resource, role, terms, askedMs, reason } = grant;
  const times = [grant.notAfter, grant.startAt].map((at) => at?.toISOString() ?? null);
  return digest({ id, requester, personId, resource, role, terms, askedMs, reason, times });
}

/** What a card showed: an approval is bound to it. */
export function shownDigest(grant: Grant): string {
  return digest({ terms: termsDigest(grant), durationMs: durationOf(grant) });
}

export const offerDigest = ({ by, role, durationMs, at }: Offer): string =>
  digest({ by, role, durationMs, at: at.toISOString() });

export function stateDigest(grant: Grant): string {
  return `${grant.state.is}:${digest({ state: grant.state, seq: grant.seq })}`;
}

export const textDigest = (text: string): string => digest({ text });

const digest = (value: unknown): string =>
  createHash("sha256")
    .update(canonicalJson(JSON.parse(JSON.stringify(value))))
    .digest("hex")
    .slice(0, 16);

/** All that ending it needs, whatever became of the catalog. */
export function refOf(grant: Grant): GrantRef {
  const { state, terms, id, before } = grant;
  return {
    externalName: externalNameOf(id),
    externalId: state.is === "active" || state.is === "revoking" ? state.externalId : undefined,
    grantee: granteeOf(grant),
    terms: terms.access,
    before: before ?? undefined,
  };
}

export const granteeOf = ({ personId, requester, accounts }: Grant): Grantee => ({
  personId,
  slack: { team: requester.team, user: requester.person },
  accounts,
});

/** From any state in which something may be there outside. */
export function revokingFrom(grant: Grant, because: EndCause, now: Date): GrantState | undefined {
  const { state } = grant;
  if (state.is !== "granting" && state.is !== "active") return undefined;
  const { approvals, durationMs, endsAt } = state;
  return {
    is: "revoking",
    approvals,
    durationMs,
    endsAt,
    dueAt: because.is === "time" || endsAt < now ? endsAt : now,
    because,
    startedAt: now,
    sessionsEnded: 0,
    externalId: state.is === "active" ? state.externalId : undefined,
    lastsUntil: state.is === "active" ? state.lastsUntil : undefined,
    revealedAt: state.is === "active" ? state.revealedAt : undefined,
    ownAccount: state.is === "active" ? state.ownAccount : undefined,
    isPaged: false,
  };
}

export const sameWho = (a: Who, b: Who): boolean => a.team === b.team && a.person === b.person;
