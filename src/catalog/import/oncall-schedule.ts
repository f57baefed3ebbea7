/** A schedule of Grafana OnCall as the on-call layers of a team. Pure. */
import type { OnCallSchedule, OnCallShift } from "./oncall-export.ts";

export interface ReadSchedule {
  /** In the form of the catalog's files; undefined when no shift could be carried over. */
  readonly onCall: Readonly<Record<string, unknown>> | undefined;
  readonly notes: readonly { at: string; message: string }[];
}

interface Window {
  days?: readonly string[];
  from: string;
  to: string;
}

const hourSec = 3_600;
const daySec = 24 * hourSec;
const layersMax = 10;
const rotationMax = 60;
const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const dayOf: Readonly<Record<string, (typeof weekdays)[number]>> = {
  MO: "mon",
  TU: "tue",
  WE: "wed",
  TH: "thu",
  FR: "fri",
  SA: "sat",
  SU: "sun",
};

export function readSchedule(
  schedule: OnCallSchedule,
  shifts: ReadonlyMap<string, OnCallShift>,
  personOf: (userId: string) => string | undefined,
): ReadSchedule {
  const notes: { at: string; message: string }[] = [];
  const note = (at: string, message: string) => notes.push({ at, message });
  if (schedule.type === "ical") {
    note(
      `schedules.${schedule.name}`,
      "is an iCal calendar; its address may be a secret and was not copied: write its rotation into the team",
    );
    return { onCall: undefined, notes };
  }
  const known = (schedule.shifts ?? []).flatMap((id) => {
    const shift = shifts.get(id);
    if (shift === undefined)
      note(`schedules.${schedule.name}.shifts`, `names ${id}, which on_call_shifts does not list`);
    return shift ? [shift] : [];
  });
  // Of layers that overlap, the higher level has the duty.
  const byLevel = [...known].sort((one, other) => (other.level ?? 0) - (one.level ?? 0));
  const layers = byLevel.flatMap((shift) => {
    const layer = layerOf(shift, schedule, personOf, (field, message) =>
      note(`on_call_shifts.${shift.name}${field}`, message),
    );
    return layer ? [layer] : [];
  });
  if (layers.length > layersMax)
    note(
      `schedules.${schedule.name}`,
      `has ${layers.length} shifts; the first ${layersMax} by level were kept`,
    );
  const [only] = layers;
  if (only === undefined) return { onCall: undefined, notes };
  if (layers.length > 1 || only.during !== undefined)
    return { onCall: { layers: named(layers.slice(0, layersMax)) }, notes };
  const { name: _name, ...rotation } = only;
  return { onCall: rotation, notes };
}

type Layer = Record<string, unknown> & { name: string; during?: readonly Window[] };

/** Names of layers differ; those of shifts need not. */
const named = (layers: readonly Layer[]): Layer[] =>
  layers.map((layer, index) =>
    layers.findIndex(({ name }) => name === layer.name) < index
      ? { ...layer, name: `${layer.name.slice(0, 58)}-${index + 1}` }
      : layer,
  );

function layerOf(
  shift: OnCallShift,
  schedule: OnCallSchedule,
  personOf: (userId: string) => string | undefined,
  note: (field: string, message: string) => void,
): Layer | undefined {
  if (shift.type === "single_event") {
    note("", "is a single event and was left out; for one to come, `/ops oncall override`");
    return undefined;
  }
  for (const field of ["until", "by_month", "by_monthday"] as const)
    if (shift[field] !== null && shift[field] !== undefined) {
      note(`.${field}`, "cannot be said in a layer, so this shift was left out");
      return undefined;
    }
  const turnSec = turnOf(shift);
  if (turnSec === undefined) {
    note(
      ".frequency",
      `is ${shift.frequency ?? "missing"}, which cannot be said in a layer, so this shift was left out`,
    );
    return undefined;
  }
  const start = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})/.exec(shift.start);
  if (start === null) {
    note(".start", "is no time, so this shift was left out");
    return undefined;
  }
  const rotation = rotationOf(shift, personOf, note);
  if (rotation.length === 0) {
    note(".users", "names nobody that users lists, so this shift was left out");
    return undefined;
  }
  const [, day = "", clock = ""] = start;
  const during = duringOf(shift, day, clock, turnSec);
  if (during === "unsayable") {
    note(".duration", "covers a part of its turn that cannot be said in a layer, so this shift was left out");
    return undefined;
  }
  if (turnSec === daySec && during?.[0]?.days !== undefined && rotation.length > 1)
    note(".by_day", "skips days; a daily rotation of the catalog turns on those too");
  return {
    name: layerName(shift.name),
    rotation,
    rotate: rotateText(turnSec),
    start: `${day}T${clock}`,
    zone: shift.time_zone ?? schedule.time_zone ?? "UTC",
    ...(during ? { during } : {}),
  };
}

const layerName = (text: string): string =>
  text
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replaceAll(/^[._-]+|[._-]+$/g, "")
    .slice(0, 60)
    .replaceAll(/[._-]+$/g, "") || "shift";

/** Seconds of one turn. With days of the week a daily rotation still turns every day. */
function turnOf({ frequency, interval }: OnCallShift): number | undefined {
  const each = { hourly: hourSec, daily: daySec, weekly: 7 * daySec }[frequency ?? ""];
  const turnSec = each === undefined ? undefined : each * (interval ?? 1);
  return turnSec !== undefined && turnSec > 0 && turnSec < 1_000 * hourSec ? turnSec : undefined;
}

const rotateText = (turnSec: number): string =>
  turnSec === daySec ? "daily" : turnSec === 7 * daySec ? "weekly" : `${turnSec / hourSec}h`;

function rotationOf(
  shift: OnCallShift,
  personOf: (userId: string) => string | undefined,
  note: (field: string, message: string) => void,
): string[] {
  const isRolling = shift.type === "rolling_users";
  const turns = isRolling ? (shift.rolling_users ?? []) : [shift.users ?? []];
  if (turns.some((turn) => turn.length > 1))
    note(
      isRolling ? ".rolling_users" : ".users",
      "has several people on duty at once; the first of each turn was kept",
    );
  const first = turns.length > 0 ? (shift.start_rotation_from_user_index ?? 0) % turns.length : 0;
  const people = [...turns.slice(first), ...turns.slice(0, first)].flatMap(([userId]) => {
    const person = personOf(userId ?? "");
    return person === undefined ? [] : [person];
  });
  if (people.length > rotationMax)
    note(".rolling_users", `has ${people.length} turns; the first ${rotationMax} were kept`);
  return people.slice(0, rotationMax);
}

/** When in the week it counts; undefined for always. */
function duringOf(
  shift: OnCallShift,
  day: string,
  clock: string,
  turnSec: number,
): readonly Window[] | "unsayable" | undefined {
  const days = (shift.by_day ?? []).flatMap((name) => dayOf[name.slice(-2).toUpperCase()] ?? []);
  if (days.length === 0 && shift.duration >= turnSec) return undefined;
  if (days.length === weekdays.length && shift.duration >= daySec) return undefined;
  if (shift.duration > daySec) return "unsayable";
  const window = { from: clock, to: endOf(clock, shift.duration) };
  if (days.length > 0) return [{ days, ...window }];
  if (shift.frequency === "weekly") {
    const weekday = weekdays[(new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7];
    return turnSec === 7 * daySec && weekday ? [{ days: [weekday], ...window }] : "unsayable";
  }
  return turnSec === daySec ? [window] : "unsayable";
}

function endOf(clock: string, durationSec: number): string {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  const end = (hours * 60 + minutes + Math.round(durationSec / 60)) % (24 * 60);
  return `${String(Math.floor(end / 60)).padStart(2, "0")}:${String(end % 60).padStart(2, "0")}`;
}
