/** What the command grammar must know of a catalog. */
import type { GrammarContext } from "../platform/commands/context.ts";
import { environmentsOf, personBySlack, zoneOf } from "./lookup.ts";
import type { Catalog } from "./schema.ts";

export interface Typist {
  slackTeam: string;
  slackUser: string;
  /** When the line was typed. */
  typedAt: Date;
  /** Whether their door opens modals. */
  hasModals: boolean;
}

/** The context for {@link parseLine}; a typist the catalog does not know types in the organisation's zone. */
export function grammarOf(
  catalog: Catalog,
  { slackTeam, slackUser, typedAt, hasModals }: Typist,
): GrammarContext {
  const typist = personBySlack(catalog, slackTeam, slackUser);
  return {
    now: typedAt,
    zone: typist === undefined ? catalog.organisation.timezone : zoneOf(catalog, typist.id),
    services: catalog.services.map(({ name }) => {
      const environments = environmentsOf(catalog, name);
      return {
        name,
        environments,
        defaultEnvironment: environments[0] ?? catalog.organisation.defaultEnvironment,
      };
    }),
    resources: catalog.resources.map(({ name, service }) => ({ name, service })),
    teams: catalog.teams.map(({ name }) => name),
    people: catalog.people.map(({ id, name, email, slack }) => ({
      id,
      name,
      email,
      slackUserIds: Object.hasOwn(slack, slackTeam) ? [slack[slackTeam] ?? ""] : [],
    })),
    hasModals,
  };
}
