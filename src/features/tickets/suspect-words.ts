/** A suspect as people read it. Pure. */
import { DateTime } from "luxon";
import { personBySlack } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { dateToken, escapeText } from "../../platform/messages/blocks.ts";
import type { Suspect } from "./suspects.ts";

const shownMax = 3;
const kinds: Readonly<Record<Suspect["change"], string>> = { deploy: "", config: "config ", flag: "flag " };

/** `1. shop v42 at 02:58 by ci: 3 min before it began; calls orders-db` */
export function suspectLines(suspects: readonly Suspect[], catalog: Catalog): string[] {
  return suspects
    .slice(0, shownMax)
    .map(
      (suspect, index) =>
        `${index + 1}. ${escapeText(whatText(suspect), 120)} at ${dateToken(new Date(suspect.at))} by ${escapeText(byText(suspect, catalog), 60)}: ${escapeText(suspect.reason, 200)}`,
    );
}

/** As {@link suspectLines}, as plain text; times are in the organisation's zone. */
export function suspectTexts(suspects: readonly Suspect[], catalog: Catalog): string[] {
  return suspects.slice(0, shownMax).map((suspect, index) => {
    const at = DateTime.fromISO(suspect.at, { zone: catalog.organisation.timezone });
    return `Suspect ${index + 1}: ${whatText(suspect)}, ${at.toFormat("yyyy-MM-dd HH:mm ZZZZ")}, by ${byText(suspect, catalog)}: ${suspect.reason}`;
  });
}

/** `Suspect 1: shop v42, 02:58, by ci`: plain text, for a lock screen; the time is in the organisation's zone. */
export function firstSuspectText(suspects: readonly Suspect[], catalog: Catalog): string | undefined {
  const [suspect] = suspects;
  if (suspect === undefined) return undefined;
  const at = DateTime.fromISO(suspect.at, { zone: catalog.organisation.timezone }).toFormat("HH:mm");
  return `Suspect 1: ${whatText(suspect)}, ${at}, by ${byText(suspect, catalog)}`;
}

/** `shop v42 at 02:58 by ci: 3 min before it began`: one, in a sentence, as plain text. */
export function suspectText(suspect: Suspect, catalog: Catalog): string {
  const at = DateTime.fromISO(suspect.at, { zone: catalog.organisation.timezone }).toFormat("HH:mm");
  return `${whatText(suspect)} at ${at} by ${byText(suspect, catalog)}: ${suspect.reason}`;
}

const whatText = ({ service, change, version }: Suspect): string => `${service} ${kinds[change]}${version}`;

/** The name behind a Slack id; what else made it is called what it is called. */
function byText({ by }: Suspect, catalog: Catalog): string {
  for (const slackTeam of catalog.organisation.slackTeams) {
    const known = personBySlack(catalog, slackTeam, by);
    if (known) return known.name;
  }
  return by;
}
