/** What a freeze is, and the one decision everybody reads: does one stand here now. Pure. */
import { spanAt } from "../../catalog/freeze-times.ts";
import type { CalendarFreeze } from "../../catalog/schema.ts";
import type { Id } from "../../platform/ids.ts";

export type FreezeId = Id<"freeze">;

/** A Slack team and user. */
export interface Who {
  readonly team: string;
  readonly person: string;
}

/** What it covers: everything, or these teams' services and these services. */
export type Scope = "all" | { readonly teams: readonly string[]; readonly services: readonly string[] };

export interface Freeze {
  /** For life, and before it has a number: an id, or name and begin of the calendar's span. */
  readonly key: string;
  /** `F-3`; of a span of the calendar that was not numbered yet its name. */
  readonly id: string;
  readonly scope: Scope;
  /** Null: everywhere. */
  readonly environments: readonly string[] | null;
  /** [from, until) */
  readonly from: Date;
  readonly until: Date;
  readonly reason: string;
  readonly by:
    | { readonly is: "person"; readonly who: Who }
    | { readonly is: "calendar"; readonly name: string };
}

/** A lead lets one service through, for a time, past the freezes that stood when it was decided. */
export interface Override {
  readonly id: string;
  readonly service: string;
  readonly environment: string;
  readonly until: Date;
  readonly reason: string;
  readonly by: Who;
  readonly at: Date;
  /** Keys of those freezes. One that is started later stands. */
  readonly covers: readonly string[];
}

export interface Place {
  readonly service: string;
  readonly environment: string;
}

export type Stand =
  | { readonly frozen: false }
  | { readonly frozen: true; readonly freezes: readonly Freeze[]; readonly overriddenBy?: Override };

/**
 * Whether a freeze stands at a place and moment. All that do are named, the one that lasts longest first; an override
 * counts only if it covers each of them. A moment is the first of a freeze at `from` and the first after it at `until`.
 */
export function standing(
  freezes: readonly Freeze[],
  overrides: readonly Override[],
  place: Place & { readonly team: string },
  at: Date,
): Stand {
  const standingNow = freezes
    .filter((freeze) => freeze.from <= at && at < freeze.until && touches(freeze, place))
    .sort((one, other) => other.until.getTime() - one.until.getTime() || (one.key < other.key ? -1 : 1));
  if (standingNow.length === 0) return { frozen: false };
  const overriddenBy = overrides
    .filter(
      ({ service, environment, at: made, until, covers }) =>
        service === place.service &&
        environment === place.environment &&
        made <= at &&
        at < until &&
        standingNow.every(({ key }) => covers.includes(key)),
    )
    .sort((one, other) => other.until.getTime() - one.until.getTime())[0];
  return { frozen: true, freezes: standingNow, ...(overriddenBy ? { overriddenBy } : {}) };
}

export function touches(
  { scope, environments }: Pick<Freeze, "scope" | "environments">,
  { service, team, environment }: Place & { readonly team: string },
): boolean {
  if (environments !== null && !environments.includes(environment)) return false;
  return scope === "all" || scope.teams.includes(team) || scope.services.includes(service);
}

/** The calendar's freezes that stand now, each with its number if it has one. */
export function standingByCalendar(
  calendar: readonly CalendarFreeze[],
  ids: ReadonlyMap<string, FreezeId>,
  at: Date,
): Freeze[] {
  return calendar.flatMap((declared) => {
    const span = spanAt(declared, at);
    if (span === undefined) return [];
    const key = keyOf(declared.name, span.from);
    return [
      {
        key,
        id: ids.get(key) ?? declared.name,
        scope: declared.scope,
        environments: declared.environments ?? null,
        ...span,
        reason: declared.reason,
        by: { is: "calendar" as const, name: declared.name },
      },
    ];
  });
}

const keyOf = (name: string, from: Date): string => `${name}@${from.toISOString()}`;

/** Whether two freezes cover the same. */
export function isSameScope(
  one: Pick<Freeze, "scope" | "environments">,
  other: Pick<Freeze, "scope" | "environments">,
): boolean {
  return scopeKey(one) === scopeKey(other);
}

const scopeKey = ({ scope, environments }: Pick<Freeze, "scope" | "environments">): string =>
  JSON.stringify([
    scope === "all" ? "all" : [[...scope.teams].sort(), [...scope.services].sort()],
    environments === null ? null : [...environments].sort(),
  ]);
