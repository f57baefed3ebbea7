/** What people did to a page at a paging provider, told by its webhook or by asking it. */
import { pagersBehind, pagerTitle } from "../../catalog/paging.ts";
import type { PagerInstance } from "../../catalog/schema.ts";
import type { Db, Trx, Tx } from "../../platform/db/database.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Job } from "../../platform/rings/runner.ts";
import { pageOfKey } from "../../providers/pagers/contract.ts";
import type { Alerts } from "../alerts/index.ts";
import type { Page } from "./model.ts";
import { isAhead, type Outside } from "./outside.ts";
import { whoDid } from "./outside-people.ts";
import { byExternalId, lockOutside, outsidesOf, writeOutside } from "./outside-store.ts";
import { acknowledgePage, type PagingParts, resolvePage } from "./service.ts";
import { isPageId, lockPage } from "./store.ts";

export const hearJob = "paging.hear";

/** Webhooks come in any order: how long after an event its page may become known by the provider's own id. */
const idKnownWithinMs = 120_000;
const lookAgainMs = 10_000;

export interface Deed {
  what: "acknowledged" | "resolved";
  /** As the system names people; null when it was no person. */
  by: string | null;
  kind: PagerInstance["kind"];
}

/**
 * Under the locks of page and row. What is known to stand there already is never sent back; the other providers and
 * Slack follow. Ended there by no person, the page goes on here: nobody has it.
 */
export async function heard(
  tx: Tx,
  parts: PagingParts,
  page: Page,
  row: Outside,
  { what, by, kind }: Deed,
): Promise<void> {
  await writeOutside(tx.trx, {
    ...row,
    sent: isAhead(what, row.sent) ? what : row.sent,
    wanted: isAhead(what, row.wanted) ? what : row.wanted,
    attempts: 0,
    failingSince: null,
    error: null,
  });
  const catalog = parts.catalogs.current();
  const person = personOf(kind, by);
  const { actor, shownAs } = whoDid(catalog, parts.slackTeam(), {
    system: row.pager,
    title: pagerTitle(catalog, row.pager),
    by: person,
  });
  if (what === "acknowledged") {
    if (page.state === "open") await acknowledgePage(tx, parts, page, actor, shownAs);
    return;
  }
  if (page.state === "resolved") return;
  if (person !== null) {
    await resolvePage(tx, parts, page, actor, shownAs);
    return;
  }
  tx.audit({
    actor,
    action: "page.ended-outside",
    subject: page.subject,
    service: page.service ?? undefined,
    correlation: page.id,
    detail: { pager: row.pager },
  });
}

/** Opsgenie names itself where a rule of its own did it. */
const personOf = (kind: PagerInstance["kind"], by: string | null): string | null =>
  by === null || by.trim() === "" || (kind === "opsgenie" && by === "System") ? null : by.trim();

export function createHearJob(parts: PagingParts & Pick<Platform, "clock">, eventOf: Alerts["eventOf"]): Job {
  const { database, catalogs, clock } = parts;

  /** Only pages that the provider behind the source was told of can be moved by it. */
  const rowOf = async (
    db: Db | Trx,
    key: string,
    pagers: readonly string[],
  ): Promise<Outside | undefined> => {
    const pageId = pageOfKey(key);
    if (pageId === undefined) return await byExternalId(db, pagers, key);
    if (!isPageId(pageId)) return undefined;
    return (await outsidesOf(db, pageId)).find(({ pager }) => pagers.includes(pager));
  };

  return {
    name: hearJob,
    whileHeld: true,
    about: "Acknowledges or ends a page that somebody acknowledged or ended at a paging provider.",
    lane: "urgent",
    async run(ref) {
      const told = await eventOf(database.db, ref);
      if (told?.event.kind !== "page") return undefined;
      const { system, what, key, by } = told.event;
      const pagers = pagersBehind(catalogs.current(), told.source).filter(({ kind }) => kind === system);
      const isFound = await database.tx(async (tx) => {
        const known = await rowOf(
          tx.trx,
          key,
          pagers.map(({ name }) => name),
        );
        const page = known && (await lockPage(tx.trx, known.pageId));
        const row = page && (await lockOutside(tx.trx, known.id));
        if (page && row) await heard(tx, parts, page, row, { what, by, kind: system });
        return page !== undefined || pagers.length === 0 || pageOfKey(key) !== undefined;
      });
      // Its own id is learned when the incident comes back, which may be after the news of it.
      const waitsUntilMs = told.receivedAt.getTime() + idKnownWithinMs;
      const againMs = clock.now().getTime() + lookAgainMs;
      return isFound || againMs > waitsUntilMs ? undefined : { again: new Date(againMs) };
    },
  };
}
