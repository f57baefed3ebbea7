/** A freeze as its channels read it. Pure. */

import type { Catalog } from "../../catalog/schema.ts";
import { auditUrl } from "../../platform/audit/link.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import { type Block, card, dateToken, escapeText } from "../../platform/messages/blocks.ts";
import type { Freeze, Override, Stand } from "./model.ts";
import type { KeptFreeze } from "./store.ts";
import { byText, nameOf, scopeText } from "./words.ts";

/** What it does not stop; said wherever a freeze is said. */
export const goesOn = "Rollouts in flight go on; reverts and rollbacks are never frozen.";

export function freezeCard(
  freeze: KeptFreeze,
  catalog: Catalog,
  publicUrl: string,
): { text: string; blocks: Block[] } {
  const { id, from, until, reason, end, by } = freeze;
  const scope = escapeText(scopeText(freeze));
  return card({
    mark: end ? "⚫" : "🔵",
    headline: end
      ? `${scope} · freeze ${id} is over`
      : `${scope} · freeze ${id} until ${dateToken(until, "date_time")} · ${escapeText(reason, 80)}`,
    context: [`by ${escapeText(byText(catalog, freeze))}`, `since ${dateToken(from, "date_time")}`, id],
    auditUrl: auditUrl(publicUrl, id),
    facts: [
      ["Reason", escapeText(reason)],
      ...(end ? [] : ([["Stops", `New rollouts. ${goesOn}`]] as const)),
    ],
    verbs:
      end || by.is === "calendar"
        ? []
        : [
            {
              label: "End freeze",
              line: `freeze end ${id} ended from its card`,
              confirm: `Rollouts of ${scopeText(freeze)} may start again.`,
            },
          ],
    last: end
      ? `${escapeText(end.reason)} · ${dateToken(end.at, "date_time")}, after ${formatDuration(end.at.getTime() - from.getTime())} · by ${escapeText(nameOf(catalog, end.by))}`
      : `A lead lets one service through: \`/ops freeze override <service> <time> <reason>\``,
  });
}

/** `F-3 all services until Fri 09:00: sale (@lena)`; Slack's own date for each reader. */
export const freezeLine = (freeze: Freeze, catalog: Catalog): string =>
  `🔵 ${escapeText(freeze.id)} freeze · ${escapeText(scopeText(freeze))} · until ${dateToken(freeze.until, "date_time")}: ${escapeText(freeze.reason, 200)} (${escapeText(byText(catalog, freeze))})`;

export const overrideLine = (override: Override, catalog: Catalog): string =>
  `🟠 ${escapeText(override.service)} ${escapeText(override.environment)} · freeze overridden until ${dateToken(override.until, "date_time")} by ${escapeText(nameOf(catalog, override.by))}: ${escapeText(override.reason, 200)}`;

/** What stands at a place, for status lines and other rooms' cards. Empty: nothing does. */
export const standLines = (stand: Stand, catalog: Catalog): string[] =>
  stand.frozen
    ? [
        ...stand.freezes.map((freeze) => freezeLine(freeze, catalog)),
        ...(stand.overriddenBy ? [overrideLine(stand.overriddenBy, catalog)] : []),
      ]
    : [];
