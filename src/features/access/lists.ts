/** Grants in answers and summaries: one line each. */
import { personBySlack } from "../../catalog/lookup.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Reply, Summaries, SummaryLine } from "../../platform/feature.ts";
import { dateToken, escapeText, link } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { headlineOf, pageUrl } from "./cards.ts";
import { countedApprovals, type Grant, liveStates, openStates } from "./model.ts";
import { standingLine, standingOutside } from "./outside.ts";
import { isOverdue } from "./review.ts";
import { owedReviews } from "./review-store.ts";
import { type Room, whoOf } from "./room.ts";
import { type GrantFilter, listGrants, readGrant } from "./store.ts";
import { approverIdsOf, ruleText } from "./terms.ts";
import { nameOf, requesterName, spanText, standing } from "./words.ts";

const linesMax = 20;

export async function mineReply(room: Room, actor: Actor): Promise<Reply> {
  const { catalogs, database } = room.platform;
  const person = personBySlack(catalogs.current(), actor.team, actor.person);
  const grants = person ? await listGrants(database.db, { personId: person.id, limit: linesMax }) : [];
  if (grants.length === 0)
    return {
      text: "You never asked for access. For example: `/ops access request orders-db readonly 15m INC-42 why`",
    };
  return { text: grants.map((grant) => lineOf(room, grant)).join("\n") };
}

/** Open ones; of a resource, service or person those that are over too. */
export async function listReply(
  room: Room,
  filter: Pick<GrantFilter, "resource" | "personId" | "service">,
  service?: string,
): Promise<Reply> {
  const isAll = Object.keys(filter).length === 0;
  const grants = await listGrants(room.platform.database.db, {
    ...filter,
    states: isAll ? [...openStates, "revoking"] : undefined,
    limit: linesMax,
  });
  const resources = room.platform.catalogs
    .current()
    .resources.filter((one) =>
      filter.resource ? one.name === filter.resource : one.service === (filter.service ?? service),
    )
    .filter(() => !isAll && filter.personId === undefined)
    .map(
      (one) =>
        `*${escapeText(one.name)}*: ${one.roles.map((role) => `${escapeText(role.name)} (${escapeText(role.grants)})`).join(", ")}`,
    );
  const lines = grants.map((grant) => lineOf(room, grant));
  lines.push(...(await outsideLines(room, filter)));
  if (lines.length === 0)
    lines.push(isAll ? "Nobody has or asks for access now." : "Nobody asked for that yet.");
  return { text: [...resources, ...lines].join("\n") };
}

/** Rights outside that are on no record; a person's cannot be told from others'. */
async function outsideLines(
  { platform }: Room,
  { personId, resource, service }: Pick<GrantFilter, "resource" | "personId" | "service">,
): Promise<string[]> {
  if (personId !== undefined) return [];
  const { resources } = platform.catalogs.current();
  const instances =
    resource === undefined && service === undefined
      ? undefined
      : resources
          .filter((one) => (resource === undefined ? one.service === service : one.name === resource))
          .map(({ accessor }) => accessor);
  const standing = await standingOutside(platform.database.db, { instances }, linesMax);
  return standing.map((one) => `Outside, on no record: ${escapeText(one.instance)} · ${standingLine(one)}`);
}

export const lineOf = ({ platform }: Room, grant: Grant): string =>
  `${headlineOf(grant, { catalog: platform.catalogs.current() })} · asked ${dateToken(grant.requestedAt, "date_time")}`;

export function accessSummaries(room: Room): Summaries {
  const { database, catalogs, clock, publicUrl } = room.platform;
  return {
    async mine(actor) {
      const catalog = catalogs.current();
      const person = personBySlack(catalog, actor.team, actor.person);
      if (person === undefined) return [];
      const waiting = await listGrants(database.db, { states: ["requested"], limit: 100 });
      const toDecide = waiting.filter(
        (grant) =>
          approverIdsOf(catalog, grant.terms).includes(person.id) &&
          grant.personId !== person.id &&
          grant.askedById !== person.id &&
          !countedApprovals(grant).some(({ personId }) => personId === person.id),
      );
      const own = await listGrants(database.db, {
        personId: person.id,
        states: [...openStates, "revoking"],
        limit: linesMax,
      });
      return [
        ...toDecide.slice(0, linesMax).map((grant) => ({
          rank: 0,
          text: `Waits for your decision: ${lineOf(room, grant)}. \`/ops access approve ${grant.id}\``,
        })),
        ...(await owedLines(room, person.id)),
        ...own.map((grant) => ownLine(room, grant, publicUrl, clock.now())),
      ];
    },

    async status(service) {
      const live = await listGrants(database.db, { service, states: liveStates, limit: linesMax });
      return live.map((grant) => ({
        rank: grant.state.is === "revoking" && grant.state.trouble ? 15 : 60,
        text: lineOf(room, grant),
      }));
    },

    async why(thing) {
      if ("service" in thing) {
        const since = new Date(clock.now().getTime() - 86_400_000);
        const recent = await listGrants(database.db, {
          service: thing.service,
          requestedSince: since,
          limit: 5,
        });
        return recent.map((grant, index) => ({ rank: 60 + index, text: whyText(room, grant) }));
      }
      const grant = await readGrant(database.db, thing.id);
      if (grant === undefined) return [];
      const { terms } = grant;
      return [
        { rank: 20, text: whyText(room, grant) },
        {
          rank: 21,
          text: `Rule: ${escapeText(grant.role)} on ${escapeText(grant.resource)} ${escapeText(ruleText(room.platform.catalogs.current(), terms), 1_000)}`,
        },
        ...(grant.state.is === "revoking" && grant.state.trouble
          ? [
              {
                rank: 22,
                text: `By hand, at ${escapeText(terms.accessor.name)}: ${grant.byHand.map((line) => escapeText(line, 300)).join("; ") || `end what ${grant.id} made`}.`,
              },
            ]
          : []),
      ];
    },
  };
}

/** Reviews that this person could write. */
async function owedLines({ platform }: Room, personId: string): Promise<SummaryLine[]> {
  const { database, catalogs, clock } = platform;
  const lines: SummaryLine[] = [];
  for (const review of (await owedReviews(database.db)).slice(0, linesMax)) {
    const grant = await readGrant(database.db, review.grant);
    if (grant === undefined || grant.personId === personId) continue;
    if (!approverIdsOf(catalogs.current(), grant.terms).includes(personId)) continue;
    const when = `${isOverdue(review, clock.now()) ? "overdue since" : "due"} ${dateToken(review.dueAt, "date_time")}`;
    lines.push({
      rank: 0,
      text: `Waits for your review, ${when}: ${grant.id}, ${escapeText(grant.role)} on ${escapeText(grant.resource)}, taken by ${escapeText(requesterName(catalogs.current(), grant))}. \`/ops access review ${grant.id} what was done with it\``,
    });
  }
  return lines;
}

function ownLine(room: Room, grant: Grant, publicUrl: string, now: Date): SummaryLine {
  const { state } = grant;
  if (state.is === "approved")
    return {
      rank: 0,
      text: `Approved: ${link(pageUrl(publicUrl, grant.id), `claim ${grant.id}`)}. ${lineOf(room, grant)}`,
    };
  if (state.is === "active")
    return {
      rank: 20,
      text: `Yours, ${spanText(state.endsAt.getTime() - now.getTime())} left: ${lineOf(room, grant)}. \`/ops access return ${grant.id}\``,
    };
  const offer = state.is === "requested" ? state.offers?.at(-1) : undefined;
  if (offer)
    return {
      rank: 0,
      text: `${escapeText(nameOf(room.platform.catalogs.current(), offer.by))} offers ${escapeText(offer.role)} for ${formatDuration(offer.durationMs)} instead: \`/ops access accept ${grant.id}\`. ${lineOf(room, grant)}`,
    };
  return { rank: 25, text: `Yours: ${lineOf(room, grant)}` };
}

function whyText(room: Room, grant: Grant): string {
  const catalog = room.platform.catalogs.current();
  const by = standing(catalog, grant, whoOf({ ...grant.requester, door: "system" }));
  return `${lineOf(room, grant)}\nReason: ${escapeText(grant.reason)}. Now: ${escapeText(by)}.`;
}
