/** The worker's side: how the service of each canary stands, and whether Flagger takes what was decided. */
import * as lookup from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import type { Standing as StandingNow } from "../freezes/index.ts";
import { cardKey } from "./cards.ts";
import { lostMs, type Run, type Standing, stuckMs } from "./model.ts";
import { jobs, type Room } from "./room.ts";
import { findRun, listRuns, lockRun, writeRun } from "./store.ts";
import { stuckKey } from "./webhooks.ts";

const lookEveryMs = 20_000;
const goingMax = 500;

export async function lookAtRun(room: Room, id: string): Promise<Rerun> {
  const { database, clock } = room.platform;
  const run = await findRun(database.db, id);
  if (!run || run.endedAt) return undefined;
  const standing = await standingOf(room, run, clock.now());
  return database.tx(async (tx): Promise<Rerun> => {
    const locked = await lockRun(tx.trx, id);
    if (!locked || locked.endedAt) return undefined;
    if (tx.now.getTime() - locked.heardAt.getTime() >= lostMs) {
      await room.change(
        tx,
        locked,
        { ...locked, endedAt: tx.now, ending: "lost", seq: locked.seq + 1 },
        { actor: systemActor, action: "flagger.lost", reason: "Flagger was not heard of for a day" },
      );
      if (locked.isPaged) await room.paging.resolve(tx, stuckKey(id), systemActor);
      return undefined;
    }
    const isStuck = locked.rollback !== undefined && tx.now.getTime() - locked.rollback.atMs >= stuckMs;
    const after = { ...locked, standing, isPaged: locked.isPaged || isStuck };
    await writeRun(tx.trx, after);
    room.tell(tx, after);
    // Once: what a person resolved at the pager does not come back with the next look.
    if (isStuck && !locked.isPaged) await pageStuck(room, tx, after);
    return { again: new Date(tx.now.getTime() + lookEveryMs) };
  });
}

/** What the budget, the users and the freezes say of a change to the service now. */
export async function standingOf(room: Room, run: Run, at: Date): Promise<Standing> {
  const { service, environment } = run;
  const [policy, budget, freeze] = await Promise.all([
    room.slos.policyOf(service, at),
    room.slos.budgetOf(service, at),
    room.freezes.stands(room.platform.database.db, { service, environment, at }),
  ]);
  const words = frozenWords(freeze);
  return { atMs: at.getTime(), level: policy.level, words: policy.words, users: budget.users, freeze: words };
}

/** `F-3 freezes team storefront until 2026-11-30 09:00 UTC: holidays`; undefined where it may change all the same. */
function frozenWords(standing: StandingNow): string | undefined {
  if (!standing.frozen || standing.overriddenBy) return undefined;
  const [longest] = standing.freezes;
  if (!longest) return undefined;
  const until = longest.until.toISOString().slice(0, 16).replace("T", " ");
  return `${longest.id} freezes ${longest.scope} until ${until} UTC: ${longest.reason}`;
}

async function pageStuck({ platform, paging }: Room, tx: Tx, run: Run): Promise<void> {
  const { id, service, namespace, name, channel } = run;
  await paging.page(tx, {
    team: lookup.owningTeam(platform.catalogs.current(), service).name,
    service,
    headline: `PAGE ${escapeText(service)}: Flagger canary ${id} ${escapeText(`${namespace}/${name}`, 120)}${stuckText(run)}`,
    dedupKey: stuckKey(id),
    subject: id,
    channel,
    parent: cardKey(id),
    verbs: [],
    actor: systemActor,
  });
}

function stuckText({ asked: { rollback } }: Run): string {
  // That it was done is told by its event and its post-rollout alone, which a canary may not have.
  if (rollback?.hasPassed) return ": Flagger was told to roll back; its end was not heard";
  return ` is not rolled back: ${rollback ? "Flagger has not asked since" : "its canary has no webhook of type rollback, so Flagger does not ask"}`;
}

/** What a lost ring left standing is taken up again. */
export async function sweepRuns({ platform: { database } }: Room): Promise<undefined> {
  const going = await listRuns(database.db, { isGoing: true, limit: goingMax });
  if (going.length === 0) return undefined;
  await database.tx(async (tx) => {
    const dueAt = new Date(tx.now.getTime() + lookEveryMs);
    for (const { id } of going)
      tx.ring({ job: jobs.look, ref: id, lane: "normal", dueAt, keepEarlier: true });
  });
  return undefined;
}
