/** Sends what Slack would send, signed, and waits as long as Slack waits for the acknowledgement. */
import { createHmac } from "node:crypto";
import type { Desk } from "./desk.ts";
import { type Ack, ackDeadlineMs, type Json } from "./model.ts";

export type Parcel =
  | { kind: "form"; fields: Record<string, string> }
  | { kind: "interaction"; payload: Json }
  | { kind: "event"; payload: Json };

/** `v0=` HMAC-SHA256 over `v0:<seconds>:<body>`. Source: Slack docs, "Verifying requests from Slack". */
export function signatureOf(secret: string, sec: number, body: string): string {
  return `v0=${createHmac("sha256", secret).update(`v0:${sec}:${body}`).digest("hex")}`;
}

export async function deliver(
  desk: Desk,
  parcel: Parcel,
  headers: Record<string, string> = {},
): Promise<Ack> {
  const { options } = desk;
  const body = bodyOf(parcel);
  const sec = Math.floor(options.now().getTime() / 1000);
  const deadline = options.ackDeadlineMs ?? ackDeadlineMs;
  try {
    const res = await fetch(options.eventsUrl(), {
      method: "POST",
      headers: {
        "content-type": parcel.kind === "event" ? "application/json" : "application/x-www-form-urlencoded",
        "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "x-slack-request-timestamp": String(sec),
        "x-slack-signature": signatureOf(options.signingSecret, sec, body),
        ...headers,
      },
      body,
      redirect: "error",
      signal: AbortSignal.timeout(deadline),
    });
    const text = await res.text();
    if (res.status !== 200) {
      options.log("warn", "app refused what the workspace sent", { kind: parcel.kind, status: res.status });
      return { ok: false, error: "dispatch_failed", message: `the app answered ${res.status}` };
    }
    return { ok: true, status: res.status, body: readAck(text) };
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") {
      return {
        ok: false,
        error: "operation_timeout",
        message: `no acknowledgement within ${deadline / 1000} s`,
      };
    }
    options.log("warn", "workspace could not reach the app", { kind: parcel.kind, error: String(error) });
    return { ok: false, error: "dispatch_failed", message: "the app cannot be reached" };
  }
}

/** Seconds after which Slack sends an unacknowledged event again. Source: Slack docs, "Events API", retries. */
const eventRetriesSec = [0, 60, 300];

/** Sends an event; what is not acknowledged comes again, as from Slack. `later` runs a retry after seconds. */
export async function deliverEvent(
  desk: Desk,
  payload: Json,
  later: (afterSec: number, retry: () => void) => void,
  attempt = 0,
): Promise<Ack> {
  const headers: Record<string, string> =
    attempt === 0 ? {} : { "x-slack-retry-num": String(attempt), "x-slack-retry-reason": "http_error" };
  const ack = await deliver(desk, { kind: "event", payload }, headers);
  const wait = eventRetriesSec[attempt];
  if (!ack.ok && wait !== undefined) {
    later(wait, () => void deliverEvent(desk, payload, later, attempt + 1));
  }
  return ack;
}

function bodyOf(parcel: Parcel): string {
  switch (parcel.kind) {
    case "form":
      return new URLSearchParams(parcel.fields).toString();
    case "interaction":
      return new URLSearchParams({ payload: JSON.stringify(parcel.payload) }).toString();
    case "event":
      return JSON.stringify(parcel.payload);
  }
}

function readAck(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
