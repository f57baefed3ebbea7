/**
 * Alertmanager's webhook body, versions 4 and 3. Pure. Source of the format: Alertmanager docs, "webhook_config";
 * per-alert status and fingerprint came with later releases of version 4.
 */
import { z } from "zod";
import { type ReadAlert, type ReadDelivery, severityOf, type Unreadable } from "../model.ts";
import { parseExactJson } from "./exact-json.ts";

/** Most alerts read of one body, and characters kept of one text. */
const alertsMax = 20_000;
const textCharsMax = 8_000;
const labelsMax = 200;

/** A text Postgres can keep: no NUL, no half of a pair. */
const clean = (text: string): string =>
  text.slice(0, textCharsMax).toWellFormed().replaceAll("\u0000", "\ufffd");

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform((value) => clean(String(value)));

const texts = z
  .record(z.string(), scalar.nullable(), { error: "must be an object of texts" })
  .transform((record) => Object.entries(record).filter((pair): pair is [string, string] => pair[1] !== null))
  .transform((pairs) =>
    Object.fromEntries(pairs.slice(0, labelsMax).map(([name, text]) => [clean(name), text])),
  );

const rfc3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/** Absent, empty and the year 1 (Go's zero time) all say "not known". */
const time = z
  .string({ error: "must be a time such as 2026-03-02T10:00:00Z" })
  .nullish()
  .transform((text, context): Date | undefined => {
    if (text === undefined || text === null || text === "") return undefined;
    const parts = rfc3339.exec(text);
    const at = parts ? new Date(`${parts[1]}${(parts[2] ?? ".0").slice(0, 4)}${parts[3]}`) : undefined;
    if (at === undefined || Number.isNaN(at.getTime())) {
      context.addIssue({ code: "custom", message: `"${clean(text).slice(0, 60)}" is not a time` });
      return z.NEVER;
    }
    return at.getUTCFullYear() < 1970 ? undefined : at;
  });

const status = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.enum(["firing", "resolved"], { error: "must be firing or resolved" }));

const alertSchema = z.object({
  status: status.nullish(),
  labels: texts,
  annotations: texts.nullish(),
  startsAt: time,
  endsAt: time,
  generatorURL: z.unknown().optional(),
  fingerprint: z.union([z.string(), z.number()]).nullish(),
});

const bodySchema = z.object({
  version: z
    .union([z.string(), z.number()], { error: "is missing; Alertmanager sends 4" })
    .transform(String)
    .pipe(z.enum(["3", "4"], { error: "is not one this reads: 4 or 3, as Alertmanager sends" })),
  groupKey: z.union([z.string(), z.number()]).nullish(),
  status: status.nullish(),
  truncatedAlerts: z.number().int().min(0).nullish(),
  commonAnnotations: texts.nullish(),
  alerts: z
    .array(z.unknown(), { error: "must be a list" })
    .max(alertsMax, `holds more than ${alertsMax} alerts`),
});

/** Reads a body. Never throws for what it holds: each readable alert is answered, the others are named. */
export function readAlertmanager(body: Buffer): ReadDelivery {
  let json: unknown;
  try {
    json = parseExactJson(body.toString("utf8"));
  } catch (error) {
    return refused([
      { field: "", why: `the body is not JSON: ${clean((error as Error).message).slice(0, 200)}` },
    ]);
  }
  const read = bodySchema.safeParse(json, {
    error: (issue) =>
      issue.code === "invalid_type" ? "has another type than Alertmanager sends" : undefined,
  });
  if (!read.success) return refused(problemsOf(read.error, ""));
  const { alerts: items, groupKey, truncatedAlerts, commonAnnotations, status: groupStatus } = read.data;
  const alerts: ReadAlert[] = [];
  const problems: Unreadable[] = [];
  items.forEach((item, index) => {
    const alert = readAlert(item, groupStatus ?? undefined, commonAnnotations ?? {});
    if (Array.isArray(alert))
      problems.push(
        ...alert.map(({ field, why }) => ({ field: `alerts[${index}]${field && `.${field}`}`, why })),
      );
    else alerts.push(alert as ReadAlert);
  });
  const isIncomplete = groupStatus === "firing" && (truncatedAlerts ?? 0) > 0;
  return {
    alerts,
    problems,
    groupKey: clean(String(groupKey ?? "")),
    hiddenCount: isIncomplete ? (truncatedAlerts ?? 0) : 0,
  };
}

function readAlert(
  item: unknown,
  groupStatus: ReadAlert["status"] | undefined,
  commonAnnotations: Readonly<Record<string, string>>,
): ReadAlert | Unreadable[] {
  const read = alertSchema.safeParse(item);
  if (!read.success) return problemsOf(read.error, "");
  const { labels, startsAt, endsAt, generatorURL, fingerprint } = read.data;
  const own = read.data.status ?? groupStatus;
  if (own === undefined) return [{ field: "status", why: "is given neither here nor for the group" }];
  const severityText = Object.hasOwn(labels, "severity") ? labels.severity?.trim() || undefined : undefined;
  const given =
    fingerprint === undefined || fingerprint === null ? "" : clean(String(fingerprint)).trim().slice(0, 200);
  return {
    fingerprint: given || fingerprintOf(labels),
    status: own,
    labels,
    annotations: { ...commonAnnotations, ...read.data.annotations },
    startsAt,
    // A firing alert's end is when the sender will give it up, not when it ended.
    endsAt: own === "resolved" ? endsAt : undefined,
    link: linkOf(generatorURL),
    severity: severityOf(severityText),
    severityText,
  };
}

function linkOf(value: unknown): string | undefined {
  if (typeof value !== "string" || value.length > 2_000) return undefined;
  return /^https?:\/\/[^\s<>]+$/i.test(value) && URL.canParse(value) ? clean(value) : undefined;
}

function problemsOf(error: z.ZodError, prefix: string): Unreadable[] {
  return error.issues.slice(0, 5).map(({ path, message }) => ({
    field: clean(
      `${prefix}${path.map((part, index) => (typeof part === "number" ? `[${part}]` : `${index > 0 ? "." : ""}${String(part)}`)).join("")}`,
    ).slice(0, 200),
    why: message,
  }));
}

const refused = (problems: readonly Unreadable[]): ReadDelivery => ({
  alerts: [],
  problems,
  groupKey: "",
  hiddenCount: 0,
});

const fnvOffset = 14695981039346656037n;
const fnvPrime = 1099511628211n;
const separator = 255n;

/**
 * Fingerprint of labels for senders that give none: 64-bit FNV-1a over names and values, sorted, as Alertmanager
 * itself computes it, so that an alert keeps its identity when the sender is upgraded.
 * Source: prometheus/common model, `labelSetToFingerprint`.
 */
export function fingerprintOf(labels: Readonly<Record<string, string>>): string {
  let sum = fnvOffset;
  const add = (byte: bigint) => {
    sum = BigInt.asUintN(64, (sum ^ byte) * fnvPrime);
  };
  const names = Object.keys(labels).sort((one, other) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other)),
  );
  for (const name of names) {
    for (const text of [name, labels[name] ?? ""]) {
      for (const byte of Buffer.from(text)) add(BigInt(byte));
      add(separator);
    }
  }
  return sum.toString(16).padStart(16, "0");
}
