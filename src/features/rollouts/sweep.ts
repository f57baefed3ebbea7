import * as lookup from "../../catalog/lookup.ts";
import { ProviderError } from "../../providers/errors.ts";
import { isAtWeight } from "./model.ts";
import { listQueued, queueJob } from "./queue-store.ts";
import { jobs, type Room } from "./room.ts";
import { listRollouts } from "./store.ts";
import { aimOf } from "./target.ts";
import { ensureRouted } from "./traffic-before.ts";

const inFlightMax = 500;
/** A ring that is there already is earlier than this and stays as it is. */
const laterMs = 20_000;

/** What a lost ring or an emptied router left standing is taken up again. */
export async function sweepRollouts(room: Room): Promise<undefined> {
  const { database, catalogs, log } = room.platform;
  const open = await listRollouts(database.db, { isInFlight: true, limit: inFlightMax });
  if (open.length > 0)
    await database.tx(async (tx) => {
      for (const { id, state } of open) {
        const isBack = state.is === "reverting";
        tx.ring({
          job: isBack ? jobs.revert : jobs.step,
          ref: id,
          lane: isBack ? "urgent" : "normal",
          dueAt: new Date(tx.now.getTime() + laterMs),
          keepEarlier: true,
        });
        // Looked at twice a minute, however seldom its signals are read.
        if (isAtWeight(state)) tx.ring({ job: jobs.drift, ref: id, lane: "normal" });
      }
    });
  const queued = await listQueued(database.db);
  if (queued.length > 0)
    await database.tx(async (tx) => {
      // A turn that nobody rang for is noticed within a sweep.
      for (const { id } of queued) tx.ring({ job: queueJob, ref: id, lane: "normal" });
    });
  const catalog = catalogs.current();
  for (const { name } of catalog.services.filter(({ traffic }) => traffic)) {
    for (const environment of lookup.trafficPlacesOf(catalog, name)) {
      const aim = aimOf(room.platform, room.traffic, name, environment);
      if (!aim.ok) continue;
      try {
        await ensureRouted(room, aim.value);
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        // Tried again with the next sweep; a rollout or rollback of the service says it to people.
        log.warn({ err: error, service: name }, "the traffic of a service cannot be read");
      }
    }
  }
  return undefined;
}
