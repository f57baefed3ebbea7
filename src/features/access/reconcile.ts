/** What a crash, a flush or a change of teams left: rung again, revoked, or shown. */
import { sql } from "kysely";
import type { AccessorInstance, AccessTerms } from "../../catalog/schema.ts";
import { onlyIfKnown } from "../../platform/authz.ts";
import { canonicalJson } from "../../platform/canonical.ts";
import { systemActor } from "../../platform/people.ts";
import type { Job } from "../../platform/rings/runner.ts";
import type { Accessor, ExternalObject } from "../../providers/accessors/contract.ts";
import { externalNameOf } from "../../providers/accessors/contract.ts";
import { ProviderError } from "../../providers/errors.ts";
import { lapse } from "./claim.ts";
import { startEnding } from "./end.ts";
import { type EndCause, type Grant, jobs, liveStates, nextStep, openStates, refOf } from "./model.ts";
import { type Room, requesterIn } from "./room.ts";
import { dueGrants, listGrants, readGrant } from "./store.ts";
import { requesterName } from "./words.ts";

export const sweepEverySec = 60;
export const reconcileEverySec = 60;

const rowsMax = 1_000;

export function sweepJobs(room: Room): Job[] {
  return [
    {
      name: jobs.sweep,
      about: "Rings again whatever is due, and ends grants of people who lost the right to ask.",
      lane: "urgent",
      run: async () => {
        await ringDue(room);
        await endLostRights(room);
        return undefined;
      },
    },
    {
      name: jobs.reconcile,
      about:
        "Compares the logins at each provider with the grants on record; removes ours that no grant needs.",
      lane: "normal",
      leaseSec: 120,
      run: async () => {
        for (const instance of await instancesOf(room)) await reconcile(room, instance);
        return undefined;
      },
    },
  ];
}

/** The rows say what is due, whatever became of the rings. */
async function ringDue({ platform }: Room): Promise<void> {
  const { database, clock } = platform;
  const due = await dueGrants(database.db, clock.now(), rowsMax);
  if (due.length === 0) return;
  await database.tx(async (tx) => {
    for (const grant of due) {
      const step = nextStep(grant, tx.now);
      if (step)
        tx.ring({ job: step.job, ref: grant.id, lane: "urgent", dueAt: step.dueAt, keepEarlier: true });
    }
  });
}

/** Who left, or left every requesting team, keeps nothing. What Slack cannot say now takes nothing away. */
async function endLostRights(room: Room): Promise<void> {
  const { platform } = room;
  const open = await listGrants(platform.database.db, { states: openStates, limit: rowsMax });
  for (const grant of open) {
    if (!(await hasLostRights(room, grant))) continue;
    const why = `${requesterName(platform.catalogs.current(), grant)} is in no team that may have it any more`;
    await platform.database.tx(async (tx) => {
      const locked = await readGrant(tx.trx, grant.id, { lock: true });
      if (locked === undefined) return;
      if (locked.state.is === "requested" || locked.state.is === "approved")
        await lapse(room, tx, locked, why);
      else await startEnding(room, tx, locked, { is: "rights-lost", why }, systemActor);
    });
  }
}

async function hasLostRights({ platform }: Room, grant: Grant): Promise<boolean> {
  const known = onlyIfKnown(platform.catalogs.current(), { ...grant.requester, door: "console" });
  if (!known.ok || known.value.id !== grant.personId) return true;
  return (await requesterIn(platform, grant.requester, grant.terms, { isFresh: true })) === "no";
}

/** Instances of the catalog, and those it names no more but where something may be. */
async function instancesOf({ platform }: Room): Promise<AccessorInstance[]> {
  const live = await listGrants(platform.database.db, { states: liveStates, limit: rowsMax });
  const all = [
    ...platform.catalogs.current().providers.accessors,
    ...live.map(({ terms }) => terms.accessor),
  ];
  return [...new Map(all.map((instance) => [keyOf(instance), instance] as const)).values()];
}

/** An instance as it is declared: the same name with another address is another system. */
const keyOf = (instance: AccessorInstance): string => canonicalJson(instance);

/** What may be granted through it, by the catalog or by a grant that lasts still. */
function grantableThrough(
  { platform }: Room,
  instance: AccessorInstance,
  live: readonly Grant[],
): readonly AccessTerms[] {
  const declared = platform.catalogs
    .current()
    .resources.filter(({ accessor }) => accessor === instance.name)
    .flatMap(({ roles }) => roles.map(({ terms }) => terms));
  const held = live.filter(({ terms }) => keyOf(terms.accessor) === keyOf(instance));
  return [...declared, ...held.map(({ terms }) => terms.access)];
}

async function reconcile(room: Room, instance: AccessorInstance): Promise<void> {
  const { log, database } = room.platform;
  try {
    const live = await listGrants(database.db, { states: liveStates, limit: rowsMax });
    const accessor = room.accessors.of(instance, grantableThrough(room, instance, live));
    const found = await accessor.list();
    // Read after the list: an intent is on record before its object is made.
    for (const object of found) {
      if (object.idempotencyKey === null) {
        log.warn(
          { instance: instance.name, object: object.words },
          "a right stands outside that we did not give; it is left alone",
        );
        continue;
      }
      const grant = await readGrant(database.db, object.idempotencyKey);
      if (isNeeded(grant, object)) continue;
      await accessor.revoke(object.ref);
      await database.tx(async (tx) =>
        tx.audit({
          actor: systemActor,
          action: "access.orphan-removed",
          subject: object.ref.externalName,
          service: grant?.service ?? undefined,
          detail: { instance: instance.name, grant: object.idempotencyKey },
        }),
      );
    }
    await endVanished(room, instance, accessor, found);
  } catch (error) {
    // The ends of grants retry and page by themselves; this look is taken again in a minute.
    if (!(error instanceof ProviderError)) throw error;
    log.warn({ instance: instance.name, code: error.code, err: error }, "logins could not be compared");
  }
}

function isNeeded(grant: Grant | undefined, { ref }: ExternalObject): boolean {
  if (grant === undefined || externalNameOf(grant.id) !== ref.externalName) return false;
  return grant.state.is === "granting" || grant.state.is === "active" || grant.state.is === "revoking";
}

/** A login that somebody removed or barred outside is no grant any more. */
async function endVanished(
  room: Room,
  instance: AccessorInstance,
  accessor: Accessor,
  found: readonly ExternalObject[],
): Promise<void> {
  const { database } = room.platform;
  const usable = new Set(
    found.filter(({ readBack }) => readBack.canLogin).map(({ ref }) => ref.externalName),
  );
  const active = await listGrants(database.db, { states: ["active"], limit: rowsMax });
  for (const grant of active) {
    if (keyOf(grant.terms.accessor) !== keyOf(instance) || usable.has(externalNameOf(grant.id))) continue;
    // Made since the list was read: look at this one alone before it is believed gone.
    const seen = await accessor.verify(refOf(grant));
    if (seen.exists && seen.canLogin) continue;
    const because: EndCause = { is: "vanished" };
    await database.tx(async (tx) => {
      const locked = await readGrant(tx.trx, grant.id, { lock: true });
      if (locked) await startEnding(room, tx, locked, because, systemActor);
    });
  }
}

/** Rings the sweep at once: the catalog that was switched to may have taken somebody's rights. */
export async function ringSweep({ platform }: Pick<Room, "platform">): Promise<void> {
  const known = await sql`select 1 from access_grants where over_at is null limit 1`.execute(
    platform.database.db,
  );
  if (known.rows.length === 0) return;
  await platform.database.tx(async (tx) =>
    tx.ring({ job: jobs.sweep, ref: "catalog", lane: "urgent", keepEarlier: true }),
  );
}
