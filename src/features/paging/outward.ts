/** A page's way to paging providers, as far as it belongs into the transaction that changes the page. */
import { pagersFor } from "../../catalog/paging.ts";
import type { Catalog, PagerInstance } from "../../catalog/schema.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { PagerState } from "../../providers/pagers/contract.ts";
import type { Page } from "./model.ts";
import { isAhead } from "./outside.ts";
import { addOutside, lockOutsides, writeOutside } from "./outside-store.ts";

export const tellJob = "paging.tell";

/** Has every provider of its service or team told of a new page, but for those its alerts came from. */
export async function tellPagers(tx: Tx, catalog: Catalog, page: Page): Promise<void> {
  for (const instance of pagersFor(catalog, page.team, page.service)) await tellPager(tx, page, instance);
}

/** Answers whether it is told now, and was not before. */
export async function tellPager(tx: Tx, page: Page, { name, hookSource }: PagerInstance): Promise<boolean> {
  if (hookSource !== undefined && page.from.includes(hookSource)) return false;
  const row = await addOutside(tx.trx, page.id, name, tx.now);
  if (row === undefined) return false;
  tx.ring({ job: tellJob, ref: row.id, lane: "urgent" });
  return true;
}

/** Has every provider that was told brought to a state; where it stands there already, nothing is sent. */
export async function movePagers(tx: Tx, pageId: string, to: PagerState): Promise<void> {
  for (const row of await lockOutsides(tx.trx, pageId)) {
    if (!isAhead(to, row.wanted)) continue;
    await writeOutside(tx.trx, { ...row, wanted: to });
    if (isAhead(to, row.sent)) tx.ring({ job: tellJob, ref: row.id, lane: "urgent" });
  }
}
