/** Words that go to people before something runs out. */
import { slackIdsOf } from "../../platform/authz.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Tx } from "../../platform/db/database.ts";
import { actions, dateToken, escapeText, mention, section } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import { cardKeyOf } from "./cards.ts";
import { countedApprovals, type Grant, type GrantId } from "./model.ts";
import { change, type Room } from "./room.ts";
import { readGrant } from "./store.ts";
import { approverIdsOf } from "./terms.ts";
import { requesterName, spanText } from "./words.ts";

/** What the warning proposes; the form takes any time. */
const usualExtensionMs = 15 * 60_000;

/** Once, in the card's thread: those who can approve and have not. */
export async function remindApprovers(room: Room, tx: Tx, after: Grant, before: Grant): Promise<void> {
  const catalog = room.platform.catalogs.current();
  const done = new Set([
    before.personId,
    before.askedById,
    ...countedApprovals(before).map(({ personId }) => personId),
  ]);
  const leads = approverIdsOf(catalog, before.terms).filter((id) => !done.has(id));
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
    const { terms, totalBeforeMs, state } = grant;
    const leftMs = terms.totalDurationMaxMs - totalBeforeMs - state.durationMs;
    const ends = `${id} ${escapeText(grant.resource)} ${escapeText(grant.role)} ends ${dateToken(state.endsAt)}, and open sessions with it.`;
    const more =
      leftMs > 0
        ? `Up to ${formatDuration(leftMs)} more can be asked for: \`/ops access extend ${id} ${formatDuration(Math.min(leftMs, usualExtensionMs))} why\``
        : `It cannot be extended: ${formatDuration(terms.totalDurationMaxMs)} is the most with all extensions.`;
    const text = `${ends} ${more}`;
    tx.say({
      key: `${cardKeyOf(id)}:warning`,
      channel: grant.requester.person,
      urgent: true,
      text,
      blocks: [
        section(text),
        ...actions([
          ...(leftMs > 0 ? [{ label: "Extend", line: `modal access extend: ${id}` }] : []),
          { label: "Return it", line: `access return ${id}` },
        ]),
      ],
    });
  });
}
