/** A second rollout of a service and environment: refused or queued by policy, and started when its turn comes. */
import * as lookup from "../../catalog/lookup.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Reply } from "../../platform/feature.ts";
import { channelLink, escapeText } from "../../platform/messages/blocks.ts";
import { type Actor, systemActor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { allow, type Decision, type Refusal, refuse } from "../../platform/refusal.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { cardKey } from "./cards.ts";
import { type Holder, holderOf, type Place } from "./holders.ts";
import { queuedCard } from "./queue-card.ts";
import {
  endQueued,
  findQueued,
  insertQueued,
  listQueued,
  type Queued,
  queueJob,
  ringNext,
} from "./queue-store.ts";
import { decide, type Room } from "./room.ts";
import { oneAtATime, type StartRequest, startRollout } from "./start.ts";
import { clockText } from "./words.ts";

const queuedMax = 5;
/** Reasons that pass by themselves: it waits on, to its end. */
const passing: readonly string[] = [oneAtATime, "way-back-known"];
const againMs = 30_000;

/** Starts a rollout; while another is in flight it is queued where policy says so. */
export async function startOrQueue(
  room: Room,
  actor: Actor,
  request: StartRequest,
  inboxId: string | undefined,
): Promise<Decision<Reply>> {
  const started = await startRollout(room, actor, request, inboxId);
  if (started.ok || started.refusal.rule !== oneAtATime) return started;
  const { service, environment, version, isDryRun } = request;
  const { database, catalogs } = room.platform;
  if (catalogs.current().policies.rollout.second !== "queue") return started;
  const holder = await holderOf(database.db, { service, environment });
  // It has ended this moment.
  if (!holder) return startRollout(room, actor, request, inboxId);
  const waiting = await listQueued(database.db, { service, environment });
  const may = mayQueue(waiting, request);
  if (!may.ok) return may;
  if (isDryRun)
    return allow({
      text: `Dry run: ${escapeText(service)} ${escapeText(version)} would be queued behind ${holder.holder}. Nothing was done.`,
    });
  return decide(room.platform, inboxId, (tx) => enqueue(room, tx, actor, request, holder));
}

function mayQueue(waiting: readonly Queued[], { service, version }: StartRequest): Decision<undefined> {
  const same = waiting.find((one) => one.version === version);
  if (same)
    return refuse({
      rule: "queued-once",
      message: `${service} ${version} is queued already, as ${same.id}.`,
      hint: `rollout cancel ${same.id} takes it out.`,
    });
  if (waiting.length >= queuedMax)
    return refuse({
      rule: "queue-short",
      message: `${waiting.length} rollouts of ${service} wait already: ${waiting.map(({ id }) => id).join(", ")}.`,
      hint: "Take one out: rollout cancel, with its id.",
    });
  return allow(undefined);
}

async function enqueue(
  room: Room,
  tx: Tx,
  actor: Actor,
  request: StartRequest,
  { holder }: Holder,
): Promise<Decision<Reply>> {
  const { platform } = room;
  const { service, environment, version, change, options } = request;
  const catalog = platform.catalogs.current();
  const may = mayQueue(await listQueued(tx.trx, { service, environment }), request);
  if (!may.ok) return may;
  const channel = lookup.slackIdOf(lookup.channelFor(catalog, service), platform.slackTeam());
  if (channel === undefined)
    throw new Error(
      `channel ${lookup.channelFor(catalog, service).name} has no id for ${platform.slackTeam()} in the catalog`,
    );
  const id = await nextPublicId(tx.trx, "rollout");
  const { team, person, door } = actor;
  const waitMs = catalog.policies.rollout.queueMax;
  const expiresAt = new Date(tx.now.getTime() + waitMs);
  const queued: Queued = {
    id,
    service,
    environment,
    version,
    change,
    options,
    by: { team, person, door },
    channel,
    behind: holder,
    queuedAt: tx.now,
    expiresAt,
    state: "queued",
  };
  await insertQueued(tx.trx, queued);
  tx.audit({
    actor,
    action: "rollout.queued",
    subject: id,
    service,
    after: "queued",
    correlation: id,
    detail: { version, behind: holder, expires: expiresAt.toISOString() },
  });
  tx.say({ key: cardKey(id), channel, ...queuedCard(queued, platform.publicUrl) });
  // What is in the way may have ended meanwhile, and then nobody rings.
  tx.ring({ job: queueJob, ref: id, lane: "normal" });
  return allow({
    text: `${id}: ${escapeText(service)} ${escapeText(version)} is queued behind ${holder}. It starts when that has ended, if it then still may, and lapses after ${formatDuration(waitMs)}, at ${clockText(catalog, actor, expiresAt)}. \`rollout cancel ${id}\` takes it out. Its card is in ${channelLink(channel)}.`,
  });
}

/** Everything is checked anew, as if it were typed now by the same person. */
export async function takeTurn(room: Room, id: string): Promise<Rerun> {
  const { database, clock } = room.platform;
  const queued = await findQueued(database.db, id);
  if (queued?.state !== "queued") return undefined;
  const { service, environment, version, change, options, by, expiresAt } = queued;
  if (clock.now() >= expiresAt)
    return end(room, queued, "expired", `it did not get its turn within ${spanOf(queued)}`);
  const atEnd = { again: expiresAt };
  const [first] = await listQueued(database.db, { service, environment });
  if (first?.id !== id || (await holderOf(database.db, { service, environment }))) return atEnd;
  const request: StartRequest = { service, environment, version, change, options, isDryRun: false };
  const started = await startRollout(room, by, request, undefined, queued.id);
  if (started.ok) return undefined;
  if (!passing.includes(started.refusal.rule)) return end(room, queued, "refused", reasonOf(started.refusal));
  const soonMs = Math.min(expiresAt.getTime(), clock.now().getTime() + againMs);
  return { again: new Date(soonMs) };
}

const spanOf = ({ queuedAt, expiresAt }: Queued): string =>
  formatDuration(expiresAt.getTime() - queuedAt.getTime());

const reasonOf = ({ message, hint }: Refusal): string =>
  [message, hint].filter((part) => part !== "").join(" ");

async function end(
  room: Room,
  { id }: Queued,
  state: "expired" | "refused",
  outcome: string,
): Promise<undefined> {
  await room.platform.database.tx(async (tx) => {
    const ended = await endQueued(tx, id, state, outcome);
    if (ended) await sayEnd(room, tx, ended, systemActor, `rollout.${state}`);
  });
}

async function sayEnd(room: Room, tx: Tx, ended: Queued, actor: Actor, action: string): Promise<void> {
  const { id, service, state, outcome } = ended;
  tx.audit({
    actor,
    action,
    subject: id,
    service,
    before: "queued",
    after: state,
    reason: outcome,
    correlation: id,
  });
  tx.say({ key: cardKey(id), channel: ended.channel, ...queuedCard(ended, room.platform.publicUrl) });
  await ringNext(tx, ended);
}

export interface Cancel {
  readonly actor: Actor;
  readonly inboxId: string | undefined;
  readonly target: { id: string } | Place;
  readonly reason?: string | undefined;
  readonly isDryRun: boolean;
  /** Pressed on its card, which then says it. */
  readonly isSilent: boolean;
}

export async function cancelQueued(room: Room, ask: Cancel): Promise<Decision<Reply>> {
  const { database, authz } = room.platform;
  const { actor, target } = ask;
  const found =
    "id" in target
      ? [await findQueued(database.db, target.id)].filter((one) => one !== undefined)
      : await listQueued(database.db, { service: target.service, environment: target.environment });
  const [queued, other] = found;
  if (!queued)
    return refuse({
      rule: "queued-rollout",
      message:
        "id" in target ? `${target.id} is not in a queue.` : `No rollout of ${target.service} is queued.`,
      hint: "rollout list shows what is in flight and what is queued; one in flight is reverted: rollout revert.",
    });
  if (other)
    return refuse({
      rule: "one-meant",
      message: `${found.length} rollouts of ${queued.service} are queued: ${found.map(({ id, version }) => `${id} (${version})`).join(", ")}.`,
      hint: `Name one: rollout cancel ${queued.id}.`,
    });
  const allowed = await authz.authorise(actor, "responder", { service: queued.service });
  if (!allowed.ok) return allowed;
  if (queued.state !== "queued") return overAlready(queued);
  if (ask.isDryRun)
    return allow({ text: `Dry run: ${queued.id} would be taken out of the queue. Nothing was done.` });
  return decide(room.platform, ask.inboxId, async (tx) => {
    const outcome = `taken out of the queue${ask.reason ? `: ${ask.reason}` : ""}`;
    const ended = await endQueued(tx, queued.id, "cancelled", outcome);
    if (!ended) return overAlready((await findQueued(tx.trx, queued.id)) ?? queued);
    await sayEnd(room, tx, ended, actor, "rollout.cancelled");
    return allow({ text: `${ended.id} is out of the queue; nothing was started.`, silent: ask.isSilent });
  });
}

const overAlready = ({ id, service, state, outcome }: Queued): Decision<never> =>
  refuse({
    rule: "queued-rollout",
    message:
      state === "started" ? `${id} has started meanwhile.` : `${id} waits no more: ${outcome ?? state}.`,
    hint:
      state === "started"
        ? `rollout revert ${id} takes it back.`
        : `rollout list ${service} shows what is there.`,
  });
