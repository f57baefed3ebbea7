/** Compares each system outside with the grants on record: removes ours that none needs, shows the others. */
import { sql } from "kysely";
import type { AccessorInstance, AccessTerms } from "../../catalog/schema.ts";
import { systemActor } from "../../platform/people.ts";
import type { Job } from "../../platform/rings/runner.ts";
import type { Accessor, ExternalObject, ReadBack } from "../../providers/accessors/contract.ts";
import { externalNameOf } from "../../providers/accessors/contract.ts";
import { ProviderError } from "../../providers/errors.ts";
import { startEnding } from "./end.ts";
import { type Grant, type GrantId, jobs, refOf } from "./model.ts";
import { keepOutside } from "./outside.ts";
import type { Room } from "./room.ts";
import { heldKeys, keyOf, sharedKeyIn } from "./shared.ts";
import { readGrant } from "./store.ts";

export const reconcileEverySec = 60;
/** One look ends by then; what is left of it is for the next. */
const lookMs = 90_000;
/** Removing may take this much of it: what vanished is looked at in any case. */
const removeMs = 45_000;

export function reconcileJobs(room: Room): Job[] {
  return [
    {
      name: jobs.reconcile,
      whileHeld: true,
      about: "Compares what is at each provider with the grants on record; removes ours that none needs.",
      lane: "normal",
      leaseSec: 120,
      run: async () => {
        for (const { instance, grantable } of await systemsOf(room))
          await reconcile(room, instance, grantable);
        return undefined;
      },
    },
  ];
}

interface System {
  instance: AccessorInstance;
  /** What may be granted through it, by the catalog or by a grant that lasts still. */
  grantable: readonly AccessTerms[];
}

/** Those of the catalog, and those it names no more but where something may be. */
async function systemsOf({ platform }: Room): Promise<System[]> {
  const catalog = platform.catalogs.current();
  const { rows } = await sql<{ accessor: AccessorInstance; access: AccessTerms | null }>`
    select distinct terms->'accessor' as accessor, terms->'access' as access from access_grants
    where over_at is null and state in ('granting', 'active', 'revoking')`.execute(platform.database.db);
  const systems = new Map<string, System>();
  const add = (instance: AccessorInstance, grantable: readonly AccessTerms[]): void => {
    const known = systems.get(keyOf(instance))?.grantable ?? [];
    systems.set(keyOf(instance), { instance, grantable: [...known, ...grantable] });
  };
  for (const instance of catalog.providers.accessors)
    add(
      instance,
      catalog.resources
        .filter(({ accessor }) => accessor === instance.name)
        .flatMap(({ roles }) => roles.map(({ terms }) => terms)),
    );
  for (const { accessor, access } of rows) add(accessor, access === null ? [] : [access]);
  return [...systems.values()];
}

async function reconcile(
  room: Room,
  instance: AccessorInstance,
  grantable: readonly AccessTerms[],
): Promise<void> {
  const { log, clock } = room.platform;
  const startedMs = clock.now().getTime();
  try {
    const accessor = room.accessors.of(instance, grantable);
    const found = await accessor.list();
    const stuck = await removeUnneeded(room, instance, accessor, found, new Date(startedMs + removeMs));
    const unmarked = found.filter(({ idempotencyKey }) => idempotencyKey === null);
    const keys = new Map(unmarked.map((object) => [object, sharedKeyIn(accessor, instance, object.ref)]));
    const held = await heldKeys(
      room.platform.database.db,
      [...keys.values()].flatMap((key) => key ?? []),
    );
    const isOurs = (object: ExternalObject): boolean => held.has(keys.get(object) ?? "");
    await keepOutside(room, instance, [...stuck, ...unmarked.filter((object) => !isOurs(object))]);
    const usable = unmarked.filter((object) => isOurs(object) && object.readBack.canLogin);
    await endVanished(
      room,
      instance,
      accessor,
      found,
      usable.flatMap((object) => keys.get(object) ?? []),
      new Date(startedMs + lookMs),
    );
  } catch (error) {
    // The ends of grants retry and page by themselves; this look is taken again in a minute.
    if (!(error instanceof ProviderError)) throw error;
    log.warn({ instance: instance.name, code: error.code, err: error }, "grants could not be compared");
  }
}

/**
 * Ours by their mark, and no grant on record needs them: a worker that died made them, or a copy of our database.
 * Answers those that could not be removed, as they are to be shown; each is tried again at the next look.
 */
async function removeUnneeded(
  { platform }: Room,
  instance: AccessorInstance,
  accessor: Accessor,
  found: readonly ExternalObject[],
  stopAt: Date,
): Promise<ExternalObject[]> {
  const { database, clock } = platform;
  const stuck: ExternalObject[] = [];
  const keys = found.flatMap(({ idempotencyKey }) => idempotencyKey ?? []);
  if (keys.length === 0) return stuck;
  // Read after the list: an intent is on record before its object is made.
  const { rows } = await sql<{ id: string; service: string | null; live: boolean; lasts: Date | null }>`
    select id, service, state in ('granting', 'active', 'revoking') as live,
      case when state = 'ended' then (detail->>'lastsUntil')::timestamptz end as lasts
    from access_grants where id = any(${keys}::text[])`.execute(database.db);
  const records = new Map(rows.map((row) => [row.id, row]));
  for (const object of found) {
    const { ref, idempotencyKey } = object;
    if (idempotencyKey === null) continue;
    const record = records.get(idempotencyKey);
    // What its system cannot call back is there until the time it named when the grant ended.
    const mayBeThere = record?.live || (record?.lasts != null && record.lasts > clock.now());
    if (record && mayBeThere && externalNameOf(record.id) === ref.externalName) continue;
    if (clock.now() >= stopAt) return stuck;
    try {
      await accessor.revoke(ref);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      platform.log.error(
        { instance: instance.name, object: ref.externalName, code: error.code, err: error },
        "what no grant needs could not be removed; it is tried again in a minute",
      );
      stuck.push({ ...object, words: `${ref.externalName}: ${object.words}: ${stuckWords}` });
      continue;
    }
    await database.tx(async (tx) =>
      tx.audit({
        actor: systemActor,
        action: "access.orphan-removed",
        subject: ref.externalName,
        service: record?.service ?? undefined,
        detail: { instance: instance.name, grant: idempotencyKey },
      }),
    );
  }
  return stuck;
}

/** The same at every look: another text would be another object. */
const stuckWords = "no grant needs it, and removing it fails";

/** What somebody removed or barred outside is no grant any more. */
async function endVanished(
  room: Room,
  instance: AccessorInstance,
  accessor: Accessor,
  found: readonly ExternalObject[],
  /** Keys of shared effects that are there: one look at the list, however many grants stand for them. */
  usableKeys: readonly string[],
  stopAt: Date,
): Promise<void> {
  const { database, clock } = room.platform;
  const usable = found.flatMap(({ idempotencyKey, ref, readBack }) =>
    idempotencyKey !== null && readBack.canLogin && ref.externalName === externalNameOf(idempotencyKey)
      ? [idempotencyKey]
      : [],
  );
  const { rows } = await sql<{ id: GrantId }>`
    select id from access_grants where state = 'active' and over_at is null and due_at > ${clock.now()}
      and terms->'accessor' = ${JSON.stringify(instance)}::jsonb and not (id = any(${usable}::text[]))
      and not (coalesce(shared_key, '') = any(${usableKeys}::text[]))`.execute(database.db);
  for (const { id } of rows) {
    if (clock.now() >= stopAt) return;
    const grant = await readGrant(database.db, id);
    if (grant?.state.is !== "active") continue;
    // Made since the list was read, or without a mark of ours: look at this one alone before it is believed gone.
    const seen = await lookAt(room, accessor, grant);
    if (seen === undefined || (seen.exists && seen.canLogin)) continue;
    await database.tx(async (tx) => {
      const locked = await readGrant(tx.trx, id, { lock: true });
      if (locked) await startEnding(room, tx, locked, { is: "vanished" }, systemActor);
    });
  }
}

/** Undefined while it cannot be seen: the others are looked at all the same. */
async function lookAt({ platform }: Room, accessor: Accessor, grant: Grant): Promise<ReadBack | undefined> {
  try {
    return await accessor.verify(refOf(grant));
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    platform.log.warn({ grant: grant.id, code: error.code, err: error }, "a grant could not be looked at");
    return undefined;
  }
}
