import { z } from "zod";
import type { MarkerKind } from "../../catalog/schema.ts";
import { ProviderError } from "../errors.ts";

/** All there are: a kind of the catalog that is missing here does not compile where a marker becomes a notice. */
export const noticeKinds = [
  "started",
  "step",
  "promoted",
  "reverted",
  "rolled-back",
  "deployed",
] as const satisfies readonly MarkerKind[];

/**
 * A deploy marker as systems outside are told of it: what of a service's traffic changed, when. Plain text; each system
 * escapes for itself.
 */
export const markerNoticeSchema = z.strictObject({
  id: z.uuid().describe("The marker's own id: the same however often it is told."),
  kind: z
    .enum(noticeKinds)
    .describe(
      "started: a rollout began. step: the version got its next share. promoted: it has all traffic, watched and well. reverted, rolled-back: traffic went back to it. deployed: recorded from elsewhere.",
    ),
  service: z.string().min(1),
  environment: z.string().min(1),
  version: z
    .string()
    .min(1)
    .describe("Version that gets traffic by it; of a revert the one that has it again."),
  from: z.string().min(1).nullable().describe("Version it is taken from, where one is known."),
  percent: z
    .number()
    .min(0)
    .max(100)
    .nullable()
    .describe("Share of traffic the version has from then on, if known."),
  thing: z.string().min(1).describe("What it belongs to: R-12 for a rollout or rollback, D-7 for a deploy."),
  at: z.iso.datetime().describe("When it happened, in UTC."),
  url: z.url().nullable().describe("Where people look, if there is a page of it."),
});
export type MarkerNotice = z.output<typeof markerNoticeSchema>;

/** In one line, for people. */
export function noticeText({
  kind,
  service,
  environment,
  version,
  from,
  percent,
  thing,
}: MarkerNotice): string {
  const place = `${service} ${environment}`;
  const fromText = from === null ? "" : `${from} → `;
  switch (kind) {
    case "started":
      return `${place}: rollout ${fromText}${version} begins (${thing})`;
    case "step":
      return `${place}: ${version} has ${percent ?? "?"} % (${thing})`;
    case "promoted":
      return `${place}: ${version} promoted (${thing})`;
    case "reverted":
      return `${place}: ${fromText}${version}, reverted (${thing})`;
    case "rolled-back":
      return `${place}: ${fromText}${version}, rolled back (${thing})`;
    case "deployed":
      return `${place}: ${fromText}${version} deployed (${thing})`;
  }
}

/**
 * A system that keeps deploy markers.
 *
 * Throws ProviderError. After `timeout` or `unreachable` the marker may be there: `put` may be called again with the
 * same notice, and leaves one marker however often it is called, or tells by its id that it is the same.
 */
export interface MarkerSink {
  /** Whether `find` can tell anything. */
  readonly canRead: boolean;
  /** The system's own id of a marker it has; null when it has none of that id, or cannot be asked. */
  find(id: string): Promise<string | null>;
  /** @returns the system's own id of it, if it has one */
  put(notice: MarkerNotice): Promise<string | null>;
}

/** It wants to be told nothing any more: trying again is pointless. */
export class NotWanted extends ProviderError {
  constructor(message: string, hint: string) {
    super("rejected", message, hint);
  }
}
