/** Reads what CI and deploy tools post; pure. */
import { z } from "zod";
import { migrationSchema } from "../../catalog/data-migration.ts";
import type { DataMigration } from "../../catalog/schema.ts";
import { type ChangeKind, changeKinds } from "./types.ts";

/** Clocks of other systems may be ahead by this much. */
const aheadMaxMs = 5 * 60_000;
const entriesMax = 500;

const entrySchema = z.object({
  service: z.string().min(1).max(63),
  environment: z.string().min(1).max(63).optional(),
  /** `config` and `flag` are changes that suspects are looked for among, and no version that could run. */
  kind: z.enum(changeKinds, { error: `must be one of ${changeKinds.join(", ")}` }).default("deploy"),
  version: z.string().min(1).max(100),
  by: z.string().min(1).max(100),
  url: z
    .url({ protocol: /^https?$/, error: "is not an http(s) address" })
    .max(2_000)
    .optional(),
  at: z.iso.datetime({ offset: true, error: "is not a time such as 2026-03-02T10:00:00Z" }).optional(),
  reference: z.string().min(1).max(200).optional(),
  migration: migrationSchema.optional(),
});

export interface PostedDeploy {
  service: string;
  environment: string;
  change: ChangeKind;
  version: string;
  by: string;
  url?: string | undefined;
  at?: Date | undefined;
  reference?: string | undefined;
  migration?: DataMigration | undefined;
}

export interface PostProblem {
  /** `body`, `version`, `[2].service`. */
  field: string;
  message: string;
  /** The entry, or the whole body, as it came. */
  raw: string;
}

export interface ReadPost {
  deploys: PostedDeploy[];
  problems: PostProblem[];
}

export interface KnownServices {
  /** Environments by service; the first is meant when none is named. */
  environmentsOf(service: string): readonly string[] | undefined;
  names: readonly string[];
}

/** One deploy or a batch of them. Each that can be read is answered, and each that cannot with the field and why. */
export function readPost(body: string, known: KnownServices, now: Date): ReadPost {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { deploys: [], problems: [{ field: "body", message: "is not JSON", raw: body }] };
  }
  const isBatch = Array.isArray(json);
  const entries: unknown[] = Array.isArray(json) ? json : [json];
  if (entries.length === 0 || entries.length > entriesMax)
    return {
      deploys: [],
      problems: [{ field: "body", message: `must hold 1 to ${entriesMax} deploys`, raw: body }],
    };
  const read: ReadPost = { deploys: [], problems: [] };
  for (const [index, entry] of entries.entries()) {
    const result = readEntry(entry, known, now);
    if ("deploy" in result) read.deploys.push(result.deploy);
    else
      read.problems.push({
        field: isBatch
          ? `[${index}]${result.field === "" ? "" : `.${result.field}`}`
          : result.field || "body",
        message: result.message,
        raw: JSON.stringify(entry),
      });
  }
  return read;
}

function readEntry(
  entry: unknown,
  known: KnownServices,
  now: Date,
): { deploy: PostedDeploy } | { field: string; message: string } {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { field: issue?.path.join(".") ?? "", message: issue?.message ?? "cannot be read" };
  }
  const { service, environment, kind: change, version, by, url, reference, migration } = parsed.data;
  const environments = known.environmentsOf(service);
  if (environments === undefined)
    return {
      field: "service",
      message: `"${service}" is not in the catalog; known: ${known.names.join(", ")}`,
    };
  const named = environment ?? (environments[0] as string);
  if (!environments.includes(named))
    return { field: "environment", message: `"${named}" is not one of ${environments.join(", ")}` };
  const at = parsed.data.at === undefined ? undefined : new Date(parsed.data.at);
  if (at && at.getTime() > now.getTime() + aheadMaxMs)
    return { field: "at", message: "lies more than 5 minutes ahead of this clock" };
  if (migration !== undefined && change !== "deploy")
    return { field: "migration", message: `comes with a deploy, not with a ${change}` };
  return { deploy: { service, environment: named, change, version, by, url, at, reference, migration } };
}
