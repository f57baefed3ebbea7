/** What no single entry can know: names must lead somewhere, and numbers must fit each other. */

import { formatDuration } from "../platform/commands/time.ts";
import { parseId } from "../platform/ids.ts";
import { checkAccessRole } from "./access-checks.ts";
import { type Checks, checkMeasured, checkTwice, type Refer, type Say, unknownName } from "./checks.ts";
import { checkFreeze, warnOfFreeze } from "./freeze-checks.ts";
import type { Merged } from "./merge.ts";
import { checkPaging, warnOfPaging } from "./paging-checks.ts";
import type { Problem } from "./problem.ts";
import type { Resource, Service, Team } from "./schema.ts";
import { checkSlo, warnOfFewSlos } from "./slo-references.ts";
import { checkTraffic } from "./traffic-references.ts";

/**
 * Every cross reference and cross limit; `problems` refuse the catalog, `warnings` do not. With `now`, what comes of
 * it in the next weeks is warned of as well.
 */
export function checkReferences(
  { catalog, problemAt }: Merged,
  now?: Date,
): {
  problems: Problem[];
  warnings: Problem[];
} {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const say: Say = (entry, path, message) => problems.push(problemAt(entry, path, message));
  const warn: Say = (entry, path, message) => warnings.push(problemAt(entry, path, message));
  const refer = (what: string, entries: readonly { name: string; id?: string }[]): Refer => {
    const names = entries.map((entry) => entry.id ?? entry.name);
    const known = new Set(names);
    return (entry, path, name) => {
      if (name !== undefined && !known.has(name)) say(entry, path, unknownName(what, name, names));
    };
  };
  const { providers } = catalog;
  const checks: Checks = {
    catalog,
    say,
    person: refer("person", catalog.people),
    personOrTeam: refer("person or team", [...catalog.people, ...catalog.teams]),
    team: refer("team", catalog.teams),
    channel: refer("channel", catalog.channels),
    service: refer("service", catalog.services),
    metrics: refer("metrics instance", providers.metrics),
    traffic: refer("traffic instance", providers.traffic),
    accessor: refer("accessor instance", providers.accessors),
    pager: refer("pager", providers.pagers),
    hookSource: refer("hook source", catalog.hookSources),
    ticketing: refer("ticketing instance", providers.ticketing),
  };

  checks.channel(catalog.organisation, ["defaultChannel"], catalog.organisation.defaultChannel);
  checks.team(catalog.organisation, ["defaultOwner"], catalog.organisation.defaultOwner);
  checks.team(catalog.organisation, ["owners"], catalog.organisation.owners);
  checkSlackIds(checks);
  for (const team of catalog.teams) checkTeam(checks, team);
  for (const service of catalog.services) {
    checkService(checks, service);
    warnOfFewSlos(catalog, service, warn);
  }
  for (const slo of catalog.slos) checkSlo(checks, slo);
  for (const resource of catalog.resources) checkResource(checks, resource);
  checkPaging(checks);
  if (problems.length === 0) warnOfPaging(catalog, warn, now);
  for (const source of catalog.hookSources) checks.team(source, ["team"], source.team);
  const hookSource = refer("hook source", catalog.hookSources);
  for (const watchdog of catalog.watchdogs) {
    hookSource(watchdog, ["source"], watchdog.source);
    checks.team(watchdog, ["team"], watchdog.team);
  }
  for (const sink of providers.markers)
    sink.services?.forEach((name, index) => {
      checks.service(sink, ["services", index], name);
    });
  for (const freeze of catalog.freezes) {
    checkFreeze(checks, freeze);
    warnOfFreeze(catalog, freeze, warn);
  }
  return { problems, warnings };
}

function checkSlackIds({ catalog, say }: Checks): void {
  const served = new Set(catalog.organisation.slackTeams);
  const users = new Map<string, string>();
  for (const entry of [...catalog.people, ...catalog.channels]) {
    for (const [slackTeam, slackId] of Object.entries(entry.slack)) {
      if (!served.has(slackTeam)) {
        say(
          entry,
          ["slack", slackTeam],
          `names Slack team ${slackTeam}, which organisation.slackTeams does not list; add it there`,
        );
      }
      const key = `${slackTeam} ${slackId}`;
      const earlier = users.get(key);
      if (earlier !== undefined)
        say(
          entry,
          ["slack", slackTeam],
          `${slackId} is also ${earlier}; one Slack id is one person or channel`,
        );
      users.set(key, entry.name);
    }
  }
  for (const channel of catalog.channels) {
    if (Object.keys(channel.slack).length === 0)
      say(channel, ["slack"], "has no Slack id; add one per Slack team");
  }
  const emails = new Map<string, string>();
  for (const person of catalog.people) {
    if (person.email === undefined) continue;
    const key = person.email.toLowerCase();
    const earlier = emails.get(key);
    if (earlier !== undefined)
      say(person, ["email"], `is also the address of ${earlier}; one address is one person`);
    emails.set(key, person.id);
  }
}

function checkTeam({ person, channel, ticketing }: Checks, team: Team): void {
  ticketing(team, ["ticketing"], team.ticketing);
  team.members.forEach((name, index) => {
    person(team, ["members", index], name);
  });
  team.leads.forEach((name, index) => {
    person(team, ["leads", index], name);
  });
  channel(team, ["alertChannel"], team.alertChannel);
  channel(team, ["leadsChannel"], team.leadsChannel);
}

function checkService(checks: Checks, service: Service): void {
  const { catalog, say } = checks;
  if (parseId(service.name) !== undefined)
    say(service, ["name"], `"${service.name}" reads as an id; rename the service`);
  checks.team(service, ["team"], service.team);
  checks.person(service, ["dri"], service.dri);
  checks.channel(service, ["alertChannel"], service.alertChannel);
  checks.ticketing(service, ["ticketing"], service.ticketing);
  checks.metrics(service, ["metrics"], service.metrics);
  checks.person(service, ["paging", "owner"], service.paging?.owner);
  service.dependencies.forEach((name, index) => {
    checks.service(service, ["dependencies", index], name);
    if (name === service.name) say(service, ["dependencies", index], "names itself; remove it");
  });
  checkTwice(say, service, ["signals"], service.signals);
  service.signals.forEach((signal, index) => {
    const at = ["signals", index];
    checkMeasured(checks, service, at, signal.provider ?? service.metrics, signal.provider);
    const instance = catalog.providers.metrics.find(
      ({ name }) => name === (signal.provider ?? service.metrics),
    );
    if (signal.promql !== undefined && instance !== undefined && instance.kind !== "prometheus") {
      say(service, [...at, "promql"], `is for Prometheus, and ${instance.name} is not; remove it`);
    }
  });
  checkExposure(checks, service);
  const { traffic, rollout } = service;
  checkTraffic(checks, service);
  if (rollout === undefined) return;
  if (traffic === undefined)
    say(service, ["rollout"], "needs traffic: without it no weight can be set; add traffic");
  const { deadlineMax } = catalog.policies.rollout;
  const { deadline = catalog.policies.rollout.deadline } = rollout;
  if (deadline > deadlineMax) {
    say(
      service,
      ["rollout", "deadline"],
      `is past policies.rollout.deadlineMax, ${formatDuration(deadlineMax)}; shorten it`,
    );
  }
  const leastMs = rollout.steps.reduce((sumMs, step) => sumMs + step.minDuration, 0);
  if (leastMs >= deadline) {
    say(
      service,
      ["rollout", "deadline"],
      `the steps alone take ${formatDuration(leastMs)}; lengthen it or shorten them`,
    );
  }
}

/** A rate is judged for the requests behind it, and those a ratio signal counts. */
function checkExposure({ say }: Checks, service: Service): void {
  const ratios = service.signals.filter(({ kind }) => kind === "ratio").map(({ name }) => name);
  service.signals.forEach((signal, index) => {
    if (signal.kind !== "rate") return;
    const at = ["signals", index];
    if (signal.per !== undefined && !ratios.includes(signal.per))
      say(service, [...at, "per"], unknownName("ratio signal", signal.per, ratios));
    const isJudged = signal.weight === "critical" && signal.direction !== "neutral";
    if (isJudged && ratios.length === 0)
      say(
        service,
        [...at, "weight"],
        "is critical, and no ratio signal counts the requests its events are judged by; declare one",
      );
  });
}

function checkResource(checks: Checks, resource: Resource): void {
  const { say } = checks;
  checks.accessor(resource, ["accessor"], resource.accessor);
  checks.service(resource, ["service"], resource.service);
  checkTwice(say, resource, ["roles"], resource.roles);
  for (const role of resource.roles) checkAccessRole(checks, resource, role);
}
