/** Alerts that must keep coming: what stops is what is told of. */
import { z } from "zod";
import { durationField, labelsField, nameField } from "./fields.ts";

/** Shortest interval: senders gather for half a minute before they send. */
const everyMinMs = 60_000;

export const watchdogSchema = z.strictObject({
  name: nameField,
  /** Hook source it comes by. */
  source: nameField,
  /** Labels it carries, all of them; `{ alertname: Watchdog }`, say. */
  labels: labelsField.refine((labels) => Object.keys(labels).length > 0, {
    error: "is empty: every alert would count; name a label, such as alertname: Watchdog",
  }),
  /** How often it comes: the sender's repeat interval. Half of it late, a minute at least, is missing. */
  every: durationField.refine((ms) => ms >= everyMinMs, { error: "must be at least 1m" }),
  /** Team that is paged when it stops. */
  team: nameField,
});
export type Watchdog = z.output<typeof watchdogSchema>;
