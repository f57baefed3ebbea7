import type { Catalog } from "../catalog/schema.ts";
import type { GrammarContext } from "./commands/parse.ts";
import type { Actor } from "./people.ts";

/** What the parser must know, from the catalog in force and the person who types. `now`: when it was typed. */
export function grammarFor(catalog: Catalog, actor: Actor, now: Date): GrammarContext {
  const { organisation } = catalog;
  const typist = catalog.people.find((person) => person.slack[actor.team] === actor.person);
  return {
    now,
    zone: typist?.timezone ?? organisation.timezone,
    services: catalog.services.map((service) => {
      const environments = service.environments ?? [organisation.defaultEnvironment];
      const defaultEnvironment = environments.includes(organisation.defaultEnvironment)
        ? organisation.defaultEnvironment
        : (environments[0] as string);
      return { name: service.name, environments, defaultEnvironment };
    }),
    resources: catalog.resources.map(({ name, service }) => ({ name, service })),
    teams: catalog.teams.map((team) => team.name),
    people: catalog.people.map((person) => ({
      id: person.id,
      name: person.name,
      email: person.email,
      slackUserIds: Object.values(person.slack),
    })),
    hasModals: actor.door === "slack",
  };
}
