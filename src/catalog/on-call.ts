/** Who is on call, by the catalog's schedules. Pure. */
import { person } from "./lookup.ts";
import type { Catalog, OnCall, Person, ScheduleLayer, Team } from "./schema.ts";
import { readingOf, type WallClock, wallClock } from "./wall-clock.ts";
import { windowsAround } from "./week-windows.ts";

export interface Shift {
  person: Person;
  since: Date;
  until: Date;
  /** Name of the layer; null for a schedule that is one rotation. */
  layer: string | null;
}

/** A part of a schedule: somebody's, or nobody's. */
export interface Span {
  from: Date;
  until: Date;
  person: Person | undefined;
}

type Layer = Omit<ScheduleLayer, "name"> & { name: string | null };

const hourMs = 3_600_000;
/** Changes of other layers that may fall into one shift before it is cut off. */
const changesMax = 400;

export function layersOf(onCall: OnCall | undefined): readonly Layer[] {
  if (onCall === undefined) return [];
  if (onCall.layers !== undefined) return onCall.layers;
  const { rotation = [], rotate = "weekly", start = "", zone = "UTC" } = onCall;
  return [{ name: null, rotation, rotate, start, zone }];
}

/** Person ids of everybody a schedule names, each once. */
export function scheduledOf({ onCall }: Pick<Team, "onCall">): readonly string[] {
  return [...new Set(layersOf(onCall).flatMap(({ rotation }) => rotation))];
}

/**
 * Who of the team is on call at `now`, since when and until when; undefined when the team has no schedule, or its
 * schedule a gap. Hand-overs and hours keep their clock time in the layer's zone, so a week with a clock change is an
 * hour longer or shorter. A rotation also runs backwards from its start.
 */
export function onCall(catalog: Catalog, team: Pick<Team, "onCall">, now: Date): Shift | undefined {
  const schedule = scheduleOf(team);
  const holder = schedule.holderAt(now);
  const found = holder && person(catalog, holder.personId);
  if (holder === undefined || found === undefined) return undefined;
  const isSame = (at: Date) => schedule.holderAt(at)?.key === holder.key;
  let since = schedule.changeBefore(now);
  for (let n = 0; n < changesMax && isSame(new Date(since.getTime() - 1)); n += 1)
    since = schedule.changeBefore(new Date(since.getTime() - 1));
  return { person: found, since, until: endOf(schedule, now, isSame), layer: holder.layer };
}

/** The schedule from `from` to `until` without overrides: every moment is in one span, and gaps are spans of nobody. */
export function spansOf(
  catalog: Catalog,
  team: Pick<Team, "onCall">,
  from: Date,
  until: Date,
): readonly Span[] {
  const schedule = scheduleOf(team);
  const spans: Span[] = [];
  let at = from;
  while (at < until) {
    const holder = schedule.holderAt(at);
    const change = schedule.changeAfter(at);
    const end = change !== undefined && change < until ? change : until;
    const found = holder && person(catalog, holder.personId);
    const last = spans.at(-1);
    if (last && last.person?.id === found?.id) last.until = end;
    else spans.push({ from: at, until: end, person: found });
    at = end;
  }
  return spans;
}

/** Person ids of the layer that has the duty, from who has it on; empty in a gap. */
export function turnsFrom(team: Pick<Team, "onCall">, now: Date): readonly string[] {
  const holder = scheduleOf(team).holderAt(now);
  if (holder === undefined) return [];
  return [...holder.rotation.slice(holder.place), ...holder.rotation.slice(0, holder.place)];
}

function endOf(schedule: Schedule, now: Date, isSame: (at: Date) => boolean): Date {
  let until = schedule.changeAfter(now) ?? now;
  for (let n = 0; n < changesMax && isSame(until); n += 1) until = schedule.changeAfter(until) ?? until;
  return until;
}

interface Holder {
  /** The same for one turn of one layer. */
  key: string;
  layer: string | null;
  personId: string;
  rotation: readonly string[];
  /** Index in `rotation`. */
  place: number;
}

interface Schedule {
  holderAt(at: Date): Holder | undefined;
  /** The next moment at which any layer hands over, begins or ends; undefined without layers. */
  changeAfter(at: Date): Date | undefined;
  /** The last such moment that is not after `at`. */
  changeBefore(at: Date): Date;
}

function scheduleOf(team: Pick<Team, "onCall">): Schedule {
  const layers = layersOf(team.onCall).map((layer) => ({ layer, clock: wallClock(layer.zone) }));
  return {
    holderAt(at) {
      for (const [index, { layer, clock }] of layers.entries()) {
        if (!covers(layer, clock, at)) continue;
        const { turn } = turnAt(layer, clock, at);
        const count = layer.rotation.length;
        const place = ((turn % count) + count) % count;
        const { name, rotation } = layer;
        return { key: `${index}:${turn}`, layer: name, personId: rotation[place] ?? "", rotation, place };
      }
      return undefined;
    },
    changeAfter(at) {
      const changes = layers.flatMap(({ layer, clock }) => [
        turnAt(layer, clock, at).until.getTime(),
        ...edgesOf(layer, clock, at, weekAhead).filter((edgeMs) => edgeMs > at.getTime()),
      ]);
      return changes.length === 0 ? undefined : new Date(Math.min(...changes));
    },
    changeBefore(at) {
      const changes = layers.flatMap(({ layer, clock }) => [
        turnAt(layer, clock, at).since.getTime(),
        ...edgesOf(layer, clock, at, weekBehind).filter((edgeMs) => edgeMs <= at.getTime()),
      ]);
      return new Date(Math.max(...changes));
    },
  };
}

/** Number of the turn that holds `at`, 0 being the first. Turns are counted on the wall clock, then put into time. */
function turnAt(layer: Layer, clock: WallClock, at: Date): { turn: number; since: Date; until: Date } {
  const firstMs = readingOf(layer.start) ?? 0;
  const turnMs = turnHours(layer.rotate) * hourMs;
  const beginning = (turn: number) => clock.momentOf(firstMs + turn * turnMs);
  let turn = Math.floor((clock.readingAt(at) - firstMs) / turnMs);
  // On the night of a clock change the reading may belong to the turn before or after.
  while (beginning(turn) > at) turn -= 1;
  while (beginning(turn + 1) <= at) turn += 1;
  return { turn, since: beginning(turn), until: beginning(turn + 1) };
}

function turnHours(rotate: string): number {
  if (rotate === "daily") return 24;
  if (rotate === "weekly") return 7 * 24;
  return Number.parseInt(rotate, 10);
}

function covers({ during }: Layer, clock: WallClock, at: Date): boolean {
  return (
    during === undefined ||
    windowsAround(during, clock, at, [-1, 0]).some(({ from, to }) => from <= at && at < to)
  );
}

/** Moments at which the layer begins or ends to count, of the windows that begin `days` away; in milliseconds. */
function edgesOf({ during }: Layer, clock: WallClock, at: Date, days: readonly number[]): readonly number[] {
  if (during === undefined) return [];
  return windowsAround(during, clock, at, days).flatMap(({ from, to }) => [from.getTime(), to.getTime()]);
}

const weekAhead = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8];
const weekBehind = [-8, -7, -6, -5, -4, -3, -2, -1, 0];
