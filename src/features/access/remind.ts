/** Words that go to people before something runs out. */
import { slackIdsOf } from "../../platform/authz.ts";
import type { Tx } from "../../platform/db/database.ts";
import { dateToken, escapeText, mention } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import { cardKeyOf } from "./cards.ts";
import { countedApprovals, type Grant, type GrantId } from "./model.ts";
import { change, type Room } from "./room.ts";
import { readGrant } from "./store.ts";
import { requesterName, spanText } from "./words.ts";

/** Once, in the card's thread: those who can approve and have not. */
export async function remindApprovers(room: Room, tx: Tx, after: Grant, before: Grant): Promise<void> {
  const catalog = room.platform.catalogs.current();
  const done = new Set([
    before.personId,
    before.askedById,
    ...countedApprovals(before).map(({ personId }) => personId),
  ]);
  const leads = catalog.teams
    .filter(({ name }) => before.terms.approvers.includes(name))
    .flatMap(({ leads: of }) => of)
    .filter((id) => !done.has(id));
  const people = slackIdsOf(catalog, leads, room.platform.slackTeam()).map(mention).join(" ");
  await change(room, tx, before, after, { actor: systemActor, action: "access.reminded" });
  const waitedMs = tx.now.getTime() - before.requestedAt.getTime();
  const until =
    before.state.is === "requested" ? ` It lapses ${dateToken(before.state.decideBy, "date_time")}.` : "";
  tx.say({
    key: `${cardKeyOf(before.id)}:reminder`,
    channel: before.channel,
    parent: cardKeyOf(before.id),
    urgent: true,
    text: `${people} ${before.id} of ${escapeText(requesterName(catalog, before))} for ${escapeText(before.resource)} has waited ${spanText(waitedMs)} for a decision.${until}`,
  });
}

/** A few minutes before the end: what has not been saved by then goes with the session. */
export async function warnRequester({ platform }: Room, id: GrantId): Promise<void> {
  await platform.database.tx(async (tx) => {
    const grant = await readGrant(tx.trx, id, { lock: true });
    if (grant?.state.is !== "active" || grant.state.endsAt <= tx.now) return;
    tx.say({
      key: `${cardKeyOf(id)}:warning`,
      channel: grant.requester.person,
      urgent: true,
      text: `${id} ${escapeText(grant.resource)} ${escapeText(grant.role)} ends ${dateToken(grant.state.endsAt)}, and open sessions with it. More time: \`/ops access extend ${id} <time> <reason>\``.replace(
        "<time> <reason>",
        "15m why",
      ),
    });
  });
}
