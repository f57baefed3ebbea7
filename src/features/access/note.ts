/** A request and its grant as the requester reads them in their own conversation. Pure. */
import { formatDuration } from "../../platform/commands/time.ts";
import {
  card,
  context,
  dateToken,
  escapeText,
  type LinkVerb,
  type Verb,
} from "../../platform/messages/blocks.ts";
import { withoutApproval } from "./alternatives.ts";
import { headlineOf, lastLine, markOf, pageUrl, type Scene, type Shown, troubleLines } from "./cards.ts";
import { countedApprovals, type Grant } from "./model.ts";
import { offerNote } from "./offer-words.ts";
import { basisText, nameOf } from "./words.ts";

/** In the requester's own conversation; nothing while there is nothing they did not do themselves. */
export function requesterNote(grant: Grant, scene: Scene): Shown | undefined {
  const { state } = grant;
  if (state.is === "requested" && state.offers) return offerNote(grant, state.offers, scene);
  if (state.is === "requested" || (state.is === "withdrawn" && !state.wasApproved)) return undefined;
  return card({
    mark: markOf(grant),
    headline: headlineOf(grant, scene),
    context: noteContext(grant, scene),
    body: [...troubleLines(grant, scene).slice(0, 1), ...insteadLines(grant, scene)].map((line) =>
      context(line),
    ),
    ...requesterVerbs(grant, scene),
    last: lastLine(grant, scene),
  });
}

function noteContext(grant: Grant, { catalog, now }: Scene): string[] {
  const { state } = grant;
  const by = countedApprovals(grant).map(({ by }) => escapeText(nameOf(catalog, by)));
  switch (state.is) {
    case "approved":
      return [
        by.length > 0
          ? `approved by ${by.join(" and ")}`
          : `no approval was needed: ${escapeText(basisText(grant.basis))}`,
        ...(state.claimFrom > now
          ? [`it can be claimed from ${dateToken(state.claimFrom, "date_time")} on`]
          : []),
        `claim it before ${dateToken(state.claimBy, "date_time")}; your ${formatDuration(state.durationMs)} begin then`,
        "not signed in? `/ops sign-in`",
      ];
    case "active":
      return [
        `ends ${dateToken(state.endsAt, "ago")}`,
        escapeText(grant.terms.grants),
        grant.id,
        ...(state.ownAccount ? ["use your own account"] : []),
      ];
    case "requested":
    case "granting":
    case "revoking":
    case "ended":
    case "denied":
    case "lapsed":
    case "withdrawn":
      return [escapeText(grant.terms.grants), grant.id];
  }
}

/** Of a denial: what its requester gets without anybody. */
function insteadLines(grant: Grant, { catalog }: Scene): string[] {
  if (grant.state.is !== "denied") return [];
  return withoutApproval(catalog, grant)
    .slice(0, 2)
    .map(
      ({ resource, role, grants }) =>
        `${escapeText(resource)} ${escapeText(role)} needs no approval: ${escapeText(grants)}`,
    );
}

function requesterVerbs(
  grant: Grant,
  { publicUrl, catalog }: Scene,
): { verbs?: readonly (Verb | LinkVerb)[]; more?: readonly Verb[] } {
  const { id, state } = grant;
  const url = pageUrl(publicUrl, id);
  switch (state.is) {
    case "approved":
      return {
        verbs: [
          { label: "Claim it", url },
          { label: "Not needed", line: `access return ${id}` },
        ],
      };
    case "granting":
      return { verbs: [{ label: "Open it", url }] };
    case "active":
      return {
        verbs: [
          { label: "Open it", url },
          { label: "Return it", line: `access return ${id}` },
        ],
        more: [{ label: "Extend", line: `modal access extend: ${id}` }],
      };
    case "denied":
      return {
        verbs: withoutApproval(catalog, grant)
          .slice(0, 2)
          .map(({ resource, role }) => ({
            label: `Request ${resource} ${role}`,
            line: `modal access request: ${resource} ${role}`,
          })),
      };
    case "requested":
    case "revoking":
    case "ended":
    case "lapsed":
    case "withdrawn":
      return {};
  }
}
