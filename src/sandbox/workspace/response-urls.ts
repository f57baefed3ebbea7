/** response_urls: five posts in half an hour, to where the command was typed or the button pressed. */
import { randomBytes } from "node:crypto";
import { type Json, responseUrlLifeMs, responseUrlUsesMax } from "./model.ts";

export interface ReplyPlace {
  user: string;
  channel: string;
  thread_ts?: string;
  /** The message whose button was pressed: what replace_original and delete_original mean. */
  original?: { ts: string; isEphemeral: boolean };
}

export class ResponseUrls {
  readonly #places = new Map<string, ReplyPlace & { usesLeft: number; endsAtMs: number }>();

  /** The path of a new response_url. */
  issue(place: ReplyPlace, now: Date): string {
    for (const [id, { endsAtMs }] of this.#places) if (endsAtMs <= now.getTime()) this.#places.delete(id);
    const id = randomBytes(18).toString("base64url");
    this.#places.set(id, {
      ...place,
      usesLeft: responseUrlUsesMax,
      endsAtMs: now.getTime() + responseUrlLifeMs,
    });
    return `/response/${id}`;
  }

  /** Takes one use. Slack's words for a refusal: `expired_url`, `used_url`. */
  use(id: string, now: Date): ReplyPlace | { error: "expired_url" | "used_url" } {
    const place = this.#places.get(id);
    if (!place || place.endsAtMs <= now.getTime()) return { error: "expired_url" };
    if (place.usesLeft <= 0) return { error: "used_url" };
    place.usesLeft--;
    return place;
  }
}

/** What a post to a response_url asks for. Source: Slack docs, "Handling user interaction", message responses. */
export function intentOf(body: Json): "delete" | "replace" | "in_channel" | "ephemeral" {
  if (isTrue(body.delete_original)) return "delete";
  if (isTrue(body.replace_original)) return "replace";
  return body.response_type === "in_channel" ? "in_channel" : "ephemeral";
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}
