/** OpenSLO's time windows and slices in the form of the catalog's files. Pure. */
import { formatDuration } from "../../../platform/commands/time.ts";
import { isFixed } from "./durations.ts";
import type { Objective, TimeWindow } from "./forms.ts";

const units = { d: "day", w: "week", M: "month", Q: "quarter", Y: "year" } as const;

/** Undefined, with a note, for a window that the catalog does not have. */
export function windowEntry(
  window: TimeWindow | undefined,
  note: (path: string, message: string) => void,
): object | undefined {
  if (window === undefined) return undefined;
  const { duration, calendar } = window;
  if (calendar === undefined) {
    const rolling = formatDuration(duration.ms);
    if (!isFixed(duration))
      note("spec.timeWindow.0.duration", `has no fixed length as a rolling window; it became ${rolling}`);
    return { rolling };
  }
  const unit = duration.unit in units ? units[duration.unit as keyof typeof units] : undefined;
  if (unit === undefined || duration.count !== 1) {
    note(
      "spec.timeWindow.0.duration",
      "is not one day, week, month, quarter or year, as calendar windows of the catalog are",
    );
    return undefined;
  }
  const [day = "", time = ""] = calendar.startTime.split(" ");
  if (!time.endsWith(":00")) note("spec.timeWindow.0.calendar.startTime", "lost its seconds");
  const clock = time.slice(0, 5);
  return { calendar: unit, zone: calendar.timeZone, start: clock === "00:00" ? day : `${day}T${clock}` };
}

export function slicesEntry({ timeSliceTarget = 1, timeSliceWindow }: Objective): object {
  return {
    length: formatDuration(timeSliceWindow?.ms ?? 0),
    goodPercent: Number((timeSliceTarget * 100).toPrecision(12)),
  };
}
