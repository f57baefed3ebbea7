/** Whether people get rights that they did not have: as owners, leads, members, on call, or by being known at all. */
import type { Catalog, Person, Team } from "../schema.ts";
import { added, type Fields, fieldsOf, isSame, listed, longer, shortly } from "./compare.ts";
import { ownersOf } from "./owners.ts";

const organisationHarmless = [
  "name",
  "timezone",
  "defaultEnvironment",
  "defaultChannel",
  "slackTeams",
  "owners",
];
const personHarmless = ["id", "name", "timezone", "slack"];
const teamHarmless = ["name", "alertChannel", "leadsChannel", "ticketing", "pagers", "escalation"];
const teamKnown = ["members", "leads", "onCall", "slackUsergroup", "groups"];

/** Any change of what no rule knows counts, but that something is taken away. */
function otherChanges(before: Fields, after: Fields, known: readonly string[]): string[] {
  return Object.keys(after)
    .filter((field) => !known.includes(field))
    .flatMap((field) => {
      const [was, is] = [before[field], after[field]];
      return is === undefined || isEmpty(is) || isSame(was, is)
        ? []
        : [`${field}: ${shortly(was)} → ${shortly(is)}`];
    });
}

/** As good as left out: an earlier release knew no such field. */
const isEmpty = (value: unknown): boolean =>
  value !== null && typeof value === "object" && Object.values(value).every((part) => isEmpty(part));

export function organisationLoosened(before: Catalog, after: Catalog): string[] {
  const teams = added(before.organisation.slackTeams, after.organisation.slackTeams);
  const [were, are] = [ownersOf(before), ownersOf(after)];
  const owners = added(were, are);
  return [
    ...(teams.length === 0 ? [] : [`people of the Slack workspace ${listed(teams)} are served too`]),
    ...(owners.length === 0 ? [] : [`${listed(owners)} may approve changes of the catalog`]),
    ...(were.length > 1 && are.length < 2
      ? ["one owner is left: changes of the catalog need no second person any more"]
      : []),
    ...otherChanges(fieldsOf(before.organisation), fieldsOf(after.organisation), organisationHarmless).map(
      (words) => `organisation, ${words}`,
    ),
  ];
}

export function personLoosened(before: Person | undefined, after: Person): string[] {
  if (before === undefined) {
    // Nobody signs in as one without an account.
    const { id: _id, name: _name, timezone: _zone, slack, ...rest } = after;
    return Object.keys(slack).length === 0 && isSame(rest, {})
      ? []
      : [`${after.id} becomes known, and may what anyone of the catalog may`];
  }
  const accounts = Object.entries(after.slack).filter(([team, user]) => before.slack[team] !== user);
  return [
    ...accounts.map(([team, user]) => `${after.id} also acts as ${user} of Slack workspace ${team}`),
    ...otherChanges(fieldsOf(before), fieldsOf(after), personHarmless).map(
      (words) => `${after.id}, ${words}`,
    ),
  ];
}

const scheduledOf = (team: Team | undefined): readonly string[] => [
  ...new Set([team?.onCall, ...(team?.onCall?.layers ?? [])].flatMap((part) => part?.rotation ?? [])),
];

/** `isOnCallTrusted`: who is on call for the team may get a role without approval. */
export function teamLoosened(
  before: Team | undefined,
  after: Team,
  { isOnCallTrusted }: { isOnCallTrusted: boolean },
): string[] {
  const everyone = (team: Team | undefined) => [
    ...(team?.leads ?? []),
    ...(team?.members ?? []),
    ...scheduledOf(team),
  ];
  const leads = added(before?.leads, after.leads);
  const people = added(everyone(before), everyone(after)).filter((person) => !leads.includes(person));
  const groups = Object.entries(after.slackUsergroup ?? {}).filter(
    ([workspace, group]) => before?.slackUsergroup?.[workspace] !== group,
  );
  const [was, is] = [fieldsOf(fieldsOf(before).groups), fieldsOf(fieldsOf(after).groups)];
  const claims = [...new Set(Object.keys(is))].flatMap((side) =>
    added(was[side], is[side]).map((name) => `group ${name} of the identity provider (${side})`),
  );
  const of = `of ${after.name}`;
  return [
    ...(leads.length === 0 ? [] : [`${listed(leads)} may what leads ${of} may`]),
    ...(people.length === 0 ? [] : [`${listed(people)} may what members ${of} may`]),
    ...groups.map(
      ([workspace, group]) => `Slack user group ${group} of ${workspace} may what members ${of} may`,
    ),
    ...claims.map((claim) => `${claim} gives rights ${of}`),
    ...(isOnCallTrusted && !isSame(before?.onCall, after.onCall)
      ? [`other people or times on call ${of}, who may get access without approval`]
      : []),
    ...otherChanges(fieldsOf(before), fieldsOf(after), [...teamHarmless, ...teamKnown]).map(
      (words) => `${after.name}, ${words}`,
    ),
  ];
}

export function policiesLoosened(before: Catalog, after: Catalog): string[] {
  const spans: readonly (readonly [string, string, string])[] = [
    ["access", "claimWithin", "an approved request may be claimed for longer"],
    ["access", "decideWithin", "a request may wait for longer"],
    ["freeze", "overrideMax", "leads may override freezes for longer"],
  ];
  const sectionOf = (catalog: Catalog, name: string): Fields => fieldsOf(fieldsOf(catalog.policies)[name]);
  const grown = spans.flatMap(([section, field, words]) => {
    const was = sectionOf(before, section)[field];
    const how = was === undefined ? undefined : longer(was, sectionOf(after, section)[field]);
    return how === undefined ? [] : [`${words}: ${how}`];
  });
  const [was, is] = [sectionOf(before, "rollout"), sectionOf(after, "rollout")];
  return [
    ...grown,
    ...(was.changeRequired === true && is.changeRequired !== true
      ? ["rollouts no longer need a change"]
      : []),
    ...otherAccess(sectionOf(before, "access"), sectionOf(after, "access")),
  ];
}

/** What an earlier release had no field for has not changed. */
const otherAccess = (before: Fields, after: Fields): string[] =>
  Object.keys(before)
    .filter((field) => !["claimWithin", "decideWithin"].includes(field))
    .flatMap((field) =>
      isSame(before[field], after[field])
        ? []
        : [`policies.access, ${field}: ${shortly(before[field])} → ${shortly(after[field])}`],
    );
