/**
 * OpenSLO v1 documents as they stand in a file, each refused by field or read. Pure.
 * Source: github.com/OpenSLO/OpenSLO, "Specification" (openslo/v1).
 */
import { z } from "zod";
import {
  conditionSpecField,
  descriptionField,
  metadataField,
  policySpecField,
  sliSpecField,
  sloSpecField,
} from "./forms.ts";

/** Kinds with the form of their spec; what has no place here is read for its form only. */
const specs = {
  SLO: sloSpecField,
  SLI: sliSpecField,
  AlertPolicy: policySpecField,
  AlertCondition: conditionSpecField,
  Service: z.object({ description: descriptionField }).nullish(),
  DataSource: z.object({
    description: descriptionField,
    type: z.string({ error: "is missing; it names the metrics system" }).min(1),
    connectionDetails: z.unknown().optional(),
  }),
  AlertNotificationTarget: z.object({ description: descriptionField, target: z.unknown().optional() }),
} as const;
export type Kind = keyof typeof specs;

const document = <K extends Kind>(kind: K) =>
  z.object({
    apiVersion: z.literal("openslo/v1", {
      error: (issue) =>
        issue.input === undefined
          ? "is missing; write openslo/v1"
          : `is ${JSON.stringify(issue.input)}, and only openslo/v1 is read`,
    }),
    kind: z.literal(kind),
    metadata: metadataField,
    spec: specs[kind],
  });

const documentSchema = z.discriminatedUnion(
  "kind",
  [
    document("SLO"),
    document("SLI"),
    document("AlertPolicy"),
    document("AlertCondition"),
    document("Service"),
    document("DataSource"),
    document("AlertNotificationTarget"),
  ],
  { error: `must be one of ${Object.keys(specs).join(", ")}` },
);
export type OpenSloDocument = z.output<typeof documentSchema>;
export type DocumentOf<K extends Kind> = Extract<OpenSloDocument, { kind: K }>;

export interface FieldNote {
  /** `SLO checkout: spec.objectives.0.target`. */
  readonly field: string;
  readonly message: string;
}

/** One document, or what is wrong with it by field; `unread` are fields that the specification does not have. */
export function readDocument(
  content: unknown,
  place: string,
): { document: OpenSloDocument; unread: FieldNote[] } | { problems: FieldNote[] } {
  const name = nameOf(content);
  const at = (path: readonly PropertyKey[]) =>
    `${name ?? place}${path.length > 0 ? `: ${path.map(String).join(".")}` : ""}`;
  const parsed = documentSchema.safeParse(content);
  if (!parsed.success)
    return {
      problems: parsed.error.issues.map(({ path, message, code }) => ({
        field: at(path),
        message:
          code === "invalid_type" && message.startsWith("Invalid input")
            ? "is missing or of a wrong type"
            : message,
      })),
    };
  const unread = missingKeys(content, parsed.data).map((path) => ({
    field: at(path),
    message: "is no field of OpenSLO v1, and was left out",
  }));
  return { document: parsed.data, unread };
}

function nameOf(content: unknown): string | undefined {
  if (typeof content !== "object" || content === null) return undefined;
  const { kind, metadata } = content as { kind?: unknown; metadata?: { name?: unknown } | null };
  const name = metadata?.name;
  return typeof kind === "string" && typeof name === "string" ? `${kind} ${name}` : undefined;
}

/** Paths of keys that the reading dropped. */
function missingKeys(given: unknown, read: unknown, path: readonly PropertyKey[] = []): PropertyKey[][] {
  if (typeof given !== "object" || given === null || typeof read !== "object" || read === null) return [];
  return Object.entries(given).flatMap(([key, value]) =>
    key in read
      ? missingKeys(value, (read as Record<string, unknown>)[key], [...path, key])
      : [[...path, key]],
  );
}
