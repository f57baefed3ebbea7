import type { Catalog, Person } from "../../catalog/schema.ts";
import { allow, type Decision, refuse } from "../refusal.ts";

/** What an identity provider says of a person, its signature checked. */
export type Claims = Readonly<Record<string, unknown>>;

/** Which claims tell who of the catalog it is. Names never do: anybody may take one. */
export interface PersonMapping {
  by: "slack" | "email";
  /** Claims that hold the Slack team's and user's id. */
  slackTeamClaim: string;
  slackUserClaim: string;
  /** Claim that holds groups, which teams of the catalog may count as members or leads. */
  groupsClaim?: string | undefined;
}

export interface Identified {
  /** Slack team and user id: people are known by these. */
  team: string;
  person: string;
  /** Groups by which some team of the catalog may count the person, as the provider told them at this sign-in. */
  groups: readonly string[];
}

/** Groups kept of one person; a provider that names thousands fills no row. */
const groupsMax = 100;

/** Who of the catalog has signed in, by ids that the catalog declares. */
export function personOfClaims(
  catalog: Catalog,
  claims: Claims,
  mapping: PersonMapping,
): Decision<Identified> {
  const found = mapping.by === "slack" ? bySlack(catalog, claims, mapping) : byEmail(catalog, claims);
  return found.ok ? allow({ ...found.value, groups: groupsOf(catalog, claims, mapping.groupsClaim) }) : found;
}

function bySlack(
  catalog: Catalog,
  claims: Claims,
  { slackTeamClaim, slackUserClaim }: PersonMapping,
): Decision<{ team: string; person: string }> {
  const team = claims[slackTeamClaim];
  const user = claims[slackUserClaim];
  if (typeof team !== "string" || typeof user !== "string")
    return refuse({
      rule: "sign-in-names-person",
      message: `The identity provider named no Slack user: the claims ${slackTeamClaim} and ${slackUserClaim} are missing.`,
      hint: "Set OIDC_SLACK_TEAM_CLAIM and OIDC_SLACK_USER_CLAIM to the claims that hold them, or OIDC_PERSON=email.",
    });
  if (!catalog.organisation.slackTeams.includes(team))
    return refuse({
      rule: "own-workspace-only",
      message: "You are not of a workspace this Quarterdeck serves.",
      hint: "Sign in with your account of the company's own workspace.",
    });
  return catalog.people.some(({ slack }) => slack[team] === user)
    ? allow({ team, person: user })
    : refuse({
        rule: "known-people-only",
        message: "The catalog does not know you.",
        hint: `Ask a platform engineer to add you under people with Slack id ${user}.`,
      });
}

/** ASCII letters in any case are the same address; anything else that looks alike is another one. */
const sameAddress = (a: string, b: string): boolean => asciiLower(a) === asciiLower(b);
const asciiLower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

function byEmail(catalog: Catalog, claims: Claims): Decision<{ team: string; person: string }> {
  const { email, email_verified } = claims;
  if (typeof email !== "string" || email_verified !== true)
    return refuse({
      rule: "verified-email-only",
      message: "The identity provider vouches for no e-mail address of yours.",
      hint: "It must give the claims email and email_verified: true; check its settings and OIDC_SCOPES.",
    });
  const people = catalog.people.filter(
    (person) => person.email !== undefined && sameAddress(person.email, email),
  );
  const [only, ...others] = people;
  if (!only || others.length > 0)
    return refuse({
      rule: "known-people-only",
      message: only
        ? `${people.length} people of the catalog have this e-mail address.`
        : "Nobody in the catalog has your e-mail address.",
      hint: "Ask a platform engineer to declare it under people, for you alone.",
    });
  const id = slackIdOf(catalog, only);
  return id
    ? allow(id)
    : refuse({
        rule: "known-people-only",
        message: `The catalog knows no Slack id of ${only.name}.`,
        hint: "Ask a platform engineer to add it under people.",
      });
}

function slackIdOf(catalog: Catalog, { slack }: Person): { team: string; person: string } | undefined {
  for (const team of catalog.organisation.slackTeams) {
    const person = slack[team];
    if (person !== undefined) return { team, person };
  }
  return undefined;
}

/** Only groups that a team declares are kept: all others are nobody's business here. */
function groupsOf(catalog: Catalog, claims: Claims, name: string | undefined): readonly string[] {
  const given = name === undefined ? undefined : claims[name];
  if (!Array.isArray(given)) return [];
  const declared = new Set(
    catalog.teams.flatMap(({ groups }) => [...(groups?.members ?? []), ...(groups?.leads ?? [])]),
  );
  return [
    ...new Set(given.filter((group): group is string => typeof group === "string" && declared.has(group))),
  ].slice(0, groupsMax);
}
