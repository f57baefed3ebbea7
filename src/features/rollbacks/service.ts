/** What would happen, and the decision to do it. */
import * as lookup from "../../catalog/lookup.ts";
import type { Reply } from "../../platform/feature.ts";
import { channelLink, escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { allow, type Decision, type Refusal, refuse } from "../../platform/refusal.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { TrafficSnapshot } from "../../providers/traffic/contract.ts";
import type { Deploy } from "../deploys/index.ts";
import {
  type Aim,
  claimTraffic,
  clockText,
  decide,
  type Holder,
  holderOf,
  nameOf,
  trafficDeadlineMs,
  turnOf,
  whoOf,
} from "../rollouts/index.ts";
import { previewReply, previewText } from "./cards.ts";
import { allTo, digestOf, mostOf, type Preview, type Rollback } from "./model.ts";
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

const changedRule = "bound-to-what-was-shown";
const historyMs = 365 * 86_400_000;

export async function rollBack(room: Room, request: RollbackRequest): Promise<Decision<Reply>> {
  const { platform } = room;
  const allowed = await platform.authz.authorise(request.actor, "responder", undefined);
  if (!allowed.ok) return allowed;
  const seen = await preview(room, request);
  if (!seen.ok) return request.seen === undefined ? seen : sayChanged(room, request, seen.refusal);
  const shown = seen.value;
  if (request.isDryRun) return allow({ text: `Dry run: ${previewText(shown)} Nothing was done.` });
  if (!request.isConfirmed) return allow(previewReply(shown, request.reason));
  if (request.seen !== undefined && request.seen !== digestOf(shown)) {
    const who = await whoMovedIt(room, request);
    return allow(
      previewReply(shown, request.reason, `Changed since you looked: ${who}Nothing done. As it stands now:`),
    );
  }
  return confirm(room, request, shown);
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
      state: { is: "moving" },
      badDeployId: shown.current?.version === shown.from ? shown.current.id : undefined,
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
      detail: { from: shown.from, to: shown.to, environment, seen: request.seen },
    });
    room.tell(tx, rollback);
    room.tellByHand(tx, rollback);
    tx.ring({ job: jobs.move, ref: id, lane: "urgent" });
    return allow({
      text: `${id}: ${escapeText(service)} goes back ${escapeText(shown.from)} → ${escapeText(shown.to)}. Its card is in ${channelLink(rollback.channel)}.`,
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

/** Reads where the traffic is and where it would go. */
async function preview(room: Room, request: RollbackRequest): Promise<Decision<Preview>> {
  const { platform, deploys } = room;
  const { service, environment } = request;
  const place = { service, environment };
  const found = room.aim(place);
  if (!found.ok) return found;
  const aim = found.value;
  await platform.database.tx((tx) => deploys.seed(tx, service));
  const turn = await turnOf(platform.database.db, place);
  const holder = await holderOf(platform.database.db, place);
  if (holder) return inTheWay(room, request.actor, holder);
  const [now, current, good] = await Promise.all([
    snapshotOf(aim),
    deploys.current(service, environment),
    deploys.good(service, environment),
  ]);
  if (!now.ok) return now;
  const from = mostOf(now.value) ?? current?.version ?? aim.initialVersion ?? "nothing";
  const target = await targetOf(room, aim, request, good, from);
  if (!target.ok) return target;
  const to = target.value.version;
  const recorded = (await recordedState(room, place, from, to)) ?? allTo(now.value, to, aim.addressOf(to));
  const parity = await readOr(() =>
    aim.engine.parity(aim.target, recorded, { deadlineMs: trafficDeadlineMs }),
  );
  if (!parity.ok) return parity;
  if (parity.value.equal && from === to)
    return refuse({
      rule: "another-version",
      message: `${service} is on ${to} already, as recorded.`,
      hint: "",
    });
  return allow({
    ...place,
    from,
    to,
    recorded,
    current,
    target: target.value.deploy,
    ranMs: await ranMs(room, request, to),
    differences: parity.value.differences,
    tookMs: await usualMs(room, service),
    turn,
  });
}

/** The named version, if it was ever recorded; else the last good one. */
async function targetOf(
  { platform, deploys }: Room,
  aim: Aim,
  { service, environment, version }: RollbackRequest,
  good: readonly Deploy[],
  from: string,
): Promise<Decision<{ version: string; deploy?: Deploy | undefined }>> {
  const names = good.map((deploy) => deploy.version).filter((name) => aim.knows(name));
  const known =
    names.length > 0 ? `Recorded as good: ${names.join(", ")}.` : "No version is recorded as good yet.";
  if (version === undefined) {
    const deploy = good.find((one) => one.version !== from && aim.knows(one.version));
    if (deploy) return allow({ version: deploy.version, deploy });
    return refuse({
      rule: "a-good-version",
      message: `No good version of ${service} other than ${from} is recorded.`,
      hint: `Name one: rollback ${service} <version>. ${aim.versions.length === 0 ? "Any recorded one can be given traffic." : `It can take ${aim.versions.join(", ")}.`}`,
    });
  }
  const since = new Date(platform.clock.now().getTime() - historyMs);
  const deploy =
    good.find((one) => one.version === version) ??
    (await deploys.recent(service, { since, limit: 500, environment })).find(
      (one) => one.version === version,
    );
  if (deploy && aim.knows(version)) return allow({ version, deploy });
  return refuse({
    rule: "recorded-version",
    message: `${version} of ${service} ${deploy ? "can take no traffic any more" : "was never recorded as deployed"}.`,
    hint: known,
  });
}

/** The state that was recorded when the version was left, if it was left by a rollout. */
async function recordedState(
  { rollouts }: Room,
  { service, environment }: Pick<RollbackRequest, "service" | "environment">,
  from: string,
  to: string,
): Promise<TrafficSnapshot | undefined> {
  const past = await rollouts.recent(service, 20, environment);
  const left = past.find((rollout) => rollout.state.is === "promoted");
  return left && left.to === from && left.from === to ? left.wayBack : undefined;
}

async function ranMs(
  { platform, deploys }: Room,
  { service, environment }: RollbackRequest,
  version: string,
): Promise<number | undefined> {
  const since = new Date(platform.clock.now().getTime() - historyMs);
  const past = [...(await deploys.recent(service, { since, limit: 200, environment }))].reverse();
  const began = past.findLastIndex((deploy) => deploy.version === version);
  const [own, next] = [past[began], past[began + 1]];
  return own && next ? next.at.getTime() - own.at.getTime() : undefined;
}

async function usualMs({ platform }: Room, service: string): Promise<number | undefined> {
  const done = await listRollbacks(platform.database.db, { service, state: "back", limit: 5 });
  const took = done.flatMap(({ state, startedAt }) =>
    state.is === "back" ? [state.at.getTime() - startedAt.getTime()] : [],
  );
  return took.length === 0 ? undefined : took.reduce((sum, ms) => sum + ms, 0) / took.length;
}

const snapshotOf = ({ engine, target }: Aim): Promise<Decision<TrafficSnapshot>> =>
  readOr(() => engine.snapshot(target, { deadlineMs: trafficDeadlineMs }));

async function readOr<T>(read: () => Promise<T>): Promise<Decision<T>> {
  try {
    return allow(await read());
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return refuse({
      rule: "traffic-readable",
      message: `The traffic cannot be read: ${error.message}. Nothing was done.`,
      hint: `${error.hint} Press again once it answers; the commands by hand stand in the thread of its last rollout.`,
    });
  }
}

function inTheWay({ platform }: Room, reader: Actor, { holder, what, by, since }: Holder): Decision<never> {
  const catalog = platform.catalogs.current();
  return refuse({
    rule: changedRule,
    message: `Changed since you looked: ${nameOf(catalog, by)} started ${what} ${holder} at ${clockText(catalog, reader, since)}. Nothing done.`,
    hint: what === "rollout" ? `To end it: rollout revert ${holder}.` : "Its card shows how it goes.",
  });
}

async function movedMeanwhile(room: Room, request: RollbackRequest): Promise<Decision<never>> {
  return refuse({
    rule: changedRule,
    message: `Changed since you looked: ${await whoMovedIt(room, request)}Nothing done.`,
    hint: `Look again: rollback ${request.service}.`,
  });
}

/** `@lead started v41 at 03:15:40 (R-13). `; empty when nothing of ours moved it. */
async function whoMovedIt(
  { platform, rollouts }: Room,
  { service, environment, actor }: RollbackRequest,
): Promise<string> {
  const catalog = platform.catalogs.current();
  const [[rollback], [rollout]] = await Promise.all([
    listRollbacks(platform.database.db, { service, environment, limit: 1 }),
    rollouts.recent(service, 1, environment),
  ]);
  const moves = [
    ...(rollback ? [{ id: rollback.id, to: rollback.to, by: rollback.by, at: rollback.startedAt }] : []),
    ...(rollout ? [{ id: rollout.id, to: rollout.to, by: rollout.startedBy, at: rollout.startedAt }] : []),
  ].sort((a, b) => b.at.getTime() - a.at.getTime());
  const [last] = moves;
  return last
    ? `${nameOf(catalog, last.by)} started ${last.to} at ${clockText(catalog, actor, last.at)} (${last.id}). `
    : "";
}
