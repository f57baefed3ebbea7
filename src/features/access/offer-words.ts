/** Offers as the approver's card and the requester read them. Pure. */
import type { Catalog } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import { type Block, card, dateToken, escapeText } from "../../platform/messages/blocks.ts";
import { type Grant, type Offer, offerDigest } from "./model.ts";
import { nameOf } from "./words.ts";

/** Offers on a card: others than the newest ones are out of its buttons' reach anyway. */
const shownMax = 2;

/** Escaped lines for the approver's card. */
export function offerLines({ state }: Grant, { catalog }: { catalog: Catalog }): string[] {
  if (state.is !== "requested") return [];
  return (state.offers ?? []).map(
    (offer) =>
      `${escapeText(nameOf(catalog, offer.by))} offered ${escapeText(offer.role)} for ${formatDuration(offer.durationMs)} ${dateToken(offer.at)}; not taken yet.`,
  );
}

/** In the requester's own conversation while what they asked for waits. */
export function offerNote(
  { id, resource, role }: Grant,
  offers: readonly Offer[],
  { catalog }: { catalog: Catalog },
): { text: string; blocks: Block[] } {
  const newest = offers.slice(-shownMax).reverse();
  const [first] = newest;
  if (first === undefined)
    return card({
      mark: "⚪",
      headline: `${escapeText(resource)} · ${id} ${escapeText(role)} waits for a decision`,
      context: ["you changed it since: what was offered for it before is void"],
    });
  const by = escapeText(nameOf(catalog, first.by), 60);
  const what = newest.map((offer) => `${escapeText(offer.role)} for ${formatDuration(offer.durationMs)}`);
  return card({
    mark: "🟠",
    headline: `${escapeText(resource)} · ${id}: ${by} offers ${what.join(", or ")} instead of ${escapeText(role)}`,
    context: ["taking it needs no other word from them", `${id} waits on as it is if you do nothing`],
    verbs: newest.map((offer) => ({
      label: `Take ${offer.role} for ${formatDuration(offer.durationMs)}`,
      line: `access accept ${id} --offer ${offerDigest(offer)}`,
      ...(offer === first ? { style: "primary" as const } : {}),
    })),
  });
}
