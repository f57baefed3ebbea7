/** The attributes of an event and its data, however they came. Pure. Source: CloudEvents spec 1.0.2. */
import { z } from "zod";
import type { Unreadable } from "../../model.ts";
import { type Inbound, jsonOf, problemsOf, typeSaid } from "../reader.ts";
import { clean } from "../texts.ts";
import { time } from "../times.ts";

export interface CloudEvent {
  /** Where it stood in the body: empty, or `[3]` of a batch. */
  at: string;
  id: string;
  source: string;
  type: string;
  subject: string | undefined;
  time: Date | undefined;
  /** JSON as read, text, or undefined when there is none. */
  data: unknown;
}
type Read = { event: CloudEvent } | { problems: readonly Unreadable[] };

const required = (name: string) =>
  z
    .string({ error: `is missing; every event has ${name}` })
    .regex(/\S/, "is blank")
    .transform(clean);

/** An attribute that is null is absent. */
const envelopeSchema = z.looseObject(
  {
    specversion: z
      .string({ error: "is missing; every event has specversion" })
      .refine((version) => version === "1.0", { error: 'is not one this reads: "1.0"' }),
    id: required("id"),
    source: required("source"),
    type: required("type"),
    subject: z.string().regex(/\S/, "is blank").transform(clean).nullish(),
    time,
    datacontenttype: z.string().nullish(),
    data_base64: z.string({ error: "must be text in base64" }).nullish(),
  },
  { error: "must be an object" },
);

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const isJson = (contentType: string): boolean => /^[^;]*[/+]json\s*(;|$)/i.test(contentType);

export function structuredEvent(json: unknown, at = ""): Read {
  const read = envelopeSchema.safeParse(json, { error: typeSaid });
  if (!read.success) return { problems: problemsOf(read.error, at) };
  const { data_base64: encoded, datacontenttype } = read.data;
  const problem = (field: string, why: string): Read => ({
    problems: [{ field: at === "" ? field : `${at}.${field}`, why }],
  });
  if (encoded === undefined || encoded === null)
    return { event: eventOf(read.data, at, read.data.data ?? undefined) };
  if (read.data.data !== undefined && read.data.data !== null)
    return problem("data_base64", "stands beside data; an event has one of them");
  if (!base64.test(encoded)) return problem("data_base64", "is not base64");
  const data = decoded(Buffer.from(encoded, "base64"), datacontenttype ?? "application/json");
  return "problems" in data
    ? problem("data_base64", "holds no JSON")
    : { event: eventOf(read.data, at, data.value) };
}

/** Attributes in `ce-*` headers, percent-encoded; the body is the data. */
export function binaryEvent({ headers, body }: Inbound): Read {
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith("ce-")) attributes[name.slice("ce-".length)] = decodedHeader(value);
  const read = envelopeSchema.safeParse(attributes, { error: typeSaid });
  if (!read.success)
    return { problems: problemsOf(read.error).map(({ field, why }) => ({ field: `ce-${field}`, why })) };
  if (body.length === 0) return { event: eventOf(read.data, "", undefined) };
  const data = decoded(body, headers["content-type"] ?? "application/json");
  return "problems" in data ? data : { event: eventOf(read.data, "", data.value) };
}

function eventOf(envelope: z.output<typeof envelopeSchema>, at: string, data: unknown): CloudEvent {
  const { id, source, type, subject, time: moment } = envelope;
  return { at, id, source, type, subject: subject ?? undefined, time: moment, data };
}

function decoded(
  bytes: Buffer,
  contentType: string,
): { value: unknown } | { problems: readonly Unreadable[] } {
  if (!isJson(contentType)) return { value: clean(bytes.toString("utf8")) };
  const parsed = jsonOf(bytes);
  return "problems" in parsed ? parsed : { value: parsed.json };
}

function decodedHeader(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
