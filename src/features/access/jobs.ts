/** What workers do: make what was claimed, end what is due, remind, let lapse, forget. */
import { slackIdsOf } from "../../platform/authz.ts";
import { systemActor } from "../../platform/people.ts";
import type { Job, Rerun } from "../../platform/rings/runner.ts";
import type { ReadBack, Revoked } from "../../providers/accessors/contract.ts";
import { ProviderError } from "../../providers/errors.ts";
import { destroySecret, lapse } from "./claim.ts";
import { startEnding } from "./end.ts";
import { escalate } from "./escalate.ts";
import { makeGrant } from "./make.ts";
import { type Grant, type GrantId, jobs, refOf, revokingFrom, warnBeforeMs } from "./model.ts";
import { remindApprovers, warnRequester } from "./remind.ts";
import { reviewJob } from "./reviewing.ts";
import { accessorOf, change, pageKeyOf, type Room } from "./room.ts";
import { inAMoment, inTurn, sharedKeyOf, takeAway } from "./shared.ts";
import { readGrant } from "./store.ts";
import { teamOf } from "./terms.ts";
import { again } from "./trouble.ts";

/** A provider call ends within 10 s; a try makes three. */
const leaseSec = 45;

export function accessJobs(room: Room): Job[] {
  return [
    {
      name: jobs.grant,
      about: "Makes a claimed grant at its provider, reads it back and starts its clock's ring.",
      lane: "urgent",
      leaseSec,
      run: (id) => makeGrant(room, id as GrantId),
    },
    {
      name: jobs.end,
      isFirst: true,
      whileHeld: true,
      about: "Ends a grant at its provider and believes it ended only once that was read back.",
      lane: "urgent",
      leaseSec,
      run: (id) => endGrant(room, id as GrantId),
    },
    {
      name: jobs.wait,
      about: "Reminds approvers, tells others, and lets lapse what nobody decided or claimed.",
      lane: "normal",
      run: (id) => waitFor(room, id as GrantId),
    },
    reviewJob(room),
    {
      name: jobs.forget,
      whileHeld: true,
      about: "Destroys a secret nobody looked at in time, and warns some minutes before a grant ends.",
      lane: "normal",
      run: async (id) => {
        await room.platform.database.tx(async (tx) => {
          await tx.trx
            .deleteFrom("secrets")
            .where("purpose", "=", "access")
            .where("expires_at", "<=", tx.now)
            .execute();
        });
        const grant = await readGrant(room.platform.database.db, id);
        return grant?.state.is === "active" ? warnLater(room, grant) : undefined;
      },
    },
  ];
}

/** The warning shares the ring that forgets: both are about an active grant and neither is pressing. */
async function warnLater(room: Room, grant: Grant): Promise<Rerun> {
  const { state } = grant;
  if (state.is !== "active" || state.durationMs < 3 * warnBeforeMs) return undefined;
  const at = new Date(state.endsAt.getTime() - warnBeforeMs);
  const now = room.platform.clock.now();
  if (at > now) return { again: at };
  await warnRequester(room, grant.id);
  return undefined;
}

/**
 * What ends at its time is on record as active until it is gone: the row itself says what is to be done, and an end that
 * fails is shown as one that goes on.
 */
async function endGrant(room: Room, id: GrantId): Promise<Rerun> {
  const { database, clock } = room.platform;
  const now = clock.now();
  const grant = await readGrant(database.db, id);
  if (grant?.state.is !== "active" && grant?.state.is !== "revoking") return undefined;
  if (grant.state.is === "active" && now < grant.state.endsAt) return { again: grant.state.endsAt };
  try {
    const accessor = accessorOf(room, grant);
    const sharedKey = sharedKeyOf(accessor, grant);
    const ended = await inTurn(room, sharedKey, async () => {
      const ref = refOf(grant);
      const revoked = await insist(() => takeAway(room, accessor, ref, id, sharedKey));
      assertGone(revoked, await insist(() => accessor.verify(ref)), ref.externalName, now);
      await recordEnd(room, id, revoked, now);
    });
    return ended === "taken" ? inAMoment(room) : undefined;
  } catch (error) {
    if (grant.state.is === "active")
      await database.tx(async (tx) => {
        const locked = await readGrant(tx.trx, id, { lock: true });
        if (locked?.state.is === "active") await startEnding(room, tx, locked, { is: "time" }, systemActor);
      });
    return again(room, id, error);
  }
}

/** Calls that failed within this long are made again at once, so often in all. */
const soonMs = 1_000;
const insistTimes = 3;

/** One lost answer is no outage: what failed fast is tried again before anybody waits. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let nth = 1; ; nth += 1) {
    const startedMs = performance.now();
    try {
      return await call();
    } catch (error) {
      const mayPass =
        error instanceof ProviderError && (error.code === "timeout" || error.code === "unreachable");
      if (!mayPass || nth === insistTimes || performance.now() - startedMs > soonMs) throw error;
    }
  }
}

/**
 * An end is believed when both its own answer and a look of our own say so. A system that cannot call back what it
 * handed out, or leaves what was there before, finds it still when it is looked for: until the time it names, or for the
 * reason it gives.
 */
function assertGone(
  { readBack, lastsUntil, stays = "" }: Revoked,
  seen: ReadBack,
  name: string,
  startedAt: Date,
): void {
  const mayBeFound = (lastsUntil !== null && lastsUntil > startedAt) || stays !== "";
  const looks = mayBeFound ? [readBack] : [readBack, seen];
  const left = looks.find((one) => one.exists || (one.openSessions ?? 0) > 0);
  if (left === undefined) return;
  throw new ProviderError(
    "conflict",
    `${name} is there still after it was removed: ${left.exists ? "the login exists" : "no login"}, ${left.openSessions ?? 0} open sessions`,
    "Something keeps it from going; look for who else changes that login",
  );
}

async function recordEnd(
  room: Room,
  id: GrantId,
  { sessionsEnded, seen, stays, lastsUntil }: Revoked,
  startedAt: Date,
): Promise<void> {
  await room.platform.database.tx(async (tx) => {
    const locked = await readGrant(tx.trx, id, { lock: true });
    const ending =
      locked?.state.is === "active" ? revokingFrom(locked, { is: "time" }, startedAt) : locked?.state;
    if (locked === undefined || ending?.is !== "revoking") return;
    const { isPaged, externalId: _gone, ...state } = ending;
    if (isPaged) await room.paging.resolve(tx, pageKeyOf(locked), systemActor);
    await destroySecret(tx, id);
    await change(
      room,
      tx,
      locked,
      {
        ...locked,
        state: {
          ...state,
          is: "ended",
          at: tx.now,
          sessionsEnded: state.sessionsEnded + sessionsEnded,
          seen,
          stays,
          lastsUntil,
        },
      },
      {
        actor: systemActor,
        action: "access.ended",
        detail: {
          because: state.because.is,
          lateMs: Math.max(0, tx.now.getTime() - state.dueAt.getTime()),
          sessionsEnded: state.sessionsEnded + sessionsEnded,
        },
      },
    );
  });
}

async function waitFor(room: Room, id: GrantId): Promise<Rerun> {
  const { database } = room.platform;
  const onCall = await onCallFor(room, id);
  return database.tx<Rerun>(async (tx) => {
    const grant = await readGrant(tx.trx, id, { lock: true });
    if (grant === undefined) return undefined;
    const { state } = grant;
    if (state.is === "approved") {
      if (tx.now < state.claimBy) return { again: state.claimBy };
      await lapse(room, tx, grant, "it was not claimed in time");
      return undefined;
    }
    if (state.is !== "requested") return undefined;
    if (tx.now >= state.decideBy) {
      await lapse(room, tx, grant, "nobody decided in time");
      return undefined;
    }
    if (state.remindAt !== null && tx.now >= state.remindAt) {
      await remindApprovers(room, tx, { ...grant, state: { ...state, remindAt: null } }, grant);
      return { again: state.escalateAt ?? state.decideBy };
    }
    if (state.escalateAt && tx.now >= state.escalateAt) {
      await escalate(room, tx, { ...grant, state: { ...state, escalateAt: null } }, grant, onCall);
      return { again: state.decideBy };
    }
    return { again: state.remindAt ?? state.escalateAt ?? state.decideBy };
  });
}

/** Slack ids of who is on call for the approving team, when it is time to tell them. */
async function onCallFor({ platform, paging }: Room, id: GrantId): Promise<readonly string[]> {
  const { database, clock, catalogs, slackTeam } = platform;
  const grant = await readGrant(database.db, id);
  if (grant?.state.is !== "requested") return [];
  const { escalateAt } = grant.state;
  if (!escalateAt || clock.now() < escalateAt) return [];
  const people = await paging.onCall(teamOf(grant), clock.now());
  const ids = people.slice(0, 1).map((person) => person.id);
  return slackIdsOf(catalogs.current(), ids, slackTeam());
}
