/** Reads a Flagger webhook's body. Source: Flagger docs, "Webhooks": `{ name, namespace, phase, checksum, metadata }`. */
import { z } from "zod";
import type { Heard, HookType } from "./model.ts";

const named = z.string().trim().min(1, "is blank").max(253, "is longer than 253 characters");
const word = z
  .string()
  .trim()
  .max(200, "is longer than 200 characters")
  .transform((text) => (text === "" ? undefined : text))
  .nullish()
  .transform((text) => text ?? undefined);

const bodySchema = z.object(
  {
    name: named,
    namespace: named,
    phase: named,
    checksum: word,
    metadata: z
      .object({
        service: word,
        environment: word,
        version: word,
        eventMessage: z.string().nullish(),
        /** Milliseconds since 1970, as text. */
        timestamp: z.union([z.string(), z.number()]).nullish(),
      })
      .nullish(),
  },
  { error: "must be an object" },
);

export type ReadBody = { readonly heard: Heard } | { readonly problem: string };

const messageLengthMax = 500;

export function readBody(source: string, type: HookType, body: Buffer): ReadBody {
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch {
    return { problem: "body is not JSON" };
  }
  const read = bodySchema.safeParse(json);
  if (!read.success) {
    const issue = read.error.issues[0];
    return { problem: `${issue?.path.join(".") || "body"} ${issue?.message ?? "cannot be read"}` };
  }
  const { name, namespace, phase, checksum, metadata } = read.data;
  const ms = Number(metadata?.timestamp ?? Number.NaN);
  const at = Number.isFinite(ms) && ms > 0 ? new Date(ms) : undefined;
  return {
    heard: {
      source,
      type,
      name,
      namespace,
      phase,
      checksum: checksum ?? "",
      service: metadata?.service,
      environment: metadata?.environment,
      version: metadata?.version,
      message: metadata?.eventMessage?.slice(0, messageLengthMax) ?? undefined,
      at: at && !Number.isNaN(at.getTime()) ? at : undefined,
    },
  };
}
