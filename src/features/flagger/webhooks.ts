/**
 * Answers Flagger. The answer is decided by what is stored, in one short transaction or, for a poll that changes
 * nothing, by one read: Flagger waits ten seconds at most, and who does not answer keeps the gate closed.
 */
import * as lookup from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Hook, HookAnswer, HookRequest } from "../../platform/feature.ts";
import { systemActor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { placeOf } from "../deploys/index.ts";
import { readBody } from "./body.ts";
import {
  type Answer,
  afterHeard,
  answerOf,
  type Heard,
  type HookType,
  hookTypes,
  isGoing,
  isLate,
  isNews,
  type Run,
} from "./model.ts";
import { type Change, jobs, type Room } from "./room.ts";
import { insertRun, lockCanary, newestRun } from "./store.ts";

const about: Record<HookType, string> = {
  "confirm-rollout": "Gate before a canary gets anything; closed until somebody opens it.",
  "pre-rollout": "Check before a canary's first traffic: error budget, users, freeze.",
  rollout: "Check at every tick; fails once somebody decided to roll back.",
  "confirm-traffic-increase": "Gate before each step; closed until somebody opens it.",
  "confirm-promotion": "Gate before the promotion; closed until somebody opens it.",
  rollback: "Passes, and so rolls back, once somebody decided to.",
  "post-rollout": "How a canary ended.",
  event: "What happens to a canary, for its card, deploys and alerts.",
};

export function flaggerHooks(room: Room, sources: readonly string[]): Hook[] {
  return sources.flatMap((source) =>
    hookTypes.map(
      (type): Hook => ({
        source,
        path: type,
        about: `Flagger webhook of type ${type}. ${about[type]}`,
        handle: (request) => hear(room, type, request),
      }),
    ),
  );
}

async function hear(room: Room, type: HookType, request: HookRequest): Promise<HookAnswer> {
  const read = readBody(request.source, type, request.body);
  if ("problem" in read) return { status: 400, body: { error: "unreadable", message: read.problem } };
  const { heard } = read;
  const told = type === "event" || type === "post-rollout" ? await room.tellEvent(request) : undefined;
  const answer = await decide(room, heard);
  // What was not kept must be sent again, as far as Flagger does that.
  if (told !== undefined && told.status >= 500) return told;
  const { hasPassed, because, run } = answer;
  return {
    status: hasPassed ? 200 : 403,
    body: { ok: hasPassed, message: because, ...(run === undefined ? {} : { canary: run }) },
  };
}

type Said = Answer & { run?: string };

async function decide(room: Room, heard: Heard): Promise<Said> {
  const { database, clock } = room.platform;
  const known = await newestRun(database.db, heard);
  if (known && known.checksum === heard.checksum && !known.endedAt) {
    const answer = answerOf(known, heard.type, clock.now());
    if (!isNews(known, heard, answer, clock.now())) return { ...answer, run: known.id };
  }
  return database.tx(async (tx) => {
    await lockCanary(tx.trx, heard);
    const newest = await newestRun(tx.trx, heard);
    const found = await runFor(room, tx, heard, newest);
    if ("because" in found) return found;
    const answer = answerOf(found, heard.type, tx.now);
    const after = afterHeard(found, heard, answer, tx.now);
    if (after !== found) await room.change(tx, found, after, entryOf(found, after, heard));
    if (after.endedAt && after.isPaged) await room.paging.resolve(tx, stuckKey(after.id), systemActor);
    return { ...answer, run: after.id };
  });
}

export const stuckKey = (id: string): string => `flagger:${id}:stuck`;

function entryOf(before: Run, after: Run, { type, message }: Heard): Change | undefined {
  const isPassing = after.asked[type]?.hasPassed !== before.asked[type]?.hasPassed;
  const action =
    after.ending !== before.ending
      ? `flagger.${after.ending}`
      : isPassing && type !== "event" && type !== "post-rollout"
        ? `flagger.${type}-${after.asked[type]?.hasPassed ? "passed" : "held"}`
        : undefined;
  if (action === undefined) return undefined;
  return {
    actor: systemActor,
    action,
    reason: message ?? after.asked[type]?.because,
    detail: { phase: after.phase, checksum: after.checksum },
  };
}

/** The run a webhook belongs to, begun where it is the first of it; else the answer for one that belongs to none. */
async function runFor(room: Room, tx: Tx, heard: Heard, newest: Run | undefined): Promise<Run | Said> {
  const isSame = newest?.checksum === heard.checksum;
  if (newest && isSame && !newest.endedAt) return newest;
  const isTelling = heard.type === "event" || heard.type === "post-rollout";
  if (!isGoing(heard) || (newest && isLate(newest, heard))) {
    const because = isTelling
      ? "noted"
      : `no canary ${heard.namespace}/${heard.name} of this checksum is going`;
    return { hasPassed: isTelling, because };
  }
  const place = placeOf(room.platform.catalogs.current(), heard.source, {
    // Events carry none of the canary's own metadata.
    service: heard.service ?? newest?.service ?? heard.name,
    repository: null,
    environment: heard.environment ?? newest?.environment ?? null,
  });
  if ("problem" in place) return { hasPassed: isTelling, because: place.problem };
  if (newest && !newest.endedAt) await supersede(room, tx, newest);
  return begin(room, tx, heard, place);
}

async function supersede(room: Room, tx: Tx, run: Run): Promise<void> {
  await room.change(
    tx,
    run,
    { ...run, endedAt: tx.now, ending: "superseded", seq: run.seq + 1 },
    { actor: systemActor, action: "flagger.superseded" },
  );
  if (run.isPaged) await room.paging.resolve(tx, stuckKey(run.id), systemActor);
}

async function begin(
  { platform }: Room,
  tx: Tx,
  heard: Heard,
  { service, environment }: { service: string; environment: string },
): Promise<Run> {
  const catalog = platform.catalogs.current();
  const declared = lookup.channelFor(catalog, service);
  const channel = lookup.slackIdOf(declared, platform.slackTeam());
  if (channel === undefined)
    throw new Error(`channel ${declared.name} has no id for ${platform.slackTeam()} in the catalog`);
  const run: Run = {
    source: heard.source,
    namespace: heard.namespace,
    name: heard.name,
    checksum: heard.checksum,
    id: await nextPublicId(tx.trx, "rollout"),
    service,
    environment,
    version: heard.version ?? heard.checksum,
    channel,
    phase: heard.phase,
    startedAt: tx.now,
    heardAt: tx.now,
    opened: {},
    asked: {},
    isPaged: false,
    seq: 1,
  };
  await insertRun(tx.trx, run);
  tx.audit({
    actor: systemActor,
    action: "flagger.begun",
    subject: run.id,
    service,
    after: run.phase,
    correlation: run.id,
    detail: {
      canary: `${run.namespace}/${run.name}`,
      checksum: run.checksum,
      source: run.source,
      environment,
    },
  });
  tx.ring({ job: jobs.look, ref: run.id, lane: "normal" });
  return run;
}
