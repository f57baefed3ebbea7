/** The field types that catalog entries are made of; each message says what is wrong and what to do. */
import { DateTime } from "luxon";
import { z } from "zod";
import { type Milliseconds, parseDuration } from "../platform/commands/time.ts";

/** Longest name, in characters; names end up in database columns, labels and button values. */
const nameLengthMax = 63;

/** Names of services, teams, versions, instances: ASCII, so that no name looks like another. */
export const nameField = z
  .string()
  .max(nameLengthMax, `is longer than ${nameLengthMax} characters; shorten it`)
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i,
    "must be ASCII letters, digits, '.', '_' or '-', starting and ending with a letter or digit",
  );

export const wordsField = z.string().trim().min(1, "is empty; write a few words").max(500);

const durationText = (zero: boolean) =>
  z.string({ error: "must be a time such as 5s, 1h30m or 28d" }).transform((text, context): Milliseconds => {
    const durationMs = zero && text === "0s" ? 0 : parseDuration(text);
    if (durationMs !== undefined) return durationMs;
    const none = zero ? ", or 0s for none" : "";
    context.addIssue({
      code: "custom",
      message: `"${text}" is not a time; write 5s, 15m, 1h30m or 28d${none}`,
    });
    return z.NEVER;
  });

/** A span written as `5s`, `1h30m`, `28d`; milliseconds once read. */
export const durationField = durationText(false);

/** A duration with a default, given in its written form. */
export const durationOr = (text: string) => durationField.prefault(text);

/** As {@link durationOr}, or `0s` for none. */
export const spanOr = (text: string) => durationText(true).prefault(text);

export const zoneField = z.string().refine((zone) => DateTime.fromObject({}, { zone }).isValid, {
  error: "is not an IANA time zone; write one such as Europe/Berlin",
});

export const emailField = z.email("is not an e-mail address");

export const urlField = z.url({
  protocol: /^https?$/,
  error: "is not an http(s) address; write one such as http://127.0.0.1:3221",
});

/** Name of an environment variable; the catalog names secrets, it never holds them. */
export const envNameField = z
  .string()
  .regex(
    /^[A-Z][A-Z0-9_]*$/,
    "must be the name of an environment variable, such as ROUTER_TOKEN; never the secret itself",
  );

export const percentField = z
  .number()
  .min(0, "must be 0 or more percent")
  .max(100, "must be at most 100 percent");

/** Slack ids by Slack team id: `{ T0LOCAL: U0DEV }`. */
export const slackTeamIdField = z
  .string()
  .regex(/^[TE][A-Z0-9]{2,}$/, "must be a Slack team id, such as T0LOCAL");
const slackIds = (pattern: RegExp, example: string) =>
  z.record(slackTeamIdField, z.string().regex(pattern, `must be a Slack id such as ${example}`));
export const slackUserIds = slackIds(/^[UW][A-Z0-9]{2,}$/, "U0DEV");
export const slackChannelIds = slackIds(/^[CG][A-Z0-9]{2,}$/, "C0OPS");
export const slackUsergroupIds = slackIds(/^S[A-Z0-9]{2,}$/, "S0LEADS");

export const regexField = z.string().refine(isRegex, { error: "is not a regular expression" });

function isRegex(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}

/**
 * How a label must look: a plain string is equality; `matches` and `notMatches` are anchored regular
 * expressions, as in Prometheus.
 */
export const labelMatcherField = z.union([
  z.string(),
  z.strictObject({ not: z.string() }),
  z.strictObject({ matches: regexField }),
  z.strictObject({ notMatches: regexField }),
]);
export type LabelMatcher = z.output<typeof labelMatcherField>;

const labelNameField = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "is not a label name");
export const labelMatchersField = z.record(labelNameField, labelMatcherField);
export const labelsField = z.record(labelNameField, z.string());

const metricNameField = z
  .string()
  .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, "is not a metric name; letters, digits, '_' and ':' only");

/** Series of one metric: `{ metric: http_requests_total, labels: { code: { matches: "5.." } } }`. */
export const selectorField = z.strictObject({
  metric: metricNameField,
  labels: labelMatchersField.default({}),
});
export type Selector = z.output<typeof selectorField>;

/** A classic histogram, named without `_bucket`, `_sum`, `_count`. */
export const histogramField = z.strictObject({
  metric: metricNameField.regex(
    /(?<!_bucket|_sum|_count)$/,
    "is a histogram's base name; leave out _bucket, _sum, _count",
  ),
  labels: labelMatchersField.default({}),
});
export type Histogram = z.output<typeof histogramField>;

/** Whether an entry counts its events by the good or by the bad ones, by one of them. */
export const goodXorBad = (entry: { good?: unknown; bad?: unknown }): boolean =>
  (entry.good === undefined) !== (entry.bad === undefined);

export type { Milliseconds };
