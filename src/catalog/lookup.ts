/** Questions people ask of a catalog. All pure; undefined means that it declares no such thing. */
import { errorBudgetSchema } from "./error-budget.ts";
import type { LabelMatcher } from "./fields.ts";
import { strategyOf } from "./rollout.ts";
import type {
  AccessRole,
  CalendarFreeze,
  Catalog,
  Channel,
  DataMigration,
  ErrorBudgetPolicy,
  MarkerSinkInstance,
  MetricsInstance,
  Person,
  Policies,
  Resource,
  RolloutStrategy,
  ScmInstance,
  Service,
  ServiceTraffic,
  Signal,
  Slo,
  Team,
  TicketingInstance,
  TrafficInstance,
  Watchdog,
} from "./schema.ts";

const byName = <Entry extends { name: string }>(entries: readonly Entry[], name: string): Entry | undefined =>
  entries.find((entry) => entry.name === name);

export const service = (catalog: Catalog, name: string): Service | undefined =>
  byName(catalog.services, name);
export const team = (catalog: Catalog, name: string): Team | undefined => byName(catalog.teams, name);
export const channel = (catalog: Catalog, name: string): Channel | undefined =>
  byName(catalog.channels, name);
export const resource = (catalog: Catalog, name: string): Resource | undefined =>
  byName(catalog.resources, name);
export const person = (catalog: Catalog, id: string): Person | undefined =>
  catalog.people.find((entry) => entry.id === id);

/** The person behind a Slack user; people are (team, id). */
export function personBySlack(catalog: Catalog, slackTeam: string, slackUser: string): Person | undefined {
  return catalog.people.find(
    ({ slack }) => Object.hasOwn(slack, slackTeam) && slack[slackTeam] === slackUser,
  );
}

/** The person's zone, else the organisation's. */
export function zoneOf(catalog: Catalog, personId: string): string {
  return person(catalog, personId)?.timezone ?? catalog.organisation.timezone;
}

/** Environments of a service, the one meant by default first. */
export function environmentsOf(catalog: Catalog, serviceName: string): readonly string[] {
  const { defaultEnvironment } = catalog.organisation;
  const declared = service(catalog, serviceName)?.environments ?? [defaultEnvironment];
  return declared.includes(defaultEnvironment)
    ? [defaultEnvironment, ...declared.filter((name) => name !== defaultEnvironment)]
    : declared;
}

/** Team that owns a service; the default owner for a service the catalog does not know. */
export function owningTeam(catalog: Catalog, serviceName: string): Team {
  const name = service(catalog, serviceName)?.team ?? catalog.organisation.defaultOwner;
  return declaredTeam(catalog, name);
}

/** Teams a person is a member or lead of, or on call for by rotation; Slack user groups are not asked here. */
export function teamsOf(catalog: Catalog, personId: string): readonly Team[] {
  return catalog.teams.filter(({ members, leads }) => members.includes(personId) || leads.includes(personId));
}

/** Where a service's alerts and cards go: its own channel, its team's, the organisation's. */
export function channelFor(catalog: Catalog, serviceName: string): Channel {
  const known = service(catalog, serviceName);
  const name =
    known === undefined
      ? catalog.organisation.defaultChannel
      : (known.alertChannel ?? owningTeam(catalog, serviceName).alertChannel);
  return declaredChannel(catalog, name);
}

export function leadsChannelFor(catalog: Catalog, teamName: string): Channel {
  return declaredChannel(
    catalog,
    team(catalog, teamName)?.leadsChannel ?? catalog.organisation.defaultChannel,
  );
}

/** Slack id of a channel in one Slack team; undefined when the channel is not there. */
export function slackIdOf({ slack }: Channel | Person, slackTeam: string): string | undefined {
  return Object.hasOwn(slack, slackTeam) ? slack[slackTeam] : undefined;
}

/** A signal with its metrics instance filled in. */
export type BoundSignal = Signal & { provider: string };

/** Signals of a service; every one names its metrics instance. */
export function signalsOf(catalog: Catalog, serviceName: string): readonly BoundSignal[] {
  const known = service(catalog, serviceName);
  return (known?.signals ?? []).map((signal) => ({
    ...signal,
    provider: signal.provider ?? known?.metrics ?? "",
  }));
}

/** An SLO with its metrics instance filled in. */
export type BoundSlo = Slo & { provider: string };

export function slosOf(catalog: Catalog, serviceName: string): readonly BoundSlo[] {
  const provider = service(catalog, serviceName)?.metrics ?? "";
  return catalog.slos
    .filter((entry) => entry.service === serviceName)
    .map((entry) => ({ ...entry, provider: entry.provider ?? provider }));
}

/** The SLO that stands for a service: the first user-facing one, else the first. */
export function sloOf(catalog: Catalog, serviceName: string): BoundSlo | undefined {
  const slos = slosOf(catalog, serviceName);
  return slos.find(({ userFacing }) => userFacing) ?? slos[0];
}

/** Who answers for an SLO: the person or team it names, else the service's DRI, else the team that owns it. */
export function ownerOfSlo(catalog: Catalog, slo: Slo): { person: Person } | { team: Team } {
  const name = slo.owner ?? service(catalog, slo.service)?.dri;
  const known = name === undefined ? undefined : (person(catalog, name) ?? team(catalog, name));
  if (known === undefined) return { team: owningTeam(catalog, slo.service) };
  return "leads" in known ? { team: known } : { person: known };
}

/** What a service's budget means for changes: its own policy, else the organisation's, else the usual one. */
export function errorBudgetOf(catalog: Catalog, serviceName: string): ErrorBudgetPolicy {
  // A catalog put in force by an earlier release says nothing of it.
  const declared: ErrorBudgetPolicy | undefined =
    service(catalog, serviceName)?.errorBudget ?? catalog.policies.errorBudget;
  return declared ?? errorBudgetSchema.parse({});
}

/** Freezes of the calendar. A catalog in force that was loaded by an older release has none. */
export const freezesOf = (catalog: Catalog): readonly CalendarFreeze[] => catalog.freezes ?? [];

/** Systems told of deploy markers. A catalog in force that was loaded by an older release has none. */
export const markerSinks = (catalog: Catalog): readonly MarkerSinkInstance[] =>
  catalog.providers.markers ?? [];

export const metricsInstance = (catalog: Catalog, name: string): MetricsInstance | undefined =>
  byName(catalog.providers.metrics, name);
export const trafficInstance = (catalog: Catalog, name: string): TrafficInstance | undefined =>
  byName(catalog.providers.traffic, name);

/** Where a service's versions get traffic in an environment. */
export function trafficOf(
  catalog: Catalog,
  serviceName: string,
  environment: string,
): ServiceTraffic | undefined {
  const [home] = environmentsOf(catalog, serviceName);
  return trafficsOf(catalog, serviceName).find((entry) => (entry.environment ?? home) === environment);
}

/** Environments in which a service's versions get traffic. */
export function trafficPlacesOf(catalog: Catalog, serviceName: string): readonly string[] {
  const [home] = environmentsOf(catalog, serviceName);
  return trafficsOf(catalog, serviceName).flatMap(({ environment = home }) =>
    environment === undefined ? [] : [environment],
  );
}

/** All places a service's versions get traffic, the first environment's first as declared. */
export function trafficsOf(catalog: Catalog, serviceName: string): readonly ServiceTraffic[] {
  // A catalog put in force by an earlier release holds one entry, not a list.
  const declared: ServiceTraffic | readonly ServiceTraffic[] | undefined = service(
    catalog,
    serviceName,
  )?.traffic;
  return declared === undefined ? [] : [declared].flat();
}

/** What a revert does about whoever keeps the objects as they are in Git. */
export function gitopsPolicyOf(catalog: Catalog): Pick<Policies["rollout"], "gitops" | "suspendFor"> {
  // A catalog put in force by an earlier release says nothing of it.
  const { gitops = "suspend", suspendFor = 3_600_000 }: Partial<Policies["rollout"]> =
    catalog.policies.rollout;
  return { gitops, suspendFor };
}

/** Where repositories of a host are. */
export function scmOf(catalog: Catalog, host: string): ScmInstance | undefined {
  const declared: readonly ScmInstance[] | undefined = catalog.providers.scm;
  return declared?.find((instance) => instance.host.toLowerCase() === host.toLowerCase());
}

export const ticketingInstance = (catalog: Catalog, name: string): TicketingInstance | undefined =>
  byName(catalog.providers.ticketing, name);

/** Where the tickets of what names no instance are kept: Quarterdeck's own store. */
export const builtinTicketing = "builtin";

/** Name of the ticketing instance of a service: its own, its team's, the first declared, the built-in store. */
export function ticketingFor(catalog: Catalog, serviceName: string): string {
  return (
    service(catalog, serviceName)?.ticketing ??
    owningTeam(catalog, serviceName).ticketing ??
    catalog.providers.ticketing[0]?.name ??
    builtinTicketing
  );
}

/** Labels that pick a service's series, beside those of each selector. */
export function metricLabelsOf(catalog: Catalog, serviceName: string): Readonly<Record<string, string>> {
  return service(catalog, serviceName)?.metricLabels ?? { service: serviceName };
}

/** The data migration that the catalog says a version brings. */
export function migrationOf(
  catalog: Catalog,
  serviceName: string,
  version: string,
): DataMigration | undefined {
  return trafficsOf(catalog, serviceName)
    .flatMap(({ versions }) => versions)
    .find(({ name, migration }) => name === version && migration)?.migration;
}

/** A service's rollout steps and limits; careful ones when it declares none. */
export function rolloutStrategyOf(catalog: Catalog, serviceName: string): RolloutStrategy {
  // A catalog put in force by an earlier release has no deadline among its policies.
  const { deadline, deadlineMax }: { deadline?: number; deadlineMax: number } = catalog.policies.rollout;
  return strategyOf(service(catalog, serviceName)?.rollout, deadline ?? deadlineMax);
}

/** What a role on a resource grants, and under which policy. */
export function accessRule(catalog: Catalog, resourceName: string, roleName: string): AccessRole | undefined {
  return byName(resource(catalog, resourceName)?.roles ?? [], roleName);
}

/** Person ids who may approve a role: the leads of every approving team and the people named, each once. */
export function approversOf(
  catalog: Catalog,
  {
    policy,
  }: {
    policy: {
      readonly approvers: readonly string[];
      readonly approverPeople?: readonly string[] | undefined;
    };
  },
): readonly string[] {
  const teams = catalog.teams.filter(({ name }) => policy.approvers.includes(name));
  return [...new Set([...teams.flatMap(({ leads }) => leads), ...(policy.approverPeople ?? [])])];
}

/** Person ids who may ask for a role, as far as the catalog says; Slack user groups are not asked here. */
export function requestersOf(catalog: Catalog, { policy }: Pick<AccessRole, "policy">): readonly string[] {
  const teams = catalog.teams.filter(({ name }) => policy.requesters.includes(name));
  const people = teams.flatMap(({ members, leads, onCall }) => {
    const scheduled = [onCall, ...(onCall?.layers ?? [])].flatMap((part) => part?.rotation ?? []);
    return [...members, ...leads, ...scheduled];
  });
  return [...new Set([...people, ...(policy.requesterPeople ?? [])])];
}

/** Whether one role of a resource is declared narrower than another, by one step or several. */
export function isNarrowerThan({ roles }: Resource, name: string, than: string): boolean {
  const seen = new Set<string>();
  const left = [name];
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    if (seen.has(one)) continue;
    seen.add(one);
    const wider = byName(roles, one)?.narrowerThan ?? [];
    if (wider.includes(than)) return true;
    left.push(...wider);
  }
  return false;
}

export interface BreakGlass {
  durationMaxMs: number;
  /** Names of teams. */
  requesters: readonly string[];
  /** Person ids beside the teams: those of the policy, and nobody where break-glass names teams of its own. */
  requesterPeople: readonly string[];
}

/** How a role may be taken without asking: for how long, and by whom; undefined where it may not. */
export function breakGlassOf({ policy }: Pick<AccessRole, "policy">): BreakGlass | undefined {
  const { breakGlass, durationMax } = policy;
  if (breakGlass === false) return undefined;
  const own = breakGlass === true ? {} : breakGlass;
  return {
    durationMaxMs: own.durationMax ?? Math.min(durationMax, breakGlassUsualMs),
    requesters: own.requesters ?? policy.requesters,
    requesterPeople: own.requesters ? [] : (policy.requesterPeople ?? []),
  };
}

/** Short, whatever the role allows who was approved. */
const breakGlassUsualMs = 30 * 60_000;

/**
 * The service an alert is about: the first whose rules all match, else the one its label `service` names.
 */
export function serviceOfAlert(
  catalog: Catalog,
  labels: Readonly<Record<string, string>>,
): Service | undefined {
  const ruled = catalog.services.find(({ alertRules }) =>
    alertRules.some((rule) => matchesLabels(labels, rule.labels)),
  );
  return ruled ?? service(catalog, Object.hasOwn(labels, "service") ? (labels.service ?? "") : "");
}

/** The service a sender names: as declared, or written another way (`API Service` for `api-service`). */
export function serviceNamed(catalog: Catalog, name: string): Service | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return (
    service(catalog, name) ??
    (name === "" ? undefined : catalog.services.find((entry) => plain(entry.name) === plain(name)))
  );
}

/** Services deployed from a repository, `owner/name` in any case. */
export const servicesOfRepository = (catalog: Catalog, repository: string): readonly Service[] =>
  catalog.services.filter(({ repositories }) =>
    repositories.some((owned) => owned.toLowerCase() === repository.toLowerCase()),
  );

/** The declared watchdog an alert is; such an alert is no trouble but a sign that all is well. */
export function watchdogOf(
  catalog: Catalog,
  source: string,
  labels: Readonly<Record<string, string>>,
): Watchdog | undefined {
  // A catalog in force that was loaded by an older release has none.
  return (catalog.watchdogs ?? []).find(
    (watchdog) => watchdog.source === source && matchesLabels(labels, watchdog.labels),
  );
}

/** Whether every matcher holds. A missing label counts as empty; patterns are anchored, as in Prometheus. */
export function matchesLabels(
  labels: Readonly<Record<string, string>>,
  matchers: Readonly<Record<string, LabelMatcher>>,
): boolean {
  return Object.entries(matchers).every(([label, matcher]) => {
    const value = Object.hasOwn(labels, label) ? (labels[label] ?? "") : "";
    if (typeof matcher === "string") return value === matcher;
    if ("not" in matcher) return value !== matcher.not;
    if ("matches" in matcher) return anchored(matcher.matches).test(value);
    return !anchored(matcher.notMatches).test(value);
  });
}

const anchored = (pattern: string) => new RegExp(`^(?:${pattern})$`, "su");

// A loaded catalog has checked these references; one that fails is a row nobody should have written.
function declaredTeam(catalog: Catalog, name: string): Team {
  const found = team(catalog, name);
  if (found === undefined)
    throw new Error(`The catalog in force names team "${name}", which it does not declare; load it again`);
  return found;
}

function declaredChannel(catalog: Catalog, name: string): Channel {
  const found = channel(catalog, name);
  if (found === undefined)
    throw new Error(`The catalog in force names channel "${name}", which it does not declare; load it again`);
  return found;
}
