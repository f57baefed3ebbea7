/** Numbers and tells the calendar's freezes as they begin, follows what the catalog says of them, ends what is over. */
import { freezesOf } from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { type Freeze, isSameScope, standingByCalendar } from "./model.ts";
import { channelsOf, type Room, touchedPlaces } from "./room.ts";
import { concludeFreeze, tellFreeze } from "./service.ts";
import {
  findByKey,
  insertFreeze,
  type KeptFreeze,
  lockFreeze,
  lockFreezes,
  openFreezes,
  rewriteFreeze,
} from "./store.ts";

export async function sweepFreezes(room: Room): Promise<void> {
  if (room.catalogs.digest() === "none") return;
  const { database, clock, catalogs } = room;
  const now = clock.now();
  const catalog = catalogs.current();
  // Read without a lock first: almost always there is nothing to do.
  const open = await openFreezes(database.db);
  const due = standingByCalendar(freezesOf(catalog), new Map(), now).filter(
    (freeze) => touchedPlaces(catalog, freeze).length > 0,
  );
  const isSettled =
    due.every((freeze) => open.some((kept) => isTold(kept, freeze))) &&
    open.every((kept) => !isAstray(kept, due, now));
  if (isSettled) return;
  await database.tx(async (tx) => {
    await lockFreezes(tx.trx);
    const kept = await openFreezes(tx.trx);
    for (const freeze of due) await tell(room, tx, freeze, kept);
    for (const one of kept) {
      if (!isAstray(one, due, tx.now)) continue;
      const locked = await lockFreeze(tx.trx, one.id);
      if (locked && !locked.end)
        await concludeFreeze(
          room,
          tx,
          locked,
          systemActor,
          locked.until <= tx.now ? "Its time is over" : "The calendar says so no more",
        );
    }
  });
}

const isTold = (kept: KeptFreeze, freeze: Freeze): boolean =>
  kept.key === freeze.key &&
  kept.until.getTime() === freeze.until.getTime() &&
  kept.reason === freeze.reason &&
  isSameScope(kept, freeze);

/** Its time is over, or it was the calendar's and is not any more. */
const isAstray = (kept: KeptFreeze, due: readonly Freeze[], now: Date): boolean =>
  kept.until <= now || (kept.by.is === "calendar" && !due.some(({ key }) => key === kept.key));

async function tell(room: Room, tx: Tx, freeze: Freeze, kept: readonly KeptFreeze[]): Promise<void> {
  const catalog = room.catalogs.current();
  const channels = channelsOf(catalog, freeze, room.slackTeam());
  if (kept.some((one) => isTold(one, freeze))) return;
  const before = await findByKey(tx.trx, freeze.key);
  if (before) {
    const after: KeptFreeze = {
      ...freeze,
      id: before.id,
      // A channel it was told in stays told.
      channels: [...new Set([...before.channels, ...channels])].sort(),
    };
    await rewriteFreeze(tx.trx, after);
    tx.audit({ ...entryOf(after), action: "freeze.changed", before: before.end ? "over" : "standing" });
    tellFreeze(room, tx, after);
    return;
  }
  const id = await nextPublicId(tx.trx, "freeze");
  const made: KeptFreeze = { ...freeze, id, channels };
  await insertFreeze(tx.trx, made);
  tx.audit({ ...entryOf(made), action: "freeze.started" });
  tellFreeze(room, tx, made);
}

const entryOf = ({ id, by, scope, environments, until, reason }: KeptFreeze) => ({
  actor: systemActor,
  subject: id,
  after: "standing",
  reason,
  detail: {
    calendar: by.is === "calendar" ? by.name : undefined,
    scope,
    environments,
    until: until.toISOString(),
  },
  correlation: id,
});
