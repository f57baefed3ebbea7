import type { HookKind, HookSource } from "../../../../src/catalog/hook-sources.ts";
import type { Inbound } from "../../../../src/features/alerts/webhooks/reader.ts";

export const receivedAt = new Date("2026-11-25T10:00:00.000Z");

/** A delivery of a source of this kind, received at {@link receivedAt}. */
export const inbound = (
  kind: HookKind,
  body: Buffer | string | object,
  over: { headers?: Record<string, string>; source?: Partial<HookSource> } = {},
): Inbound => ({
  body: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
  headers: over.headers ?? {},
  source: { name: kind, kind, team: "storefront", ...over.source },
  receivedAt,
});
