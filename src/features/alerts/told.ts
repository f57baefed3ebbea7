/**
 * Alerts that were exported somewhere, as the beginnings and ends they tell of: deliveries as they came, our own export,
 * or the list Alertmanager's `GET /api/v2/alerts` gives. Pure.
 */
import { z } from "zod";
import type { Catalog } from "../../catalog/schema.ts";
import type { ToldChange } from "./history.ts";
import { changeOf } from "./history.ts";
import { fold, type KeptAlert, type Named, type ReadAlert, severityOf, type Unreadable } from "./model.ts";
import { sourceNamed } from "./preview.ts";
import { fingerprintOf } from "./webhooks/fingerprint.ts";
import { typeSaid } from "./webhooks/reader.ts";
import { keptHeaders, readDelivery } from "./webhooks/senders.ts";

/** A beginning or an end with what its sender said of the service. */
export type Told = Omit<ToldChange, "groupId"> & { named?: Named | undefined };

const time = z.iso.datetime({ offset: true, error: "is not a time such as 2026-03-02T10:00:00Z" });
const texts = z.record(z.string(), z.string());

const deliverySchema = z.object({
  source: z.string().min(1),
  receivedAt: time,
  headers: texts.default({}),
  body: z.union([z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())]),
});
const toldSchema = z.object({
  at: time,
  source: z.string().min(1),
  fingerprint: z.string().min(1),
  status: z.enum(["firing", "resolved"]),
  labels: texts,
  severity: z.enum(["critical", "error", "warning", "info"]),
  severityText: z.string().nullable(),
  since: time,
});
/** Source: Alertmanager's OpenAPI, `gettableAlert`. */
const listedSchema = z.object({
  labels: texts,
  fingerprint: z.string().optional(),
  startsAt: time,
  endsAt: time.optional(),
});

/** One line of our own export. */
export const toldLine = (change: ToldChange): z.input<typeof toldSchema> => ({
  at: change.seenAt.toISOString(),
  source: change.source,
  fingerprint: change.fingerprint,
  status: change.status,
  labels: { ...change.labels },
  severity: change.severity,
  severityText: change.severityText,
  since: change.at.toISOString(),
});

/** Reads exported items in their order; what cannot be read is named by its place. `now`: what ends later fires still. */
export function toldOf(
  items: readonly unknown[],
  catalog: Catalog,
  now: Date,
): { told: readonly Told[]; problems: readonly Unreadable[] } {
  const problems: Unreadable[] = [];
  const told: Told[] = [];
  const kept = new Map<string, KeptAlert & { groupId: string }>();

  const hear = (alert: ReadAlert, source: string, receivedAt: Date): void => {
    const key = `${source}\u0000${alert.fingerprint}`;
    const before = kept.get(key);
    const after = { ...fold(before, alert, source, receivedAt), groupId: "" };
    kept.set(key, after);
    const change = changeOf(before, after);
    if (change !== undefined)
      told.push({ ...change, seenAt: receivedAt, labels: after.labels, named: alert.named });
  };
  const readDeliveryItem = (item: unknown): Unreadable[] => {
    const read = deliverySchema.safeParse(item, { error: typeSaid });
    if (!read.success) return firstIssue(read.error);
    const { headers, body } = read.data;
    const source = sourceNamed(catalog, read.data.source);
    if (source === undefined)
      return [{ field: ".source", why: `"${read.data.source}" is neither declared nor a kind of sender` }];
    const receivedAt = new Date(read.data.receivedAt);
    const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    const { alerts, problems: found } = readDelivery({
      body: bytes,
      headers: keptHeaders(source, headers),
      source,
      receivedAt,
    });
    for (const alert of alerts) hear(alert, source.name, receivedAt);
    return found.map(({ field, why }) => ({ field: `.body.${field}`, why }));
  };
  const readToldItem = (item: unknown): Unreadable[] => {
    const read = toldSchema.safeParse(item, { error: typeSaid });
    if (!read.success) return firstIssue(read.error);
    const { at: seenAt, since, ...change } = read.data;
    told.push({ ...change, seenAt: new Date(seenAt), at: new Date(since) });
    return [];
  };
  const readListedItem = (item: unknown): Unreadable[] => {
    const read = listedSchema.safeParse(item, { error: typeSaid });
    if (!read.success) return firstIssue(read.error);
    const { labels, startsAt, endsAt, fingerprint = fingerprintOf(labels) } = read.data;
    const severityText = labels.severity ?? null;
    const severity = severityOf(severityText ?? undefined);
    const base = { source: "alertmanager", fingerprint, labels, severityText, severity };
    const began = new Date(startsAt);
    told.push({ ...base, status: "firing", at: began, seenAt: began });
    const ended = endsAt === undefined ? undefined : new Date(endsAt);
    if (ended !== undefined && ended > began && ended <= now)
      told.push({ ...base, status: "resolved", at: ended, seenAt: ended });
    return [];
  };
  for (const [index, item] of items.entries()) {
    const read =
      isRecord(item) && "body" in item
        ? readDeliveryItem(item)
        : isRecord(item) && "since" in item
          ? readToldItem(item)
          : readListedItem(item);
    problems.push(...read.map(({ field, why }) => ({ field: `[${index}]${field}`, why })));
  }
  return { told, problems };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function firstIssue(error: z.ZodError): Unreadable[] {
  const [issue] = error.issues;
  const path = (issue?.path ?? []).map((part) =>
    typeof part === "number" ? `[${part}]` : `.${String(part)}`,
  );
  return [{ field: path.join(""), why: issue?.message ?? "cannot be read" }];
}
