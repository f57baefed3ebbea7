/** A request and its grant as people read them in Slack. Pure. */

import type { Catalog } from "../../catalog/schema.ts";
import { hoursText } from "../../catalog/week-windows.ts";
import { auditUrl } from "../../platform/audit/link.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import {
  type Block,
  card,
  context,
  dateToken,
  escapeText,
  type LinkVerb,
  type Mark,
  type Verb,
} from "../../platform/messages/blocks.ts";
import { narrowerRoles } from "./alternatives.ts";
import {
  countedApprovals,
  durationOf,
  type Grant,
  type GrantId,
  lateWorthSayingMs,
  shownDigest,
} from "./model.ts";
import { offerLines } from "./offer-words.ts";
import type { Review } from "./review.ts";
import { reviewLines, withReview } from "./review-words.ts";
import {
  basisText,
  causeText,
  countText,
  durationText,
  insteadText,
  nameOf,
  requesterName,
  spanText,
} from "./words.ts";

export interface Scene {
  catalog: Catalog;
  publicUrl: string;
  now: Date;
  /** Freezes that stand over its service, as lines. */
  frozen?: readonly string[];
  /** Of a request, for who decides: the requester's teams, how often they had it, plain lines on narrower roles, names. */
  teams?: readonly string[];
  had?: number;
  narrower?: readonly string[];
  canApprove?: readonly string[];
  /** Of what was taken without asking. */
  review?: Review | undefined;
}

export const cardKeyOf = (id: GrantId): string => `access:${id}`;
export const requesterKeyOf = (id: GrantId): string => `access:${id}:requester`;

/** Names on a card; the rest is counted. */
const namesMax = 6;

export type Shown = { text: string; blocks: Block[] };

/** In the leads' channel. */
export function grantCard(grant: Grant, scene: Scene): Shown {
  return card({
    mark: markOf(grant),
    headline: headlineOf(grant, scene),
    context: [
      escapeText(grant.terms.grants),
      `asked ${dateToken(grant.requestedAt, "date_time")}`,
      grant.id,
      ...(scene.teams?.length ? [`of ${escapeText(scene.teams.join(", "))}`] : []),
      ...(grant.askedById === grant.personId
        ? []
        : [`asked for by ${escapeText(nameOf(scene.catalog, grant.askedBy))}`]),
      ...(grant.extends ? [`continues ${grant.extends}`] : []),
    ],
    auditUrl: auditUrl(scene.publicUrl, grant.id),
    facts: [
      ["Reason", escapeText(grant.reason)],
      ["How long", howLong(grant)],
      [
        "Asked before",
        `${countText(grant.askedBefore, "request")} for ${escapeText(grant.resource)} in 30 days${scene.had ? `, had ${scene.had} ×` : ""}`,
      ],
      ...approvedFacts(grant, scene),
      ...(scene.canApprove?.length ? [canApproveFact(grant, scene.canApprove)] : []),
    ],
    body: [
      ...(scene.frozen ?? []),
      ...(scene.narrower ?? []).map((line) => escapeText(line)),
      ...offerLines(grant, scene),
      ...troubleLines(grant, scene),
      ...reviewLines(grant, scene),
    ].map((line) => context(line)),
    ...withReview(grant, scene, leadVerbs(grant, scene)),
    last: lastLine(grant, scene),
  });
}

export function markOf({ state }: Grant): Mark {
  switch (state.is) {
    case "requested":
      return "⚪";
    case "approved":
      return "🔵";
    case "granting":
      return state.trouble ? "🟠" : "🔵";
    case "active":
      return "🟢";
    case "revoking":
      return state.trouble ? "🔴" : "🔵";
    case "ended":
    case "denied":
    case "lapsed":
    case "withdrawn":
      return "⚫";
  }
}

/** `orders-db · G-1 readonly 15m for Dev Dara · approved, waits for the claim` */
export function headlineOf(grant: Grant, { catalog }: Pick<Scene, "catalog">): string {
  const { state, terms } = grant;
  const who = escapeText(requesterName(catalog, grant), 60);
  const resource = escapeText(grant.resource);
  const role = escapeText(grant.role);
  const taken = grant.basis.is === "break-glass" ? ", taken without asking" : "";
  const of = `${resource} · ${grant.id} ${role} for ${who}${taken}`;
  switch (state.is) {
    case "requested": {
      const quorum =
        terms.quorum > 1 ? ` · ${countedApprovals(grant).length} of ${terms.quorum} approvals` : "";
      return `${resource} · ${grant.id} ${who} asks for ${role}, ${formatDuration(durationOf(grant))}${quorum}`;
    }
    case "approved":
      return `${of}, ${formatDuration(state.durationMs)} · ${taken === "" ? "approved, " : ""}waits for the claim`;
    case "granting":
      return `${of} · ${state.trouble ? "cannot be made yet" : `${taken === "" ? "approved and " : ""}claimed, being made`}`;
    case "active":
      return `${of} · until ${dateToken(state.endsAt)}${lastsText(state.lastsUntil, state.endsAt)}`;
    case "revoking":
      return `${of} · ${state.trouble ? `its end fails since ${dateToken(state.trouble.since)}` : "ending"}`;
    case "ended":
      return `${of} · ended`;
    case "denied":
      return `${of} · denied`;
    case "lapsed":
      return `${of} · lapsed`;
    case "withdrawn":
      return `${of} · taken back`;
  }
}

/** `, may last until 17:10`: the system cannot recall what it handed out. */
const lastsText = (lastsUntil: Date | null | undefined, end: Date): string =>
  lastsUntil && lastsUntil > end ? `, may last until ${dateToken(lastsUntil)}` : "";

function howLong(grant: Grant): string {
  const { startAt, notAfter } = grant;
  const from = startAt ? `from ${dateToken(startAt, "date_time")}, counted` : "counted";
  const until = notAfter ? `, never past ${dateToken(notAfter, "date_time")}` : "";
  const { hours } = grant.terms;
  const within = hours ? `, ${escapeText(hoursText(hours))} only` : "";
  return `${durationText(durationOf(grant), grant.askedMs)} ${from} from the claim${until}${within}`;
}

function approvedFacts(grant: Grant, { catalog }: Scene): (readonly [string, string])[] {
  const approvals = countedApprovals(grant);
  const { basis } = grant;
  if (basis.is !== "approval") return [["No approval needed", escapeText(basisText(basis))]];
  if (approvals.length === 0) return [];
  const lines = approvals.map(
    ({ by, at, durationMs }) =>
      `${escapeText(nameOf(catalog, by))} ${dateToken(at)}${durationMs < grant.askedMs ? `, for ${formatDuration(durationMs)}` : ""}`,
  );
  return [["Approved by", lines.join("\n")]];
}

export function troubleLines(grant: Grant, { now }: Scene): string[] {
  const { state } = grant;
  if (state.is !== "granting" && state.is !== "revoking") return [];
  const { trouble } = state;
  if (!trouble) return [];
  const failing = `Tried ${trouble.count} × in ${spanText(now.getTime() - trouble.since.getTime())}: ${escapeText(trouble.message, 300)}. ${escapeText(trouble.hint, 300)}. I keep trying.`;
  return state.is === "revoking" ? [failing, `By hand: ${byHandText(grant)}`] : [failing];
}

/** What to do when it cannot be ended from here. */
export function byHandText(grant: Grant): string {
  const { accessor } = grant.terms;
  if (grant.byHand.length === 0)
    return `end what ${grant.id} made at ${escapeText(accessor.name)}, as its administrator.`;
  return `at ${escapeText(accessor.name)}, as its administrator: ${grant.byHand.map((line) => escapeText(line, 300)).join("; ")}`;
}

function canApproveFact({ terms }: Grant, names: readonly string[]): readonly [string, string] {
  const some = names.slice(0, namesMax).map((name) => escapeText(name, 60));
  const more = names.length > namesMax ? ` and ${names.length - namesMax} more` : "";
  return ["Can approve", `${some.join(", ")}${more}${terms.stepUp ? ", at the console" : ""}`];
}

function leadVerbs(
  grant: Grant,
  { catalog }: Scene,
): { verbs?: readonly (Verb | LinkVerb)[]; more?: readonly Verb[] } {
  const { id, state } = grant;
  switch (state.is) {
    case "requested": {
      const seen = shownDigest(grant);
      return {
        verbs: [
          { label: "Approve", line: `access approve ${id} --seen ${seen}`, style: "primary" },
          { label: "Deny", line: `modal access deny: ${id} --seen ${seen}` },
        ],
        more: [
          ...narrowerRoles(catalog, grant)
            .slice(0, 3)
            .map(({ role, durationMaxMs }) => {
              const time = formatDuration(Math.min(durationMaxMs, durationOf(grant)));
              return { label: `Offer ${role} for ${time}`, line: `access offer ${id} ${role} ${time}` };
            }),
          {
            label: "Offer something else",
            line: `modal access offer: ${id} ${grant.resource} ${grant.role}`,
          },
        ],
      };
    }
    case "approved":
    case "granting":
    case "active":
      return { more: [{ label: "Revoke", line: `modal access revoke: ${id}` }] };
    case "revoking":
    case "ended":
    case "denied":
    case "lapsed":
    case "withdrawn":
      return {};
  }
}

export function lastLine(grant: Grant, { catalog }: Scene): string | undefined {
  const { state } = grant;
  switch (state.is) {
    case "denied":
      return `Denied by ${escapeText(nameOf(catalog, state.by))} ${dateToken(state.at)}: "${escapeText(state.reason)}"`;
    case "lapsed":
      return `Lapsed ${dateToken(state.at)}: ${escapeText(state.why)}`;
    case "withdrawn":
      return state.instead === undefined
        ? `Taken back ${dateToken(state.at)}`
        : `${escapeText(requesterName(catalog, grant))} took ${escapeText(insteadText(catalog, state.instead))} ${dateToken(state.at)}`;
    case "ended":
      return endedLine(grant, state, catalog);
    case "requested":
    case "approved":
    case "granting":
    case "active":
    case "revoking":
      return undefined;
  }
}

/** `Ended 16:21, 12 min late: … One open session ended.` */
function endedLine(grant: Grant, state: Extract<Grant["state"], { is: "ended" }>, catalog: Catalog): string {
  const lateMs = state.at.getTime() - state.dueAt.getTime();
  const isLate = lateMs >= lateWorthSayingMs;
  const why = state.trouble
    ? `${escapeText(grant.terms.accessor.name)} could not be reached or refused ${dateToken(state.trouble.since)}–${dateToken(state.at)} (${escapeText(state.trouble.message, 150)})`
    : `nobody was there to do it until ${dateToken(state.startedAt)}`;
  // The provider lets no new session in past the end that was granted, whoever is late.
  const deadAt = state.endsAt < state.at ? state.endsAt : state.at;
  const lasts = lastsText(state.lastsUntil, state.at);
  const parts = [
    `Ended ${dateToken(state.at)}${isLate ? `, ${spanText(lateMs)} late: ${why}` : ""}`,
    `because ${escapeText(causeText(catalog, state.because))}`,
    `${lasts === "" ? `login dead at ${dateToken(deadAt)}` : `nothing new after ${dateToken(deadAt)}; what was handed out${lasts.slice(1)}`}`,
    `${countText(state.sessionsEnded, "open session")} ended`,
    ...(state.seen === undefined ? [] : [`seen: ${escapeText(state.seen, 300)}`]),
    ...(state.stays === undefined ? [] : [`stays: ${escapeText(state.stays, 300)}`]),
    ...(grant.claimedAt
      ? [`lasted ${spanText(Math.max(0, state.at.getTime() - grant.claimedAt.getTime()))}`]
      : []),
  ];
  return `${parts.join(" · ")}.`;
}

export const pageUrl = (publicUrl: string, id: GrantId): string => `${publicUrl}/access/${id}`;
