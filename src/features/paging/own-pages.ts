/**
 * Pages of ours that a provider sends back as its own incidents. PagerDuty's incidents carry no key of ours where its
 * service keeps alerts beside them (developer.pagerduty.com, "List incidents"); they are known by the line they were told.
 */
import { pagersBehind } from "../../catalog/paging.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { Tx } from "../../platform/db/database.ts";
import { lockKnownBy, writeOutside } from "./outside-store.ts";

/** How long after it was told an incident may come back. */
const comesBackForMs = 2 * 86_400_000;

export interface CameBack {
  /** The provider's own id of the incident. */
  fingerprint: string;
  title: string;
}

/** Which of the alerts that came by a source are pages of ours, by fingerprint; each one's id is kept with its page. */
export async function ownPages(
  tx: Tx,
  catalog: Catalog,
  source: string,
  alerts: readonly CameBack[],
): Promise<ReadonlySet<string>> {
  const pagers = pagersBehind(catalog, source).map(({ name }) => name);
  if (pagers.length === 0 || alerts.length === 0) return new Set();
  const rows = await lockKnownBy(
    tx.trx,
    pagers,
    { lines: alerts.map(({ title }) => title), ids: alerts.map(({ fingerprint }) => fingerprint) },
    new Date(tx.now.getTime() - comesBackForMs),
  );
  const own = new Set<string>();
  for (const { fingerprint, title } of alerts) {
    if (!rows.some(({ externalId, toldLine }) => externalId === fingerprint || toldLine === title)) continue;
    own.add(fingerprint);
    if (rows.some(({ externalId }) => externalId === fingerprint)) continue;
    const unnamed = rows.find(({ externalId, toldLine }) => externalId === null && toldLine === title);
    if (unnamed === undefined) continue;
    unnamed.externalId = fingerprint;
    await writeOutside(tx.trx, unnamed);
  }
  return own;
}
