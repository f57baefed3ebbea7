/**
 * CloudEvents 1.0 over HTTP: structured, batched and binary. Deploys of CDEvents and of our own types become changes,
 * the rest is shown. Pure. Sources: CloudEvents spec, "HTTP Protocol Binding" and "JSON Event Format".
 */
import { createHash } from "node:crypto";
import type { ReadEvent } from "../events.ts";
import type { ReadDelivery, Unreadable } from "../model.ts";
import { changeOf } from "./cloudevents/changes.ts";
import { binaryEvent, type CloudEvent, structuredEvent } from "./cloudevents/envelope.ts";
import { linkOf } from "./links.ts";
import { delivery, type Inbound, jsonOf } from "./reader.ts";

/** Most events read of one batch. */
const eventsMax = 1_000;

export function readCloudEvents(inbound: Inbound): ReadDelivery {
  const type = (inbound.headers["content-type"] ?? "").toLowerCase();
  if (!type.startsWith("application/cloudevents") && inbound.headers["ce-specversion"] !== undefined) {
    const read = binaryEvent(inbound);
    return "problems" in read ? delivery({ problems: read.problems }) : deliveryOf([read.event], []);
  }
  const parsed = jsonOf(inbound.body);
  if ("problems" in parsed) return delivery({ problems: parsed.problems });
  const { json } = parsed;
  if (!Array.isArray(json)) {
    const read = structuredEvent(json);
    return "problems" in read ? delivery({ problems: read.problems }) : deliveryOf([read.event], []);
  }
  if (json.length > eventsMax)
    return delivery({ problems: [{ field: "body", why: `holds more than ${eventsMax} events` }] });
  const events: CloudEvent[] = [];
  const problems: Unreadable[] = [];
  json.forEach((item: unknown, index) => {
    const read = structuredEvent(item, `[${index}]`);
    if ("problems" in read) problems.push(...read.problems);
    else events.push(read.event);
  });
  return deliveryOf(events, problems);
}

/** Each event that can be read, and the names of what cannot. */
function deliveryOf(told: readonly CloudEvent[], broken: readonly Unreadable[]): ReadDelivery {
  const events: ReadEvent[] = [];
  const problems = [...broken];
  for (const event of told) {
    const read = changeOf(event);
    if (read === undefined) events.push(shown(event));
    else if ("problems" in read) problems.push(...read.problems);
    else events.push(read.event);
  }
  return delivery({ deliveryId: idOf(told), events, problems });
}

/** `source` and `id` name an event; a batch is named by those of all it holds. */
function idOf(events: readonly CloudEvent[]): string | null {
  const ids = events.map(({ source, id }) => `${source} ${id}`);
  if (ids.length <= 1) return ids[0] ?? null;
  return `sha256:${createHash("sha256").update(JSON.stringify(ids)).digest("hex")}`;
}

function shown({ id, type, source, subject, data, time }: CloudEvent): ReadEvent {
  const url = typeof data === "object" && data !== null && "url" in data ? linkOf(data.url) : undefined;
  return {
    kind: "other",
    type,
    title: `${type} from ${source}${subject === undefined ? "" : `: ${subject}`}`,
    url: url ?? null,
    at: time ?? null,
    facts: { id, source },
  };
}
