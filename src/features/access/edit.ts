/** Asking again with other words while a request waits changes it; whoever approved it approved something else. */
import { formatDuration } from "../../platform/commands/time.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Reply } from "../../platform/feature.ts";
import { escapeText, mention } from "../../platform/messages/blocks.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { cardKeyOf } from "./cards.ts";
import { approveAtOnce } from "./file.ts";
import { countedApprovals, type Grant, type GrantId, textDigest } from "./model.ts";
import type { Asking, Prepared } from "./prepare.ts";
import { change, type Room, unknownGrant, whoOf } from "./room.ts";
import { readGrant } from "./store.ts";
import { askedState, editsMax } from "./waiting.ts";
import { countText, requesterName } from "./words.ts";

/** Whether it is the same request over again: a second press, or somebody impatient. */
export function isSameAsk(open: Grant, { reason, startAt, time }: Asking, { askedMs }: Prepared): boolean {
  const isSameEnd = time.hasFixedEnd
    ? open.notAfter?.getTime() === time.until.getTime()
    : open.notAfter === null && open.askedMs === askedMs;
  return isSameEnd && open.reason === reason && open.startAt?.getTime() === startAt?.getTime();
}

export async function changeRequest(
  room: Room,
  tx: Tx,
  id: GrantId,
  asking: Asking,
  prepared: Prepared,
): Promise<Decision<Reply>> {
  const open = await readGrant(tx.trx, id, { lock: true });
  if (open === undefined) return unknownGrant(id);
  const { state } = open;
  if (state.is !== "requested")
    return refuse({
      rule: "one-open-request",
      message: `${id} was decided just now; nothing was changed.`,
      hint: `To ask differently, take it back first: access return ${id}.`,
    });
  const edits = (state.edits ?? 0) + 1;
  if (edits > editsMax)
    return refuse({
      rule: "edits-max",
      message: `${id} was changed ${editsMax} times already. Nothing done.`,
      hint: `Take it back and ask anew: access return ${id}.`,
    });
  const voided = countedApprovals(open);
  const { access } = room.platform.catalogs.current().policies;
  const changed: Grant = {
    ...open,
    terms: prepared.rule.terms,
    basis: prepared.basis,
    reason: asking.reason,
    askedMs: prepared.askedMs,
    notAfter: asking.time.hasFixedEnd ? asking.time.until : null,
    startAt: asking.startAt ?? null,
    // Whoever changes it for another must not approve it either.
    ...(prepared.typist.id === open.personId
      ? {}
      : { askedBy: whoOf(asking.actor), askedById: prepared.typist.id }),
    // Offers were for the old words as well; none left says so where they were shown.
    state: { ...askedState(tx.now, access), edits, offers: state.offers && [] },
  };
  const written = await change(room, tx, open, changed, {
    actor: asking.actor,
    action: "access.changed",
    detail: {
      askedMs: { before: open.askedMs, after: changed.askedMs },
      reasonDigest: { before: textDigest(open.reason), after: textDigest(changed.reason) },
      approvalsVoid: voided.length,
    },
  });
  const what = [
    open.askedMs === changed.askedMs
      ? []
      : [`${formatDuration(open.askedMs)} → ${formatDuration(changed.askedMs)}`],
    open.reason === changed.reason ? [] : ["another reason"],
    open.startAt?.getTime() === changed.startAt?.getTime() ? [] : ["another start"],
  ]
    .flat()
    .join(", ");
  const lost = voided.length === 0 ? "" : ` ${countText(voided.length, "approval")} no longer counts.`;
  const whom = voided.map(({ by }) => mention(by.person)).join(" ");
  tx.say({
    key: `${cardKeyOf(id)}:changed:${edits}`,
    channel: open.channel,
    parent: cardKeyOf(id),
    urgent: voided.length > 0,
    text: `${whom} ${escapeText(requesterName(room.platform.catalogs.current(), open))} changed ${id}: ${what}.${lost} The card shows it as it is now.`.trim(),
  });
  const { state: now } = await approveAtOnce(room, tx, written);
  const waits = now.is === "approved" ? "It is approved." : "It waits for a decision on that.";
  return allow({ text: `${id} is changed: ${what}.${lost} ${waits}` });
}
