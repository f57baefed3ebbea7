/** What would happen, and the decision to do it. */
import * as lookup from "../../catalog/lookup.ts";
import type { Reply } from "../../platform/feature.ts";
import { channelLink, codeBlock, dateToken, escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { allow, type Decision, type Refusal, refuse } from "../../platform/refusal.ts";
import { byNameOf, claimTraffic, decide, stuckWords, whoOf } from "../rollouts/index.ts";
import { changedRule, inTheWay, whoMovedIt } from "./changed.ts";
import { digestOf, type Preview, type Rollback } from "./model.ts";
import { preview } from "./preview.ts";
import { previewReply, previewText, startedText } from "./preview-words.ts";
import { jobs, type Room } from "./room.ts";
import { insertRollback, listRollbacks } from "./store.ts";

export interface RollbackRequest {
  actor: Actor;
  inboxId: string | undefined;
  channel: string;
  service: string;
  environment: string;
  version?: string | undefined;
  reason?: string | undefined;
  /** Digest of the preview that was confirmed. */
  seen?: string | undefined;
  isConfirmed: boolean;
  isDryRun: boolean;
}

export async function rollBack(room: Room, request: RollbackRequest): Promise<Decision<Reply>> {
  const { platform } = room;
  const allowed = await platform.authz.authorise(request.actor, "responder", undefined);
  if (!allowed.ok) return allowed;
  const seen = await preview(room, request);
  if (!seen.ok) {
    const stuck = await stuckText(room, request);
    if (stuck !== undefined) return allow({ text: stuck });
  }
  if (!seen.ok) return request.seen === undefined ? seen : sayChanged(room, request, seen.refusal);
  const shown = seen.value;
  const nameOf = byNameOf(platform.catalogs.current());
  if (request.isDryRun) return allow({ text: `Dry run: ${previewText(shown, nameOf)}\nNothing was done.` });
  if (!request.isConfirmed) return allow(previewReply(shown, request.reason, nameOf));
  if (request.seen !== undefined && request.seen !== digestOf(shown)) {
    const who = await whoMovedIt(room, request);
    return allow(
      previewReply(
        shown,
        request.reason,
        nameOf,
        `Changed since you looked: ${who}Nothing done. As it stands now:`,
      ),
    );
  }
  return confirm(room, request, shown);
}

/** Asked again while one is on its way and its engine is away: what to do meanwhile. */
async function stuckText(room: Room, { service, environment }: RollbackRequest): Promise<string | undefined> {
  const [moving] = await listRollbacks(room.platform.database.db, {
    service,
    environment,
    state: "moving",
    limit: 1,
  });
  if (moving?.failing === undefined) return undefined;
  const { id, from, to, failing } = moving;
  const tried = `Tried ${failing.attempts} times since ${dateToken(new Date(failing.sinceMs))}; I keep trying.${failing.isPaged ? " On call was paged." : ""}`;
  return [
    `${id} takes ${escapeText(service)} back ${escapeText(from)} → ${escapeText(to)} already; ${stuckWords(failing)}. ${tried} By hand:`,
    codeBlock(room.byHand(moving)),
  ].join("\n");
}

/** What was confirmed cannot be done any more: what happened comes first. */
async function sayChanged(room: Room, request: RollbackRequest, refusal: Refusal): Promise<Decision<never>> {
  if (refusal.rule === changedRule) return refuse(refusal);
  const who = await whoMovedIt(room, request);
  return refuse({
    ...refusal,
    rule: changedRule,
    message: `Changed since you looked: ${who}Nothing done. ${refusal.message}`,
  });
}

async function confirm(room: Room, request: RollbackRequest, shown: Preview): Promise<Decision<Reply>> {
  const { platform } = room;
  const { actor, service, environment } = request;
  return decide(platform, request.inboxId, async (tx) => {
    const id = await nextPublicId(tx.trx, "rollout");
    const claimed = await claimTraffic(
      tx,
      { service, environment },
      { holder: id, what: "rollback", by: whoOf(actor) },
    );
    if (!claimed.ok) return inTheWay(room, actor, claimed.holder);
    // Somebody moved it between our look and our lock, and is through already.
    if (claimed.turn !== shown.turn + 1) return movedMeanwhile(room, request);
    const rollback: Rollback = {
      id,
      service,
      environment,
      from: shown.from,
      to: shown.to,
      by: whoOf(actor),
      reason: request.reason,
      channel: channelOf(room, service),
      startedAt: tx.now,
      catalogDigest: platform.catalogs.digest(),
      recorded: shown.recorded,
      way: shown.way,
      surroundings: shown.surroundings,
      state: { is: "moving" },
      // Back to the version that runs, out of a split: nothing of it was bad.
      badDeployId:
        shown.from !== shown.to && shown.current?.version === shown.from ? shown.current.id : undefined,
    };
    await insertRollback(tx.trx, rollback);
    tx.audit({
      actor,
      action: "rollback.started",
      subject: id,
      service,
      after: "moving",
      reason: request.reason,
      correlation: id,
      detail: {
        from: shown.from,
        to: shown.to,
        environment,
        seen: request.seen,
        migrations: shown.migrations?.map((one) => one.id),
      },
    });
    room.tell(tx, rollback);
    room.tellByHand(tx, rollback);
    tx.ring({ job: jobs.move, ref: id, lane: "urgent" });
    return allow({
      text: startedText(id, shown, channelLink(rollback.channel), {
        byHand: actor.door === "terminal" ? room.byHand(rollback) : [],
      }),
    });
  });
}

function channelOf({ platform }: Room, service: string): string {
  const channel = lookup.channelFor(platform.catalogs.current(), service);
  const id = lookup.slackIdOf(channel, platform.slackTeam());
  if (id === undefined)
    throw new Error(`channel ${channel.name} has no id for ${platform.slackTeam()} in the catalog`);
  return id;
}

async function movedMeanwhile(room: Room, request: RollbackRequest): Promise<Decision<never>> {
  return refuse({
    rule: changedRule,
    message: `Changed since you looked: ${await whoMovedIt(room, request)}Nothing done.`,
    hint: `Look again: rollback ${request.service}@${request.environment}.`,
  });
}
