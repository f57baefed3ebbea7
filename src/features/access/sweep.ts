/** Each minute: what a lost ring left undone is rung again, and who may not have it any more loses it. */
import { sql } from "kysely";
import type { Job } from "../../platform/rings/runner.ts";
import { endLostRights, endOf } from "./leavers.ts";
import { jobs } from "./model.ts";
import { owedReviews } from "./review-store.ts";
import type { Room } from "./room.ts";
import { unrungGrants } from "./store.ts";

export const sweepEverySec = 60;

const batchMax = 1_000;

export function sweepJobs(room: Room): Job[] {
  return [
    {
      name: jobs.sweep,
      whileHeld: true,
      about: "Rings again whatever is due, and ends grants of people who lost the right to ask.",
      lane: "urgent",
      leaseSec: 120,
      run: async () => {
        await ringDue(room);
        await ringReviews(room);
        await endLostRights(room);
        return undefined;
      },
    },
    {
      name: jobs.left,
      whileHeld: true,
      about: "Looks at the grants of somebody whose account changed in Slack.",
      lane: "urgent",
      run: async (person) => void (await endOf(room, person)),
    },
  ];
}

/** The rows say what is due, whatever became of the rings: those that have none get one. */
async function ringDue({ platform }: Room): Promise<void> {
  const { database, clock } = platform;
  for (;;) {
    const due = await unrungGrants(database.db, clock.now(), batchMax);
    if (due.length === 0) return;
    await database.tx(async (tx) => {
      for (const { id, job } of due)
        tx.ring({ job, ref: id, lane: "urgent", dueAt: tx.now, keepEarlier: true });
    });
    if (due.length < batchMax) return;
  }
}

async function ringReviews({ platform }: Room): Promise<void> {
  const { database, clock } = platform;
  const due = (await owedReviews(database.db)).filter(({ tellAt }) => tellAt && tellAt <= clock.now());
  if (due.length === 0) return;
  await database.tx(async (tx) => {
    for (const { grant } of due)
      tx.ring({ job: jobs.review, ref: grant, lane: "normal", dueAt: tx.now, keepEarlier: true });
  });
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
