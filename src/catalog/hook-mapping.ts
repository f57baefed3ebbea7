/** How to read a sender nobody here knows: which part of its body is what. */
import { z } from "zod";
import { bodyPathField } from "./body-path.ts";

/** One path, or several: the first that says something counts. */
const anyPath = z.union([bodyPathField, z.array(bodyPathField).min(1).max(10)]);
const wordField = z.union([z.string().min(1), z.number(), z.boolean()]).transform((word) => String(word));
const wordsOf = z.union([wordField, z.array(wordField).min(1).max(50)]);
const namedPaths = z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "is not a label name"), anyPath);

export const hookMappingSchema = z.strictObject({
  /** The list of alerts, or the one alert, in the body; the whole body when left out. */
  alerts: bodyPathField.optional(),
  /** The sender's own id of a delivery: a path, or `header X-Request-Id`. */
  deliveryId: z
    .string()
    .regex(/^header [A-Za-z0-9-]{1,100}$/)
    .or(bodyPathField)
    .optional(),
  /** Left out, every body tells of an alert that fires, and none of its end. Words are compared whatever their case. */
  status: z.strictObject({ path: bodyPathField, firing: wordsOf, resolved: wordsOf }).optional(),
  /** What an alert is known by; several parts make one key, all must be there. Neither state nor time belongs here. */
  key: z.union([bodyPathField, z.array(bodyPathField).min(1).max(10)]),
  title: anyPath,
  severity: anyPath.optional(),
  /** What the sender's words mean, where they are not ours: `{ "5": critical }`. */
  severities: z.record(z.string(), z.enum(["critical", "error", "warning", "info"])).optional(),
  service: anyPath.optional(),
  environment: anyPath.optional(),
  /** RFC 3339, or seconds, milliseconds or nanoseconds since 1970. */
  startsAt: anyPath.optional(),
  endsAt: anyPath.optional(),
  /** Address by what is behind it: `{ Graph: urls.graph }`. */
  links: z.record(z.string().min(1).max(60), anyPath).optional(),
  labels: namedPaths.optional(),
  annotations: namedPaths.optional(),
});
export type HookMapping = z.output<typeof hookMappingSchema>;
