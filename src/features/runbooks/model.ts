/** Which runbook, whether it can be trusted, how a number stands. Pure. */
import {
  matchesLabels,
  person,
  personBySlack,
  service as serviceOf,
  signalsOf,
  team,
  teamsOf,
} from "../../catalog/lookup.ts";
import type { Catalog, Person, Signal, Team } from "../../catalog/schema.ts";
import { suggestion } from "../../platform/commands/nearest.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import type { Runbook } from "./read.ts";

/** Golden kinds a runbook may name in place of a signal, so that it fits any service. */
export const goldenKinds: readonly string[] = ["errors", "latency", "traffic", "saturation", "kpi"];

/** Signals of a service that a name stands for: the one of that name, else those of that golden kind. */
export function signalsNamed(catalog: Catalog, service: string, name: string): readonly Signal[] {
  const declared = signalsOf(catalog, service);
  const exact = declared.find((signal) => signal.name === name);
  if (exact) return [exact];
  return goldenKinds.includes(name) ? declared.filter(({ golden }) => golden === name) : [];
}

export interface Wanted {
  name?: string | undefined;
  service?: string | undefined;
  alert?: string | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
}

/** The runbook meant: by its name, else by the alert, else the likeliest of the service. */
export function chooseRunbook(
  runbooks: readonly Runbook[],
  wanted: Wanted,
  catalog: Catalog,
): Decision<Runbook> {
  const { name, service } = wanted;
  const names = runbooks.map((runbook) => runbook.name);
  if (name !== undefined) {
    const found =
      runbooks.find((runbook) => runbook.name === name) ??
      runbooks.find((runbook) => runbook.name.toLowerCase() === name.toLowerCase());
    if (found) return allow(found);
    const services = catalog.services.map((known) => known.name);
    return refuse({
      rule: "known-runbook",
      message: `"${name.slice(0, 60)}" is neither a runbook nor a service.`,
      hint: `${suggestion(name, [...names, ...services])} Runbooks: ${listOf(names)}. Example: runbook shop high-error-rate`.trim(),
    });
  }
  const found = byAlert(runbooks, wanted) ?? runbooksOf(runbooks, service, catalog)[0];
  if (found) return allow(found);
  const about = [service, wanted.alert].filter(Boolean).join(", ");
  return refuse({
    rule: "runbook-for-it",
    message: `No runbook is for ${about || "this"}.`,
    hint: `Runbooks: ${listOf(names)}. Name one, or list it under runbooks of the service in the catalog.`,
  });
}

const namesShownMax = 20;
export const listOf = (names: readonly string[]): string =>
  names.length === 0
    ? "none yet; write one into the folder RUNBOOKS_PATH names"
    : names.slice(0, namesShownMax).join(", ") +
      (names.length > namesShownMax ? ` and ${names.length - namesShownMax} more` : "");

function byAlert(runbooks: readonly Runbook[], { service, alert, labels }: Wanted): Runbook | undefined {
  const fits = runbooks.filter(
    ({ front }) =>
      (front.services.length === 0 || (service !== undefined && front.services.includes(service))) &&
      ((alert !== undefined && front.alerts.includes(alert)) ||
        (labels !== undefined &&
          Object.keys(front.labels).length > 0 &&
          matchesLabels(labels, front.labels))),
  );
  // One that names the alert knows it better than one that fits its labels; one for this service better than one for all.
  const weight = ({ front }: Runbook) =>
    (alert !== undefined && front.alerts.includes(alert) ? 2 : 0) + (front.services.length > 0 ? 1 : 0);
  return [...fits].sort((a, b) => weight(b) - weight(a))[0];
}

/** Runbooks of a service, likeliest first: those its catalog entry lists, then those that name it. */
export function runbooksOf(
  runbooks: readonly Runbook[],
  service: string | undefined,
  catalog: Catalog,
): Runbook[] {
  if (service === undefined) return [];
  const listed = (serviceOf(catalog, service)?.runbooks ?? []).flatMap((name) =>
    runbooks.filter((runbook) => runbook.name === name),
  );
  const naming = runbooks.filter(({ front }) => front.services.includes(service));
  return [...new Set([...listed, ...naming])];
}

/** Who answers for a runbook. A person's teams may verify it with them. */
export interface Owner {
  name: string;
  people: readonly Person[];
  teams: readonly Team[];
}

export function ownerOf(runbook: Runbook, catalog: Catalog): Owner | undefined {
  const { owner } = runbook.front;
  if (owner === undefined) return undefined;
  const one = person(catalog, owner);
  if (one) return { name: one.name, people: [one], teams: teamsOf(catalog, owner) };
  const group = team(catalog, owner);
  if (!group) return undefined;
  return { name: group.name, people: group.leads.flatMap((id) => person(catalog, id) ?? []), teams: [group] };
}

/** A row of what people said of a runbook. */
export interface Said {
  team: string;
  person: string;
  note: string | null;
  at: Date;
}
/** What people said of a runbook. */
export interface Voices {
  verified: Said | undefined;
  helped: readonly Said[];
  outdated: readonly Said[];
}
export const noVoices: Voices = { verified: undefined, helped: [], outdated: [] };

/** Whether what it says can be trusted. What was said before the last verification no longer counts. */
export interface Trust {
  state: "verified" | "stale" | "never" | "outdated";
  /** Last verification; `by` as people are called. */
  last: { at: Date; by: string } | undefined;
  helped: readonly Said[];
  outdated: readonly Said[];
}

export function trustOf(runbook: Runbook, voices: Voices, catalog: Catalog, now: Date): Trust {
  const { verified: seed } = runbook.front;
  const seeded = seed && {
    at: new Date(`${seed.on}T00:00:00Z`),
    by: person(catalog, seed.by)?.name ?? seed.by,
  };
  const told = voices.verified && { at: voices.verified.at, by: callName(catalog, voices.verified) };
  const last = told && seeded ? (told.at >= seeded.at ? told : seeded) : (told ?? seeded);
  const since = (said: Said): boolean => last === undefined || said.at > last.at;
  const outdated = voices.outdated.filter(since);
  const helped = voices.helped.filter(since);
  const isStale =
    last !== undefined && now.getTime() - last.at.getTime() > catalog.policies.runbook.staleAfter;
  const state =
    outdated.length > 0 ? "outdated" : last === undefined ? "never" : isStale ? "stale" : "verified";
  return { state, last, helped, outdated };
}

/** A name, never a mention: a runbook that is opened wakes nobody. */
export const callName = (
  catalog: Catalog,
  { team: slackTeam, person: slackId }: Pick<Said, "team" | "person">,
): string => personBySlack(catalog, slackTeam, slackId)?.name ?? slackId;

/** How a number stands against what the catalog declares. */
export interface Limit {
  value: number;
  /** Past it users are hurt, and not only a look is needed. */
  isHurting: boolean;
  exceededWhen: "above" | "below";
}

export function limitOf(signal: Signal): Limit | undefined {
  if (signal.direction === "neutral") return undefined;
  switch (signal.kind) {
    case "ratio":
      return { value: signal.ceilingRatio, isHurting: signal.golden === "errors", exceededWhen: "above" };
    case "quantile":
      return signal.slowAbove === undefined
        ? undefined
        : { value: signal.slowAbove, isHurting: false, exceededWhen: "above" };
    case "gauge":
      return signal.ceiling === undefined
        ? undefined
        : {
            value: signal.ceiling,
            isHurting: false,
            exceededWhen: signal.direction === "lower-is-worse" ? "below" : "above",
          };
    case "rate":
      return undefined;
  }
}

export const isExceeded = (limit: Limit, value: number): boolean =>
  limit.exceededWhen === "above" ? value > limit.value : value < limit.value;
