/**
 * What several grants share outside, such as one membership of a person in a team: made by the first of them, taken
 * away with the last. Its makers and its enders take turns, so that a grant that is being made and the end of another
 * cannot cross.
 */
import { createHash, randomUUID } from "node:crypto";
import { type ColumnType, sql } from "kysely";
import type { AccessorInstance } from "../../catalog/schema.ts";
import { canonicalJson } from "../../platform/canonical.ts";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import type { Accessor, GrantRef, ReadBack, Revoked } from "../../providers/accessors/contract.ts";
import { type Grant, type GrantId, refOf } from "./model.ts";
import type { Room } from "./room.ts";

interface SharedTables {
  access_turns: { key: string; holder: string; until_at: ColumnType<Date, Date, Date> };
}
const turns = (db: Db | Trx) => tables<SharedTables>(db);

/** Longer than the calls of one turn: four of ten seconds. What a killed worker holds is free then. */
const turnMs = 45_000;
/** How soon whoever found it taken looks again. */
const turnAgainMs = 500;

/** An instance as it is declared: the same name with another address is another system. */
export const keyOf = (instance: AccessorInstance): string => canonicalJson(instance);

/** Undefined for what is an object of its own. */
export function sharedKeyOf(accessor: Accessor, grant: Grant): string | undefined {
  return sharedKeyIn(accessor, grant.terms.accessor, refOf(grant));
}

/** The same of what stands outside. */
export function sharedKeyIn(
  accessor: Accessor,
  instance: AccessorInstance,
  ref: GrantRef,
): string | undefined {
  const key = accessor.sharedKey?.(ref);
  if (key === undefined) return undefined;
  return createHash("sha256")
    .update(`${keyOf(instance)}\n${key}`)
    .digest("hex");
}

/** Of these keys, those that grants on record stand for. */
export async function heldKeys(db: Db, keys: readonly string[]): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set();
  const { rows } = await sql<{ key: string }>`
    select distinct shared_key as key from access_grants
    where shared_key = any(${keys}::text[]) and state in ('granting', 'active', 'revoking')`.execute(db);
  return new Set(rows.map(({ key }) => key));
}

/** Works while nobody else does for this key; `taken` when somebody is at it. No key: nothing to wait for. */
export async function inTurn<T>(
  { platform }: Pick<Room, "platform">,
  key: string | undefined,
  work: () => Promise<T>,
): Promise<T | "taken"> {
  if (key === undefined) return work();
  const { db } = platform.database;
  const holder = randomUUID();
  const now = platform.clock.now();
  const row = { key, holder, until_at: new Date(now.getTime() + turnMs) };
  const got = await turns(db)
    .insertInto("access_turns")
    .values(row)
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet(row).where("access_turns.until_at", "<", now),
    )
    .returning("holder")
    .executeTakeFirst();
  if (got === undefined) return "taken";
  try {
    return await work();
  } finally {
    await turns(db).deleteFrom("access_turns").where("key", "=", key).where("holder", "=", holder).execute();
  }
}

export interface Sharer {
  id: GrantId;
  /** Being ended already: it holds nothing on, but knows what was before. */
  isEnding: boolean;
  before: Readonly<Record<string, string>> | null;
}

/** Other grants under whose name the same effect stands, the oldest first. Read while it is one's turn. */
export async function sharersOf(db: Db | Trx, key: string, id: GrantId): Promise<Sharer[]> {
  const { rows } = await sql<{ id: GrantId; state: string; before: Sharer["before"] }>`
    select id, state, before from access_grants
    where shared_key = ${key} and id <> ${id} and state in ('granting', 'active', 'revoking')
    order by claimed_at, id`.execute(db);
  return rows.map(({ state, ...row }) => ({ ...row, isEnding: state === "revoking" }));
}

/** Puts it on record that the grant stands for the effect, before it is made. */
export async function writeSharer(trx: Trx, id: GrantId, key: string): Promise<void> {
  await sql`update access_grants set shared_key = ${key} where id = ${id}`.execute(trx);
}

export const inAMoment = ({ platform }: Pick<Room, "platform">): Rerun => ({
  again: new Date(platform.clock.now().getTime() + turnAgainMs),
});

/** Ends the effect, unless another grant holds it on. */
export async function takeAway(
  { platform }: Pick<Room, "platform">,
  accessor: Accessor,
  ref: GrantRef,
  id: GrantId,
  sharedKey: string | undefined,
): Promise<Revoked> {
  const sharers = sharedKey === undefined ? [] : await sharersOf(platform.database.db, sharedKey, id);
  const holders = sharers.filter(({ isEnding }) => !isEnding).map((one) => one.id);
  if (holders.length === 0) return accessor.revoke(ref);
  const stays = `${holders.join(" and ")} ${holders.length === 1 ? "gives" : "give"} the same, which goes with the last of them`;
  return { sessionsEnded: 0, cleaned: [], readBack: nothing, lastsUntil: null, stays };
}

const nothing: ReadBack = {
  exists: false,
  canLogin: false,
  validUntil: null,
  memberships: [],
  openSessions: 0,
};
