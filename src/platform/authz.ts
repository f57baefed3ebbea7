import type { Catalog, Person, Team } from "../catalog/schema.ts";
import type { Role } from "./commands/spec.ts";
import type { Scope } from "./feature.ts";
import { type Actor, isSystem } from "./people.ts";
import { allow, type Decision, refuse } from "./refusal.ts";

/** Slack ids of the members of a user group; throws when Slack cannot say. */
export type UsergroupMembers = (
  slackTeam: string,
  group: string,
  options: { isFresh: boolean },
) => Promise<readonly string[]>;

export interface Authz {
  /**
   * Whether the person has the role on the thing. `isFresh` reads user groups anew and fails closed: approvals use
   * it; everything else uses what was last known.
   */
  authorise(
    actor: Actor,
    role: Role,
    scope: Scope,
    options?: { isFresh?: boolean },
  ): Promise<Decision<Person | "system">>;
  /** Slack ids of those who have the role, for refusals and cards. */
  whoCould(role: Role, scope: Scope, slackTeam: string): readonly string[];
}

const isScheduled = ({ onCall }: Team, { id }: Person): boolean =>
  [onCall, ...(onCall?.layers ?? [])].some((part) => part?.rotation?.includes(id));

/** Whether the identity provider named a group at sign-in that the team declares for the role. */
const isOfGroups = ({ groups }: Team, role: Role, actor: Actor): boolean =>
  [...(groups?.leads ?? []), ...(role === "responder" ? (groups?.members ?? []) : [])].some((group) =>
    actor.groups?.includes(group),
  );

/** Whether a person of the catalog is on call for a team now in place of its schedule. */
export type StandsIn = (team: string, person: string) => Promise<boolean>;

export function createAuthz(
  catalogOf: () => Catalog,
  usergroupMembers: UsergroupMembers,
  standsIn: StandsIn = async () => false,
): Authz {
  const whoCould: Authz["whoCould"] = (role, scope, slackTeam) => {
    const catalog = catalogOf();
    const names = teamsOf(catalog, scope).flatMap((team) =>
      role === "lead" ? team.leads : [...team.members, ...team.leads],
    );
    return slackIdsOf(catalog, names, slackTeam);
  };

  const isMember = async (team: Team, person: Person, actor: Actor, isFresh: boolean): Promise<boolean> => {
    if (team.members.includes(person.id) || team.leads.includes(person.id) || isScheduled(team, person))
      return true;
    if (await standsIn(team.name, person.id)) return true;
    const group = team.slackUsergroup?.[actor.team];
    return (
      group !== undefined && (await usergroupMembers(actor.team, group, { isFresh })).includes(actor.person)
    );
  };

  return {
    whoCould,
    async authorise(actor, role, scope, options = {}) {
      if (isSystem(actor)) return allow("system");
      const catalog = catalogOf();
      const known = onlyIfKnown(catalog, actor);
      if (!known.ok || role === "anyone") return known;
      const person = known.value;
      const teams = teamsOf(catalog, scope);
      for (const team of teams) {
        if (team.leads.includes(person.id)) return known;
        // What a sign-in told is as old as the session: an approval, which reads afresh, does not go by it.
        if (!options.isFresh && isOfGroups(team, role, actor)) return known;
        if (role === "responder" && (await isMember(team, person, actor, options.isFresh ?? false)))
          return known;
      }
      const needed = role === "lead" ? "a lead" : "a member or on call";
      const owner = scope === undefined ? "a team" : teams.map((team) => team.name).join(", ") || "no team";
      const what = scope && "service" in scope ? ` of ${owner}, which owns ${scope.service}` : ` of ${owner}`;
      return refuse({
        rule: `needs-${role}`,
        message: `This needs ${needed}${what}.`,
        hint: "",
        whoCould: whoCould(role, scope, actor.team),
      });
    },
  };
}

/** The person behind a Slack id; people of other workspaces and strangers are refused. */
export function onlyIfKnown(catalog: Catalog, actor: Actor): Decision<Person> {
  if (!catalog.organisation.slackTeams.includes(actor.team))
    return refuse({
      rule: "own-workspace-only",
      message: "You are not of a workspace this Quarterdeck serves.",
      hint: "Ask a platform engineer to add your workspace to the catalog.",
    });
  const person = catalog.people.find((candidate) => candidate.slack[actor.team] === actor.person);
  return person
    ? allow(person)
    : refuse({
        rule: "known-people-only",
        message: "The catalog does not know you.",
        hint: `Ask a platform engineer to add you under people with Slack id ${actor.person}.`,
      });
}

/** Teams whose roles count for the thing; without a thing, all of them. */
export function teamsOf(catalog: Catalog, scope: Scope): readonly Team[] {
  if (scope === undefined) return catalog.teams;
  const name =
    "team" in scope ? scope.team : catalog.services.find((service) => service.name === scope.service)?.team;
  return catalog.teams.filter((team) => team.name === (name ?? catalog.organisation.defaultOwner));
}

export function slackIdsOf(catalog: Catalog, personIds: readonly string[], slackTeam: string): string[] {
  const wanted = new Set(personIds);
  return catalog.people
    .filter((person) => wanted.has(person.id))
    .flatMap((person) => person.slack[slackTeam] ?? []);
}
