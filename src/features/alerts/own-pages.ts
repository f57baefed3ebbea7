/** Pages of ours that a paging provider sends back as alerts: no news, whoever made them knows. */
import type { Tx } from "../../platform/db/database.ts";
import type { ReadDelivery } from "./model.ts";

/** Which of a source's alerts are pages of ours, by fingerprint. The room that pages answers it. */
export type OwnPages = (
  tx: Tx,
  source: string,
  alerts: readonly { fingerprint: string; title: string }[],
) => Promise<ReadonlySet<string>>;

export async function withoutOwnPages(
  tx: Tx,
  ownPages: OwnPages,
  source: string,
  read: ReadDelivery,
): Promise<ReadDelivery> {
  if (read.alerts.length === 0) return read;
  const own = await ownPages(tx, source, read.alerts);
  return own.size === 0
    ? read
    : { ...read, alerts: read.alerts.filter(({ fingerprint }) => !own.has(fingerprint)) };
}
