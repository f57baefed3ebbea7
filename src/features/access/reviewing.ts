/** Writing the review of what was taken without asking, and seeing to it that somebody does. */
import { leadsChannelFor, slackIdOf } from "../../catalog/lookup.ts";
import { onlyIfKnown, slackIdsOf } from "../../platform/authz.ts";
import type { Reply } from "../../platform/feature.ts";
import { dateToken, escapeText, mention } from "../../platform/messages/blocks.ts";
import { type Actor, systemActor } from "../../platform/people.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import type { Job, Rerun } from "../../platform/rings/runner.ts";
import { pageKeyOfTaken } from "./break-glass.ts";
import { cardKeyOf } from "./cards.ts";
import { type GrantId, jobs, textDigest } from "./model.ts";
import { holdsSecret, secretRefusal } from "./reason.ts";
import { isOverdue, reviewCharsMin, toldReview } from "./review.ts";
import { readReview, writeReview } from "./review-store.ts";
import { change, leadOf, type Room, unknownGrant, whoOf } from "./room.ts";
import { readGrant } from "./store.ts";
import { approverIdsOf } from "./terms.ts";
import { clockText, nameOf, requesterName } from "./words.ts";

export interface Reviewing {
  actor: Actor;
  inboxId?: string | undefined;
  isDryRun: boolean;
  isPress: boolean;
  id: GrantId;
  text: string;
}

export async function reviewGrant(room: Room, reviewing: Reviewing): Promise<Decision<Reply>> {
  const { platform } = room;
  const { actor, id, text } = reviewing;
  const catalog = platform.catalogs.current();
  const known = onlyIfKnown(catalog, actor);
  if (!known.ok) return known;
  if (holdsSecret(text)) return refuse({ rule: "no-secrets", message: `The review: ${secretRefusal}.` });
  if (text.trim().length < reviewCharsMin)
    return refuse({
      rule: "review-in-words",
      message: `A review says what was done with it and whether it was needed, in ${reviewCharsMin} characters at least.`,
    });
  const peek = await readGrant(platform.database.db, id);
  if (peek === undefined) return unknownGrant(id);
  if (known.value.id === peek.personId)
    return refuse({
      rule: "not-your-own-review",
      message: `${id} is what you took yourself; another person reviews it.`,
      whoCould: slackIdsOf(
        catalog,
        approverIdsOf(catalog, peek.terms).filter((person) => person !== peek.personId),
        actor.team,
      ),
    });
  const lead = await leadOf(room, peek, actor, { isFresh: true });
  if (!lead.ok) return lead;
  return platform.database.tx<Decision<Reply>>(
    async (tx) => {
      const grant = await readGrant(tx.trx, id, { lock: true });
      const review = await readReview(tx.trx, id, { lock: true });
      if (grant === undefined || review === undefined)
        return refuse({ rule: "review-owed", message: `${id} was asked for; nobody owes a review of it.` });
      if (review.done !== null)
        return refuse({
          rule: "one-review",
          message: `${nameOf(catalog, review.done.by)} reviewed ${id} at ${clockText(catalog, whoOf(actor), review.done.at)}. Nothing done.`,
        });
      if (reviewing.isDryRun) return allow({ text: `Dry run: ${id} would be reviewed. Nothing was done.` });
      const done = { by: whoOf(actor), personId: lead.value, at: tx.now, text };
      await writeReview(tx.trx, { ...review, tellAt: null, done }, tx.now);
      for (const approver of [...approverIdsOf(catalog, grant.terms), "team"])
        await room.paging.resolve(tx, pageKeyOfTaken(grant, approver), actor);
      await change(room, tx, grant, grant, {
        actor,
        action: "access.reviewed",
        detail: { textDigest: textDigest(text), wasOverdue: isOverdue(review, tx.now) },
        isStateSame: true,
      });
      return allow({ text: `${id} is reviewed; thank you.`, silent: reviewing.isPress });
    },
    { inboxId: reviewing.isDryRun ? undefined : reviewing.inboxId },
  );
}

export function reviewJob(room: Room): Job {
  return {
    name: jobs.review,
    about: "Reminds the leads of a review that is owed, and again each day once it is overdue.",
    lane: "normal",
    run: (id) => tellLeads(room, id as GrantId),
  };
}

async function tellLeads(room: Room, id: GrantId): Promise<Rerun> {
  const { database, catalogs, slackTeam } = room.platform;
  return database.tx<Rerun>(async (tx) => {
    const review = await readReview(tx.trx, id, { lock: true });
    const grant = await readGrant(tx.trx, id);
    if (review === undefined || grant === undefined || review.tellAt === null) return undefined;
    if (tx.now < review.tellAt) return { again: review.tellAt };
    const told = toldReview(review, tx.now);
    await writeReview(tx.trx, told, tx.now);
    const catalog = catalogs.current();
    const overdue = isOverdue(review, tx.now);
    const taker = escapeText(requesterName(catalog, grant));
    const leads = approverIdsOf(catalog, grant.terms).filter((person) => person !== grant.personId);
    const people = slackIdsOf(catalog, leads, slackTeam());
    const when = overdue
      ? `is overdue since ${dateToken(review.dueAt, "date_time")}; until it is written ${taker} can take nothing more`
      : `is due ${dateToken(review.dueAt, "date_time")}`;
    const text = `The review of ${id}, which ${taker} took without asking (${escapeText(grant.role)} on ${escapeText(grant.resource)}), ${when}: \`/ops access review ${id} what was done with it\``;
    const nth = String(Math.round((tx.now.getTime() - review.dueAt.getTime()) / 86_400_000));
    tx.say({
      key: `${cardKeyOf(id)}:review:${nth}`,
      channel: grant.channel,
      parent: cardKeyOf(id),
      text: `${people.map(mention).join(" ")} ${text}`,
    });
    if (overdue) {
      const wider = slackIdOf(leadsChannelFor(catalog, catalog.organisation.defaultOwner), slackTeam());
      for (const channel of new Set([...people, ...(wider === undefined ? [] : [wider])]))
        if (channel !== grant.channel)
          tx.say({ key: `${cardKeyOf(id)}:review:${nth}:${channel}`, channel, urgent: true, text });
      tx.audit({
        actor: systemActor,
        action: "access.review-overdue",
        subject: id,
        service: grant.service ?? undefined,
      });
    }
    return told.tellAt === null ? undefined : { again: told.tellAt };
  });
}
