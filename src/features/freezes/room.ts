/** What the files of this room share: how freezes are read for a place, and where they are told. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { Db, Trx } from "../../platform/db/database.ts";
import type { Platform } from "../../platform/platform.ts";
import { type Freeze, type Place, type Stand, standing, standingByCalendar, touches } from "./model.ts";
import { type KeptFreeze, openFreezes, overridesAt } from "./store.ts";

export const jobs = { end: "freezes.end", sweep: "freezes.sweep" } as const;

export type Room = Pick<
  Platform,
  "database" | "catalogs" | "authz" | "clock" | "slackTeam" | "publicUrl" | "log"
>;

/** Every freeze that stands now, whoever made it. */
export async function standingNow({ catalogs }: Pick<Room, "catalogs">, db: Db | Trx, at: Date) {
  const kept = await openFreezes(db);
  const ids = new Map(kept.map(({ key, id }) => [key, id]));
  const made: Freeze[] = kept.filter(({ by, until }) => by.is === "person" && until > at);
  return [...made, ...standingByCalendar(lookup.freezesOf(catalogs.current()), ids, at)];
}

export async function standAt(
  room: Pick<Room, "catalogs">,
  db: Db | Trx,
  place: Place,
  at: Date,
): Promise<Stand> {
  const team = lookup.owningTeam(room.catalogs.current(), place.service).name;
  const [freezes, overrides] = await Promise.all([standingNow(room, db, at), overridesAt(db, at, place)]);
  return standing(freezes, overrides, { ...place, team }, at);
}

/** Services a freeze covers, in the environments it covers. */
export function touchedPlaces(
  catalog: Catalog,
  freeze: Pick<Freeze, "scope" | "environments">,
): readonly (Place & { team: string })[] {
  return catalog.services.flatMap(({ name, team }) =>
    lookup
      .environmentsOf(catalog, name)
      .map((environment) => ({ service: name, team, environment }))
      .filter((place) => touches(freeze, place)),
  );
}

/**
 * Slack ids of the channels of everybody it touches, each once: the teams' own, of a single service the one its
 * cards stand in, and the organisation's where it touches all.
 */
export function channelsOf(
  catalog: Catalog,
  freeze: Pick<Freeze, "scope" | "environments">,
  slackTeam: string,
): string[] {
  const places = touchedPlaces(catalog, freeze);
  const { scope } = freeze;
  const channels = places.map(({ service, team }) =>
    scope !== "all" && scope.services.includes(service)
      ? lookup.channelFor(catalog, service)
      : lookup.channel(catalog, lookup.team(catalog, team)?.alertChannel ?? ""),
  );
  if (scope === "all" && places.length > 0)
    channels.push(lookup.channel(catalog, catalog.organisation.defaultChannel));
  const ids = channels.flatMap((channel) => (channel && lookup.slackIdOf(channel, slackTeam)) ?? []);
  return [...new Set(ids)].sort();
}

export const cardKey = ({ id }: Pick<KeptFreeze, "id">, channel: string): string => `freeze:${id}:${channel}`;
