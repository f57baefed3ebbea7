/** Deliveries → alerts: in batches, each one transaction, whatever order they came in. */
import type { Tx } from "../../platform/db/database.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Job } from "../../platform/rings/runner.ts";
import { writeEvents } from "./event-store.ts";
import { announcedAs } from "./events.ts";
import { type GroupIdentity, groupOf } from "./grouping.ts";
import { addChanges, changeOf } from "./history.ts";
import { drainJob } from "./intake.ts";
import { fold, type ReadAlert, type ReadDelivery } from "./model.ts";
import { type OwnPages, withoutOwnPages } from "./own-pages.ts";
import { noteProblems } from "./problems.ts";
import {
  addTotals,
  clearHidden,
  type Delivery,
  type Filed,
  keepAside,
  lockAlerts,
  markFiring,
  markFolded,
  setHidden,
  takeDeliveries,
  upsertGroups,
  writeAlerts,
} from "./store.ts";
import { withoutWatchdogs } from "./watched.ts";

/** Rung for each group that changed, by its id. */
export const changedEvent = "alerts.changed";

const batchRowsMax = 200;
const batchBytesMax = 1_000_000;
/** A run hands over to the next before its lease ends. */
const runMs = 20_000;

export function createDrain(
  platform: Platform,
  read: (delivery: Delivery) => ReadDelivery,
  ownPages: OwnPages,
): { job: Job; drainOnce(): Promise<number> } {
  const { database, clock, catalogs, log } = platform;

  const drainRows = (rowsMax: number): Promise<number> =>
    database.tx(async (tx) => {
      const deliveries = await takeDeliveries(tx.trx, rowsMax, batchBytesMax);
      if (deliveries.length === 0) return 0;
      const arrived: Arrived[] = [];
      for (const delivery of deliveries) {
        const told = withoutWatchdogs(tx, catalogs.current(), delivery.source, read(delivery));
        arrived.push({ delivery, read: await withoutOwnPages(tx, ownPages, delivery.source, told) });
      }
      await foldBatch(tx, arrived, ({ labels, named }, source) =>
        groupOf(catalogs.current(), labels, source, named),
      );
      await markFolded(
        tx.trx,
        deliveries.map(({ id }) => id),
        tx.now,
      );
      return deliveries.length;
    });

  const drainOnce = async (): Promise<number> => {
    try {
      return await drainRows(batchRowsMax);
    } catch (error) {
      if (!isRefusedData(error)) throw error;
      // One body that Postgres will not take must not hold up the others: they go one by one, and it is set aside.
      return drainRows(1).catch((alone: unknown) =>
        isRefusedData(alone) ? setAside(alone) : Promise.reject(alone),
      );
    }
  };

  const setAside = (error: Error): Promise<number> =>
    database.tx(async (tx) => {
      const [delivery] = await takeDeliveries(tx.trx, 1, batchBytesMax);
      if (delivery === undefined) return 0;
      log.error(
        { err: error, delivery: delivery.id },
        "a delivery was read and cannot be kept as alerts; its body is kept",
      );
      const problems = [{ field: "body", why: `cannot be kept as alerts: ${error.message}` }];
      await keepAside(tx.trx, delivery.id, problems, tx.now);
      await noteProblems(tx, platform, [
        { source: delivery.source, at: delivery.received_at, problems, takenCount: 0 },
      ]);
      return 1;
    });

  const job: Job = {
    name: drainJob,
    about: "Folds deliveries into alerts and groups.",
    lane: "bulk",
    leaseSec: 60,
    // Nobody hears of an alert otherwise. It makes nothing outside.
    whileHeld: true,
    async run() {
      const until = clock.now().getTime() + runMs;
      while ((await drainOnce()) > 0) if (clock.now().getTime() > until) return { again: clock.now() };
      return undefined;
    },
  };
  return { job, drainOnce };
}

/** Postgres' classes 22 (data) and 54 (limits): the same again would be refused again. */
const isRefusedData = (error: unknown): error is Error =>
  error instanceof Error && /^(22|54)/.test(String((error as { code?: unknown }).code ?? ""));

interface Arrived {
  delivery: Delivery;
  read: ReadDelivery;
}

async function foldBatch(
  tx: Tx,
  arrived: readonly Arrived[],
  identify: (alert: ReadAlert, source: string) => GroupIdentity,
): Promise<void> {
  await tell(tx, arrived);
  const events = arrived.flatMap(({ delivery, read }) => read.alerts.map((alert) => ({ alert, delivery })));
  const keyOf = (source: string, fingerprint: string) => `${source}\u0000${fingerprint}`;

  // Locked in one order by everybody: groups first, then alerts.
  const identities = new Map<string, GroupIdentity>();
  for (const { alert, delivery } of events)
    identities.set(keyOf(delivery.source, alert.fingerprint), identify(alert, delivery.source));
  const distinct = new Map([...identities.values()].map((identity) => [identity.key, identity]));
  const groupIds = await upsertGroups(tx.trx, [...distinct.values()], tx.now);
  const groupIdOf = (key: string): string => groupIds.get(identities.get(key)?.key ?? "") as string;

  const wanted = [
    ...new Map(
      events.map(({ alert, delivery }) => [
        keyOf(delivery.source, alert.fingerprint),
        { source: delivery.source, fingerprint: alert.fingerprint },
      ]),
    ).values(),
  ];
  const kept = new Map<string, Filed>(
    (await lockAlerts(tx.trx, wanted)).map((alert) => [keyOf(alert.source, alert.fingerprint), alert]),
  );
  const changed = new Set<string>();
  const before = new Map(kept);
  for (const { groupId } of before.values()) changed.add(groupId);
  for (const { alert, delivery } of events) {
    const key = keyOf(delivery.source, alert.fingerprint);
    kept.set(key, {
      ...fold(kept.get(key), alert, delivery.source, delivery.received_at),
      groupId: groupIdOf(key),
    });
  }
  for (const after of kept.values()) changed.add(after.groupId);
  await writeAlerts(tx.trx, [...kept.values()]);
  await addChanges(
    tx.trx,
    [...kept]
      .map(([key, after]) => changeOf(before.get(key), after))
      .filter((change) => change !== undefined),
  );

  for (const { delivery, read } of arrived) {
    if (read.groupKey === "") continue;
    const hiddenKey = keyOf(delivery.source, read.groupKey).replace("\u0000", " ");
    const ids = [
      ...new Set(read.alerts.map((alert) => groupIdOf(keyOf(delivery.source, alert.fingerprint)))),
    ];
    if (read.hiddenCount > 0) await setHidden(tx.trx, ids, hiddenKey, read.hiddenCount);
    else for (const id of await clearHidden(tx.trx, hiddenKey)) changed.add(id);
  }
  await markFiring(tx.trx, [...changed], tx.now);
  await addTotals(tx.trx, totalsOf(arrived), tx.now);
  for (const id of changed) tx.emit(changedEvent, id);
}

/** Keeps what deliveries tell besides alerts, and announces it to the rooms that act on it. */
async function tell(tx: Tx, arrived: readonly Arrived[]): Promise<void> {
  const told = arrived.flatMap(({ delivery, read }) =>
    read.events.map((event) => ({ source: delivery.source, event, receivedAt: delivery.received_at })),
  );
  const ids = await writeEvents(tx.trx, told);
  told.forEach(({ event }, index) => {
    const name = announcedAs[event.kind];
    if (name !== undefined) tx.emit(name, ids[index] as string);
  });
  for (const { delivery, read } of arrived)
    if (read.followUp !== undefined) tx.emit(read.followUp, delivery.id);
}

function totalsOf(arrived: readonly Arrived[]): Map<string, Record<string, number>> {
  const totals = new Map<string, Record<string, number>>();
  for (const { delivery, read } of arrived) {
    const of = totals.get(delivery.source) ?? {};
    for (const { status } of read.alerts) of[status] = (of[status] ?? 0) + 1;
    for (const { kind } of read.events) of[kind] = (of[kind] ?? 0) + 1;
    if (read.problems.length > 0) of.unreadable = (of.unreadable ?? 0) + read.problems.length;
    totals.set(delivery.source, of);
  }
  return totals;
}
