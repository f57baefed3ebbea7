/**
 * Whether a catalog gives rights that the one in force does not, in plain words. Fails closed: what cannot be shown to
 * give less or the same counts as giving more, and so does a change of a field that no rule here knows.
 */
import type { AccessorInstance, Catalog, Resource } from "../schema.ts";
import { type Fields, fieldsOf, isSame, listed, shortly } from "./compare.ts";
import { organisationLoosened, personLoosened, policiesLoosened, teamLoosened } from "./people.ts";
import { policyLoosened } from "./policy.ts";

/** What somebody in a hurry to take a right away must know of a catalog that waits. */
export const waitsWhole = "What it takes away waits too: put that in force without the lines above.";

export { approversNeeded, ownersOf, ownersTeamOf } from "./owners.ts";

/** What people could do under `after` and not under `before`, a line each; empty when nothing. */
export function loosened(before: Catalog, after: Catalog): string[] {
  const trusted = teamsOnCallTrusted(after);
  const was = {
    people: new Map(before.people.map((person) => [person.id, person])),
    teams: new Map(before.teams.map((team) => [team.name, team])),
    services: new Map(before.services.map((service) => [service.name, service])),
    resources: new Map(before.resources.map((resource) => [resource.name, resource])),
    accessors: new Map(before.providers.accessors.map((instance) => [instance.name, instance])),
  };
  const services = new Set(after.services.map(({ name }) => name));
  const used = new Set(after.resources.map(({ accessor }) => accessor));
  return [
    ...organisationLoosened(before, after),
    ...after.people.flatMap((person) => personLoosened(was.people.get(person.id), person)),
    ...after.teams.flatMap((team) =>
      teamLoosened(was.teams.get(team.name), team, { isOnCallTrusted: trusted.has(team.name) }),
    ),
    ...after.services.flatMap(({ name, team }) => {
      const owner = was.services.get(name)?.team;
      return owner === undefined || owner === team
        ? []
        : [`${name} belongs to ${team}, no longer to ${owner}: its leads and members decide`];
    }),
    // Taken out and declared again, it would change its owner in two steps that give nothing each.
    ...before.services
      .filter(({ name }) => !services.has(name))
      .map(({ name, team }) => `${name} is taken out: whoever declares it again owns it, no longer ${team}`),
    ...after.providers.accessors.flatMap((instance) =>
      used.has(instance.name) ? accessorLoosened(was.accessors.get(instance.name), instance) : [],
    ),
    ...after.resources.flatMap((resource) => resourceLoosened(was.resources.get(resource.name), resource)),
    ...policiesLoosened(before, after),
  ];
}

/** Teams whose people on call get some role without approval. */
function teamsOnCallTrusted(catalog: Catalog): ReadonlySet<string> {
  const services = new Set(
    catalog.resources
      .filter(({ roles }) => roles.some(({ policy }) => fieldsOf(policy).automatic !== undefined))
      .flatMap(({ service }) => service ?? []),
  );
  return new Set(catalog.services.filter(({ name }) => services.has(name)).map(({ team }) => team));
}

/** Fewer connections and other waits give nothing. */
function accessorLoosened(before: AccessorInstance | undefined, after: AccessorInstance): string[] {
  if (before === undefined) return [];
  const [was, is] = [fieldsOf(before), fieldsOf(after)];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((field) => {
    if (field === "deadline" || isSame(was[field], is[field])) return [];
    if (field === "connectionsMax" && Number(is[field]) < Number(was[field])) return [];
    return [`${after.name} gives access otherwise, ${field}: ${shortly(was[field])} → ${shortly(is[field])}`];
  });
}

const resourceKnown = ["name", "description", "roles"];
const roleKnown = ["name", "grants", "narrowerThan", "terms", "policy"];

const otherFields = (before: Fields, after: Fields, known: readonly string[]): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((field) =>
    known.includes(field) || isSame(before[field], after[field])
      ? []
      : [`${field}: ${shortly(before[field])} → ${shortly(after[field])}`],
  );

function resourceLoosened(before: Resource | undefined, after: Resource): string[] {
  const roles = new Map((before?.roles ?? []).map((role) => [role.name, role]));
  return [
    ...(before === undefined
      ? []
      : otherFields(fieldsOf(before), fieldsOf(after), resourceKnown).map(
          (words) => `${after.name}, ${words}`,
        )),
    ...after.roles.flatMap((role) => {
      const name = `${after.name} ${role.name}`;
      const was = roles.get(role.name);
      if (was === undefined) {
        const { requesters } = role.policy;
        return [`${name}: a new role (${role.grants}), for people of ${listed(requesters) || "nobody"}`];
      }
      return [
        ...(isSame(was.terms, role.terms)
          ? []
          : [`grants otherwise: ${shortly(was.terms)} → ${shortly(role.terms)}`]),
        ...policyLoosened(fieldsOf(was.policy), fieldsOf(role.policy)),
        ...otherFields(fieldsOf(was), fieldsOf(role), roleKnown),
      ].map((words) => `${name}: ${words}`);
    }),
  ];
}
