/** On-call schedules and escalation, as a team writes them. */
import { z } from "zod";
import { durationField, nameField, zoneField } from "./fields.ts";

/** A local start such as `2026-01-05T09:00`, in the layer's zone. */
const localTimeField = z
  .string()
  .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$/, "must be a local time such as 2026-01-05T09:00");

/** Time of day, `09:00`; `24:00` ends a day. */
const dayTimeField = z
  .string()
  .regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$/, "must be a time of day such as 09:00");

/** Person ids in turn; one name is on call all the time. */
const rotationField = z.array(nameField).min(1, "names nobody; list at least one person id").max(60);

/** How long one turn is: `daily`, `weekly` or hours, `12h`. Hand-overs keep their clock time. */
const rotateField = z
  .string()
  .regex(/^(?:daily|weekly|[1-9][0-9]{0,2}h)$/, "must be daily, weekly or a number of hours such as 12h");

export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** Part of a week. `to` at or before `from` is on the next day. */
export const weekWindowSchema = z.strictObject({
  days: z
    .array(z.enum(weekdays))
    .min(1)
    .default([...weekdays]),
  from: dayTimeField,
  to: dayTimeField,
});
export type WeekWindow = z.output<typeof weekWindowSchema>;

const layerSchema = z.strictObject({
  name: nameField,
  rotation: rotationField,
  rotate: rotateField.default("weekly"),
  /** First hand-over: the first person's turn starts here. */
  start: localTimeField,
  zone: zoneField,
  /** When the layer counts, by the clock of its zone; always when left out. */
  during: z.array(weekWindowSchema).min(1).max(14).optional(),
});
export type ScheduleLayer = z.output<typeof layerSchema>;

/** Either one rotation, or layers: at each moment the first layer that counts then has the duty. */
export const onCallSchema = z
  .strictObject({
    rotation: rotationField.optional(),
    rotate: rotateField.optional(),
    start: localTimeField.optional(),
    zone: zoneField.optional(),
    layers: z.array(layerSchema).min(1).max(10).optional(),
  })
  .superRefine((onCall, context) => {
    const own = ["rotation", "rotate", "start", "zone"] as const;
    for (const field of own) {
      const isThere = onCall[field] !== undefined;
      if (onCall.layers !== undefined && isThere)
        context.addIssue({
          code: "custom",
          path: [field],
          message: "stands beside layers; move it into one",
        });
      if (onCall.layers === undefined && !isThere && field !== "rotate")
        context.addIssue({ code: "custom", path: [field], message: "is missing; add it, or layers" });
    }
  });
export type OnCall = z.output<typeof onCallSchema>;

/** One step up. Who is on call is woken at once; the first `after` counts from there, each other from the step before. */
const rungSchema = z
  .strictObject({
    after: durationField,
    /** `next`: the next one nobody has woken yet; `leads`: all of them; `on-call`: who has the duty by then. */
    wake: z.enum(["on-call", "next", "leads"]).optional(),
    /** A paging provider. */
    pager: nameField.optional(),
  })
  .refine(({ wake, pager }) => (wake === undefined) !== (pager === undefined), {
    error: "needs either wake or pager",
  });
export const escalationSchema = z.array(rungSchema).min(1).max(20);
export type Rung = z.output<typeof rungSchema>;
