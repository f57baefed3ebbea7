/**
 * A page at a paging provider: what is wanted is on the row, the call is noted before it is made, its outcome after, and
 * what can be asked is asked what became of it. Any step may be done again after a crash: the page's key makes it one.
 */
import { pagerInstance } from "../../catalog/paging.ts";
import type { PagerInstance } from "../../catalog/schema.ts";
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { backoffMs, type Job, type Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { Pager } from "../../providers/pagers/contract.ts";
import type { Pagers } from "../../providers/pagers/instances.ts";
import { heard } from "./hear.ts";
import type { Page } from "./model.ts";
import { noticeOf } from "./notice.ts";
import { isAhead, isLost, type Move, moveFor, type Outside, retryAfterMs } from "./outside.ts";
import { lockOutside, readOutside, stranded, writeOutside } from "./outside-store.ts";
import { tellJob } from "./outward.ts";
import { show } from "./service.ts";
import { findPage, lockPage } from "./store.ts";

export const reconcileJob = "paging.reconcile";
export const reconcileEverySec = 60;
const reconcileBatchMax = 200;
/** Older ones are given up. */
const reconcileForMs = 2 * 86_400_000;
/** How soon it is looked again for a page that was taken and is not there yet. */
const lookAgainMs = 5_000;
/** How soon a provider that could not be asked is asked again. */
const askAgainMs = 60_000;

export type TellParts = Pick<
  Platform,
  "database" | "catalogs" | "slackTeam" | "clock" | "log" | "random" | "publicUrl"
>;

type Sending = Extract<Move, { to: unknown }>;

export function tellJobs(parts: TellParts, pagers: Pagers): readonly Job[] {
  const { database, catalogs, clock, log, random } = parts;

  /** Changes the row, and the page's card if it says something else by that; both under their locks. */
  const change = <T>(
    id: string,
    work: (tx: Tx, page: Page, row: Outside) => Promise<T>,
  ): Promise<T | undefined> =>
    database.tx(async (tx) => {
      const known = await readOutside(tx.trx, id);
      const page = known && (await lockPage(tx.trx, known.pageId));
      const row = page && (await lockOutside(tx.trx, id));
      return page && row ? await work(tx, page, row) : undefined;
    });

  const audit = (tx: Tx, page: Page, action: string, detail: Record<string, unknown>) =>
    tx.audit({
      actor: systemActor,
      action,
      subject: page.subject,
      service: page.service ?? undefined,
      correlation: page.id,
      detail,
    });

  const noteFailure = async (id: string, error: ProviderError): Promise<Rerun> => {
    const again = await change(id, async (tx, page, row) => {
      const isFirst = row.failingSince === null;
      await writeOutside(tx.trx, {
        ...row,
        failingSince: row.failingSince ?? tx.now,
        error: error.message,
      });
      if (isFirst) {
        audit(tx, page, "page.untold", { pager: row.pager, wanted: row.wanted, code: error.code });
        await show(tx, parts, page);
      }
      return new Date(
        tx.now.getTime() + retryAfterMs(error.code, backoffMs(Math.max(1, row.attempts), random)),
      );
    });
    log.warn({ err: error, hint: error.hint }, "a paging provider was not told; it is tried again");
    return again && { again };
  };

  const noteTaken = (id: string, { to }: Sending) =>
    change(id, async (tx, page, row) => {
      const taken: Outside = {
        ...row,
        sent: isAhead(to, row.sent) ? to : row.sent,
        attempts: 0,
        sentAt: tx.now,
        failingSince: null,
        error: null,
      };
      await writeOutside(tx.trx, taken);
      audit(tx, page, "page.told", { pager: row.pager, state: to, attempts: row.attempts });
      if (row.failingSince !== null || to === "triggered") await show(tx, parts, page);
      return taken;
    });

  const send = async (pager: Pager, page: Page, row: Outside, move: Sending): Promise<Rerun> => {
    const { notice, by } = noticeOf(page, parts);
    // Noted first: after a crash it counts as one that it may know of.
    await change(row.id, async (tx, _page, now) => {
      const toldLine = move.do === "trigger" ? notice.summary : now.toldLine;
      await writeOutside(tx.trx, { ...now, attempts: now.attempts + 1, calledAt: tx.now, toldLine });
    });
    try {
      if (move.do === "trigger") await pager.trigger(notice);
      else if (move.do === "acknowledge") await pager.acknowledge(notice, by);
      else await pager.resolve(notice, by);
    } catch (error) {
      if (error instanceof ProviderError) return await noteFailure(row.id, error);
      throw error;
    }
    const taken = await noteTaken(row.id, move);
    const next = taken && moveFor(taken, page, pager.canRead, clock.now());
    if (next === undefined || next.do === "nothing") return undefined;
    return { again: next.do === "look" ? next.at : clock.now() };
  };

  const look = async (pager: Pager, instance: PagerInstance, page: Page, row: Outside): Promise<Rerun> => {
    const now = clock.now();
    let seen: Awaited<ReturnType<Pager["read"]>>;
    try {
      seen = await pager.read(noticeOf(page, parts).notice.key);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      log.debug({ err: error, pager: row.pager }, "a paging provider could not be asked");
      return { again: new Date(now.getTime() + askAgainMs) };
    }
    const after = await change(row.id, async (tx, locked, current) => {
      if (seen === undefined) {
        if (isLost(current, tx.now)) {
          const error = `${row.pager} took the page and does not know it`;
          await writeOutside(tx.trx, { ...current, sent: null, failingSince: tx.now, error });
          audit(tx, locked, "page.lost-outside", { pager: row.pager });
          await show(tx, parts, locked);
          return { again: tx.now };
        }
        const isSought = current.seenAt === null && current.sent === "triggered";
        if (!isSought) await writeOutside(tx.trx, { ...current, seenAt: tx.now });
        return { again: new Date(tx.now.getTime() + (isSought ? lookAgainMs : askAgainMs)) };
      }
      const found = { ...current, seenAt: tx.now, externalId: seen.externalId ?? current.externalId };
      await writeOutside(tx.trx, found);
      if (seen.state !== "triggered" && isAhead(seen.state, current.sent))
        await heard(tx, parts, locked, found, { what: seen.state, by: seen.by, kind: instance.kind });
      return undefined;
    });
    if (after !== undefined) return after;
    const fresh = await readOutside(database.db, row.id);
    const next = fresh && moveFor(fresh, page, pager.canRead, clock.now());
    return next?.do === "look" ? { again: next.at } : undefined;
  };

  const tell: Job = {
    name: tellJob,
    whileHeld: true,
    about: "Brings a page at a paging provider to where it should be, and asks what became of it there.",
    lane: "urgent",
    leaseSec: 60,
    async run(id) {
      const row = await readOutside(database.db, id);
      const page = row && (await findPage(database.db, row.pageId));
      if (!page) return undefined;
      const catalog = catalogs.current();
      const instance = pagerInstance(catalog, row.pager);
      const built = instance === undefined ? undeclared(row) : builtOf(pagers, instance);
      const isBuilt = !(built instanceof ProviderError);
      const move = moveFor(row, page, isBuilt && built.canRead, clock.now());
      if (move.do === "nothing") return undefined;
      if (move.do === "forget") {
        await change(id, async (tx, _page, now) => {
          if (moveFor(now, page, false, tx.now).do === "forget")
            await writeOutside(tx.trx, { ...now, sent: now.wanted, failingSince: null, error: null });
        });
        return undefined;
      }
      if (!isBuilt || instance === undefined)
        return isBuilt || move.do === "look" ? undefined : await noteFailure(id, built);
      if (move.do !== "look") return await send(built, page, row, move);
      return move.at > clock.now() ? { again: move.at } : await look(built, instance, page, row);
    },
  };

  const reconcile: Job = {
    name: reconcileJob,
    whileHeld: true,
    about: "Rings again for pages that a paging provider was not told of and nobody rings for.",
    lane: "urgent",
    async run() {
      const since = new Date(clock.now().getTime() - reconcileForMs);
      const ids = await stranded(database.db, tellJob, since, reconcileBatchMax);
      if (ids.length > 0)
        await database.tx(async (tx) => {
          for (const ref of ids) tx.ring({ job: tellJob, ref, lane: "urgent" });
        });
      return undefined;
    },
  };
  return [tell, reconcile];
}

const undeclared = (row: Outside) =>
  new ProviderError(
    "not_found",
    `The catalog has no pager ${row.pager} any more`,
    "Declare it again under providers.pagers until its pages are over.",
  );

function builtOf(pagers: Pagers, instance: PagerInstance): Pager | ProviderError {
  try {
    return pagers.of(instance);
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
}
