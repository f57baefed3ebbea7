/** Alerts that must keep coming: noted when they come, paged about when they do not. */
import type { Watchdog } from "../../catalog/schema.ts";
import type { Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Job } from "../../platform/rings/runner.ts";
import type { Paging } from "../paging/index.ts";
import { spanText } from "./model.ts";
import { isListening, missingFrom } from "./overdue.ts";
import { readState, watchTables } from "./store.ts";

export const cameJob = "watch.came";
export const watchdogsJob = "watch.watchdogs";

export function watchdogJobs(
  platform: Pick<Platform, "database" | "catalogs" | "log">,
  paging: Pick<Paging, "page" | "resolve">,
): Job[] {
  const { database, catalogs, log } = platform;
  const declared = (): readonly Watchdog[] => catalogs.current().watchdogs ?? [];

  const came = (name: string): Promise<undefined> =>
    database.tx(async (tx) => {
      const watchdog = declared().find((one) => one.name === name);
      if (!watchdog) return undefined;
      const before = await lockDog(tx, name);
      await watchTables(tx.trx)
        .updateTable("watch_dogs")
        .set({ last_at: tx.now, missing_since: null })
        .where("name", "=", name)
        .execute();
      if (before.missing_since === null) return undefined;
      await paging.resolve(tx, keyOf(name), systemActor);
      tx.audit({
        actor: systemActor,
        action: "watchdog.returned",
        subject: subjectOf(name),
        detail: { source: watchdog.source, missingMs: tx.now.getTime() - before.missing_since.getTime() },
      });
      return undefined;
    });

  const look = async (): Promise<undefined> => {
    const names = declared().map(({ name }) => name);
    for (const watchdog of declared()) await database.tx((tx) => judge(tx, watchdog));
    await database.tx((tx) => forgetUndeclared(tx, names));
    return undefined;
  };

  const judge = async (tx: Tx, watchdog: Watchdog): Promise<void> => {
    const dog = await lockDog(tx, watchdog.name);
    const state = await readState(tx.trx);
    // Nobody looks, so nobody may have listened: the first look after such a gap says since when somebody does.
    if (!state || !isListening(state.lookedAt, tx.now)) return;
    const from = missingFrom({
      every: watchdog.every,
      lastAt: dog.last_at,
      declaredAt: dog.declared_at,
      listeningSince: state.listeningSince,
    });
    if (dog.missing_since !== null || tx.now < from) return;
    await watchTables(tx.trx)
      .updateTable("watch_dogs")
      .set({ missing_since: tx.now })
      .where("name", "=", watchdog.name)
      .execute();
    const since = dog.last_at
      ? `has not come for ${spanText(tx.now.getTime() - dog.last_at.getTime())}`
      : "never came";
    log.error({ watchdog: watchdog.name }, `a watchdog ${since}; its team is paged`);
    await paging.page(tx, {
      team: watchdog.team,
      headline: `PAGE watchdog ${escapeText(watchdog.name)} ${since}: alerts by ${escapeText(watchdog.source)} may be lost`,
      dedupKey: keyOf(watchdog.name),
      subject: subjectOf(watchdog.name),
      verbs: [],
      detail: {
        source: watchdog.source,
        everyMs: watchdog.every,
        lastAt: dog.last_at?.toISOString() ?? null,
      },
      actor: systemActor,
    });
  };

  const forgetUndeclared = async (tx: Tx, names: readonly string[]): Promise<void> => {
    const gone = await watchTables(tx.trx)
      .deleteFrom("watch_dogs")
      .where((eb) => (names.length === 0 ? eb.lit(true) : eb("name", "not in", [...names])))
      .returningAll()
      .execute();
    for (const { name, missing_since } of gone)
      if (missing_since !== null) await paging.resolve(tx, keyOf(name), systemActor);
  };

  return [
    {
      name: cameJob,
      about: "Notes that a watchdog came, and ends the page that it had stopped.",
      lane: "normal",
      whileHeld: true,
      run: came,
    },
    {
      name: watchdogsJob,
      about: "Pages the team of a watchdog that stopped coming.",
      lane: "urgent",
      whileHeld: true,
      run: look,
    },
  ];
}

/** One page per watchdog until it returns. */
const keyOf = (name: string): string => `watchdog:${name}`;
const subjectOf = (name: string): string => `watchdog ${name}`;

async function lockDog(
  tx: Tx,
  name: string,
): Promise<{ declared_at: Date; last_at: Date | null; missing_since: Date | null }> {
  await watchTables(tx.trx)
    .insertInto("watch_dogs")
    .values({ name, declared_at: tx.now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return watchTables(tx.trx)
    .selectFrom("watch_dogs")
    .select(["declared_at", "last_at", "missing_since"])
    .where("name", "=", name)
    .forUpdate()
    .executeTakeFirstOrThrow();
}
