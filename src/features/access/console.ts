/** Access on the console's first pages: who has what, and what waits for a decision or a claim. */
import { personBySlack } from "../../catalog/lookup.ts";
import type { ConsoleParts, Route, Waiting } from "../../platform/feature.ts";
import { linesHtml } from "../../platform/http/cards.ts";
import { escapeHtml, live, page } from "../../platform/http/page.ts";
import { sendPage } from "../../platform/http/server.ts";
import { formUrl } from "../../platform/messages/html.ts";
import type { Actor } from "../../platform/people.ts";
import { cardKeyOf, requesterKeyOf } from "./cards.ts";
import { lineOf } from "./lists.ts";
import { countedApprovals, type Grant, openStates } from "./model.ts";
import { reportPath } from "./reporting.ts";
import { owedReviews } from "./review-store.ts";
import { leadOf, type Room } from "./room.ts";
import { listGrants, readGrant } from "./store.ts";

export const accessPath = "/access";
const goingMax = 50;
const waitingMax = 100;

export function accessConsole(room: Room): ConsoleParts {
  const { database, catalogs } = room.platform;
  return {
    going: {
      title: "Access",
      path: accessPath,
      async lines() {
        const grants = await listGrants(database.db, {
          states: [...openStates, "revoking"],
          limit: goingMax,
        });
        return grants
          .map((grant) => ({ rank: rankOf(grant), text: lineOf(room, grant) }))
          .sort((a, b) => a.rank - b.rank);
      },
    },
    async waiting(actor): Promise<readonly Waiting[]> {
      const person = personBySlack(catalogs.current(), actor.team, actor.person);
      if (person === undefined) return [];
      const [toDecide, toReview, toClaim] = await Promise.all([
        waitingForDecision(room, actor, person.id),
        waitingForReview(room, actor, person.id),
        listGrants(database.db, { personId: person.id, states: ["approved"], limit: waitingMax }),
      ]);
      return [
        ...toClaim.map((grant) => ({
          rank: 0,
          what: "Yours to claim",
          text: `Approved, to be claimed: ${lineOf(room, grant)}`,
          card: requesterKeyOf(grant.id),
        })),
        ...toReview.map((grant) => ({
          rank: 1,
          what: "Waits for your review",
          text: `Taken without asking, waits for a review: ${lineOf(room, grant)}`,
          card: cardKeyOf(grant.id),
        })),
        ...toDecide.map((grant) => ({
          rank: 1,
          what: "Waits for your decision",
          text: `Waits for your decision: ${lineOf(room, grant)}`,
          card: cardKeyOf(grant.id),
        })),
      ];
    },
  };
}

const rankOf = ({ state }: Grant): number =>
  state.is === "revoking" ? (state.trouble ? 0 : 10) : state.is === "requested" ? 20 : 40;

/** Requests that this person may decide on and has not. */
async function waitingForDecision(room: Room, actor: Actor, personId: string): Promise<Grant[]> {
  const requested = await listGrants(room.platform.database.db, { states: ["requested"], limit: waitingMax });
  const others = requested.filter(
    (grant) =>
      grant.personId !== personId &&
      grant.askedById !== personId &&
      !countedApprovals(grant).some((approval) => approval.personId === personId),
  );
  const mine = await Promise.all(others.map((grant) => leadOf(room, grant, actor, { isFresh: false })));
  return others.filter((_grant, index) => mine[index]?.ok);
}

/** Grants taken without asking that this person may review; the one that is due first first. */
async function waitingForReview(room: Room, actor: Actor, personId: string): Promise<Grant[]> {
  const owed = (await owedReviews(room.platform.database.db)).filter(({ takerId }) => takerId !== personId);
  const grants = await Promise.all(owed.map((review) => readGrant(room.platform.database.db, review.grant)));
  const taken = grants.filter((grant) => grant !== undefined);
  const mine = await Promise.all(taken.map((grant) => leadOf(room, grant, actor, { isFresh: false })));
  return taken.filter((_grant, index) => mine[index]?.ok);
}

/** `GET /access`: open requests and grants. */
export function accessListPage(room: Room, { going }: ConsoleParts): Route {
  return {
    method: "GET",
    path: accessPath,
    about: "Requests that wait and grants that are in force.",
    role: "anyone",
    nav: { label: "Access", order: 55 },
    async handle({ res, frame, actor }) {
      const person = personBySlack(room.platform.catalogs.current(), actor.team, actor.person);
      const [lines, mine] = await Promise.all([
        going?.lines() ?? [],
        person ? listGrants(room.platform.database.db, { personId: person.id, limit: goingMax }) : [],
      ]);
      const ask = formUrl("modal access request", frame.forms.next);
      const own = mine.map((grant) => ({ rank: 0, text: lineOf(room, grant) }));
      const body = [
        `<div class="actions"><a class="button primary" href="${escapeHtml(ask)}">Ask for access…</a> <a class="button" href="${reportPath}">Report</a></div>`,
        live(
          "grants",
          "access:*",
          `<h2>Now</h2>${lines.length === 0 ? "<p>Nobody has or asks for access.</p>" : linesHtml(lines, frame)}<h2>Yours</h2>${own.length === 0 ? "<p>You never asked.</p>" : linesHtml(own, frame)}`,
        ),
      ].join("");
      sendPage(res, 200, page("Access", body, frame));
    },
  };
}
