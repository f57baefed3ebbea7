/** What `/ops`, `/ops status` and `/ops why` say of freezes. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { Summaries, SummaryLine } from "../../platform/feature.ts";
import { dateToken, escapeText } from "../../platform/messages/blocks.ts";
import { freezeLine, goesOn, standLines } from "./cards.ts";
import { touches } from "./model.ts";
import { type Room, standAt, standingNow } from "./room.ts";
import { findFreeze, type KeptFreeze } from "./store.ts";
import { nameOf, scopeText } from "./words.ts";

/** Below what waits for somebody, above how things run. */
const rank = 15;

export function freezeSummaries(room: Room): Summaries {
  const { database, catalogs, clock } = room;
  const ofService = async (service: string): Promise<SummaryLine[]> => {
    const catalog = catalogs.current();
    const now = clock.now();
    const stands = await Promise.all(
      lookup
        .environmentsOf(catalog, service)
        .map((environment) => standAt(room, database.db, { service, environment }, now)),
    );
    const lines = new Set(stands.flatMap((stand) => standLines(stand, catalog)));
    return [...lines].map((text) => ({ rank, text }));
  };

  return {
    async mine(actor) {
      const catalog = catalogs.current();
      const person = lookup.personBySlack(catalog, actor.team, actor.person);
      if (!person) return [];
      const teams = lookup.teamsOf(catalog, person.id).map(({ name }) => name);
      const places = catalog.services
        .filter(({ team }) => teams.includes(team))
        .flatMap(({ name, team }) =>
          lookup.environmentsOf(catalog, name).map((environment) => ({ service: name, team, environment })),
        );
      const freezes = await standingNow(room, database.db, clock.now());
      return freezes
        .filter((freeze) => places.some((place) => touches(freeze, place)))
        .map((freeze) => ({ rank, text: freezeLine(freeze, catalog) }));
    },

    status: ofService,

    async why(thing) {
      if ("service" in thing) return ofService(thing.service);
      const freeze = thing.id.startsWith("F-") ? await findFreeze(database.db, thing.id) : undefined;
      return freeze ? whyLines(freeze, catalogs.current()) : [];
    },
  };
}

function whyLines(freeze: KeptFreeze, catalog: Catalog): SummaryLine[] {
  const { id, end, by } = freeze;
  if (end)
    return [
      {
        rank,
        text: `⚫ ${id} freeze · ${escapeText(scopeText(freeze))} · over since ${dateToken(end.at, "date_time")}: ${escapeText(end.reason, 200)} (${escapeText(nameOf(catalog, end.by))}). It was: ${escapeText(freeze.reason, 200)}`,
      },
    ];
  const howItEnds =
    by.is === "calendar"
      ? "It stands by the calendar and ends by itself."
      : `A lead, or who started it, ends it: \`/ops freeze end ${id} <reason>\`. It ends by itself.`;
  return [
    { rank, text: freezeLine(freeze, catalog) },
    { rank: rank + 1, text: `• ${goesOn}` },
    { rank: rank + 2, text: `• ${howItEnds}` },
    {
      rank: rank + 3,
      text: "• A lead lets one service through: `/ops freeze override <service> <time> <reason>`.",
    },
  ];
}
