/** Bodies of senders nobody here knows, read as the catalog's mapping says. Pure. */
import { type BodyPath, parseBodyPath, valueAt } from "../../../catalog/body-path.ts";
import type { HookMapping } from "../../../catalog/hook-mapping.ts";
import { type ReadAlert, type ReadDelivery, severityOf, type Unreadable, untitled } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import { labelOf, labelsFrom } from "./labels.ts";
import { linksOf } from "./links.ts";
import { checked, delivery, type Inbound, jsonOf, type Sender } from "./reader.ts";
import { firstText, textOf } from "./texts.ts";
import { epoch, time } from "./times.ts";

const alertsMax = 20_000;

type Paths = string | readonly string[] | undefined;
const listOf = (paths: Paths): readonly string[] =>
  paths === undefined ? [] : typeof paths === "string" ? [paths] : paths;

function read({ body, headers, source: { mapping } }: Inbound): ReadDelivery {
  const parsed = jsonOf(body);
  if ("problems" in parsed) return delivery({ problems: parsed.problems });
  if (mapping === undefined)
    return delivery({
      problems: [{ field: "body", why: "has no mapping in the catalog that says how to read it" }],
    });
  const { json } = parsed;
  const paths = new Map<string, BodyPath | undefined>();
  const at = (path: string, alert: unknown): unknown => {
    if (!paths.has(path)) paths.set(path, parseBodyPath(path));
    const known = paths.get(path);
    return known === undefined ? undefined : valueAt(known, json, alert);
  };
  const deliveryId = deliveryIdOf(mapping, headers, (path) => at(path, json));
  const found = mapping.alerts === undefined ? json : at(mapping.alerts, json);
  const where = mapping.alerts?.replace(/^\$\.?/, "") ?? "";
  if (typeof found !== "object" || found === null)
    return delivery({
      deliveryId,
      problems: [{ field: where || "body", why: "must be an alert or a list of alerts" }],
    });
  const items: readonly unknown[] = Array.isArray(found) ? found : [found];
  if (items.length > alertsMax)
    return delivery({
      deliveryId,
      problems: [{ field: where || "body", why: `holds more than ${alertsMax} alerts` }],
    });
  const alerts: ReadAlert[] = [];
  const problems: Unreadable[] = [];
  for (const [index, item] of items.entries()) {
    const place = Array.isArray(found) ? `${where}[${index}]` : where;
    const one = readOne(mapping, (path) => at(path, item));
    if ("why" in one) problems.push({ field: fieldOf(place, one.path), why: one.why });
    else alerts.push(one);
  }
  return delivery({ deliveryId, alerts, problems });
}

/** The field as it stands in the body: a path from the alert stands below it. */
const fieldOf = (place: string, path: string): string =>
  path.startsWith("$")
    ? path.replace(/^\$\.?/, "") || "body"
    : place === "" || path.startsWith("[")
      ? `${place}${path}`
      : `${place}.${path}`;

function readOne(
  mapping: HookMapping,
  at: (path: string) => unknown,
): ReadAlert | { path: string; why: string } {
  const first = (paths: Paths): string | undefined => firstText(...listOf(paths).map(at));
  const keys = listOf(mapping.key).map((path) => ({ path, part: givenKey(at(path)) }));
  const blank = keys.find(({ part }) => part === undefined);
  if (blank !== undefined) return { path: blank.path, why: "is missing: no key to know the alert by" };
  const status = statusOf(mapping, at);
  if (typeof status !== "string") return status;
  const startsAt = timeAt(mapping.startsAt, at);
  if ("why" in startsAt) return startsAt;
  const endsAt = timeAt(mapping.endsAt, at);
  if ("why" in endsAt) return endsAt;
  const severityText = first(mapping.severity);
  const meant = Object.entries(mapping.severities ?? {}).find(
    ([word]) => word.toLowerCase() === severityText?.toLowerCase(),
  );
  const [service, environment] = [first(mapping.service), first(mapping.environment)];
  const title = first(mapping.title) ?? untitled;
  const all = (paths: Readonly<Record<string, Paths>> | undefined) =>
    labelsFrom(Object.fromEntries(Object.entries(paths ?? {}).map(([name, path]) => [name, first(path)])));
  const labels = all(mapping.labels);
  return {
    fingerprint: givenKey(joined(keys.map(({ part }) => part ?? ""))) ?? "",
    status,
    title,
    labels: { ...labels, alertname: labelOf(labels, "alertname") ?? title },
    annotations: all(mapping.annotations),
    startsAt: startsAt.time,
    endsAt: status === "resolved" ? endsAt.time : undefined,
    links: linksOf(
      Object.entries(mapping.links ?? {}).flatMap(([label, paths]) =>
        listOf(paths).map((path) => [label, at(path)] as const),
      ),
    ),
    severity: meant?.[1] ?? severityOf(severityText),
    severityText,
    named: { service, environment },
  };
}

function statusOf(
  { status }: HookMapping,
  at: (path: string) => unknown,
): ReadAlert["status"] | { path: string; why: string } {
  if (status === undefined) return "firing";
  const word = textOf(at(status.path))?.toLowerCase();
  const means = (words: Paths) => listOf(words).some((one) => one.toLowerCase() === word);
  if (word !== undefined && means(status.firing)) return "firing";
  if (word !== undefined && means(status.resolved)) return "resolved";
  const known = [...listOf(status.firing), ...listOf(status.resolved)].slice(0, 10).join(", ");
  return { path: status.path, why: word === undefined ? "is missing" : `must be one of ${known}` };
}

function timeAt(
  paths: Paths,
  at: (path: string) => unknown,
): { time: Date | undefined } | { path: string; why: string } {
  for (const path of listOf(paths)) {
    const value = at(path);
    if (value === undefined || value === null || value === "") continue;
    const isCount = typeof value !== "string" || /^\d+(\.\d+)?$/.test(value);
    const read = checked(value, isCount ? epoch : time);
    return "value" in read ? { time: read.value } : { path, why: read.problems[0]?.why ?? "is not a time" };
  }
  return { time: undefined };
}

/** One key of several parts, different for different parts. */
const joined = (parts: readonly string[]): string =>
  parts.length === 1
    ? (parts[0] ?? "")
    : parts.map((part) => part.replaceAll("%", "%25").replaceAll("/", "%2F")).join("/");

function deliveryIdOf(
  { deliveryId }: HookMapping,
  headers: Inbound["headers"],
  at: (path: string) => unknown,
): string | null {
  if (deliveryId === undefined) return null;
  const name = /^header (.+)$/.exec(deliveryId)?.[1]?.toLowerCase();
  return givenKey(name === undefined ? at(deliveryId) : headers[name]) ?? null;
}

export const mapping: Sender = {
  about: "Alerts of any other sender, read as the source's mapping in the catalog says.",
  read,
  headersOf: ({ mapping: declared }) => {
    const name = /^header (.+)$/.exec(declared?.deliveryId ?? "")?.[1];
    return name === undefined ? [] : [name.toLowerCase()];
  },
  signature: {
    header: ({ signatureHeader }) => signatureHeader ?? "",
    scheme: "hmac",
    digestsOf: (value) => [value.replace(/^sha256=/i, "")],
  },
  unreadableStatus: 400,
};
