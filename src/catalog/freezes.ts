/** The calendar of freezes: times known beforehand in which no rollout starts. */
import { z } from "zod";
import { nameField, wordsField, zoneField } from "./fields.ts";
import { weekdays } from "./schedules.ts";
import { readingOf } from "./wall-clock.ts";

const clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]";

/** A local moment such as `2026-11-27T00:00`. */
const momentField = z
  .string()
  .regex(
    new RegExp(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T${clock}$`),
    "must be a local time such as 2026-11-27T00:00, read by the clock of zone",
  )
  .refine((text) => readingOf(text) !== undefined, { error: "is no day of the calendar" });

/** A day of the week and a time; `24:00` ends the day. */
const weekTimeField = z
  .string()
  .regex(
    new RegExp(`^(?:${weekdays.join("|")}) (?:${clock}|24:00)$`),
    "must be a day of the week and a time, such as fri 16:00",
  );

/** A day of every year and a time; `24:00` ends the day. */
const yearTimeField = z
  .string()
  .regex(
    new RegExp(`^[0-9]{2}-[0-9]{2} (?:${clock}|24:00)$`),
    "must be month-day and a time, such as 12-20 00:00; 24:00 ends a day",
  )
  // 2025 has no 29 February: a day that some years lack has no place in every year.
  .refine((text) => readingOf(`2025-${text.slice(0, 5)}T00:00`) !== undefined, {
    error: "is no day of every year; write 02-28 24:00 or 03-01 00:00 for the end of February",
  });

const scopeField = z.union([
  z.literal("all"),
  z
    .strictObject({ teams: z.array(nameField).default([]), services: z.array(nameField).default([]) })
    .refine(({ teams, services }) => teams.length + services.length > 0, {
      error: "names nobody; list teams or services, or write scope: all",
    }),
]);

export const freezeSchema = z
  .strictObject({
    name: nameField,
    /** What people read while it stands. */
    reason: wordsField,
    /** `all`, or `{ teams, services }`. */
    scope: scopeField,
    /** Where it stands; everywhere when left out. */
    environments: z.array(nameField).min(1).optional(),
    /** Whose clock the times are read by. */
    zone: zoneField,
    /** Once. */
    from: momentField.optional(),
    until: momentField.optional(),
    /** Every week: `{ from: fri 16:00, until: mon 08:00 }`. */
    weekly: z.strictObject({ from: weekTimeField, until: weekTimeField }).optional(),
    /** Every year: `{ from: 12-20 00:00, until: 01-02 24:00 }`. */
    yearly: z.strictObject({ from: yearTimeField, until: yearTimeField }).optional(),
  })
  .superRefine(({ from, until, weekly, yearly }, context) => {
    const say = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    const isOnce = from !== undefined || until !== undefined;
    const kinds = [isOnce, weekly !== undefined, yearly !== undefined].filter(Boolean).length;
    if (kinds !== 1)
      return say([], "needs one time: from and until, or weekly, or yearly; keep or add exactly one");
    if (isOnce && from === undefined) return say(["from"], "is missing; add it");
    if (isOnce && until === undefined) return say(["until"], "is missing; add it");
    if (from !== undefined && until !== undefined && from >= until)
      say(["until"], "is not after from; exchange them");
    if (weekly && weekMoment(weekly.from) === weekMoment(weekly.until))
      say(["weekly", "until"], "is when it begins; a freeze that never ends is no freeze");
    if (yearly && yearly.from === yearly.until)
      say(["yearly", "until"], "is when it begins; a freeze that never ends is no freeze");
  });

/** The same for `sun 24:00` and `mon 00:00`. */
function weekMoment(text: string): string {
  const [day = "", time = ""] = text.split(" ");
  if (time !== "24:00") return text;
  const names: readonly string[] = weekdays;
  return `${names[(names.indexOf(day) + 1) % names.length]} 00:00`;
}
export type CalendarFreeze = z.output<typeof freezeSchema>;
