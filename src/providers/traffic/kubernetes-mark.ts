/**
 * Whose change the last one was. An annotation holds the idempotency key with a digest of what was set; when what
 * stands there is something else, somebody else changed it after us.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../platform/canonical.ts";
import { type JsonPatch, pointer } from "../kubernetes/api.ts";
import type { Metadata } from "../kubernetes/objects.ts";

const annotation = "quarterdeck/changed-by";
/** Enough that two settings of one object never share it. */
const digestCharacters = 16;

const digestOf = (set: unknown): string =>
  createHash("sha256").update(canonicalJson(set)).digest("hex").slice(0, digestCharacters);

const markOf = (idempotencyKey: string, set: unknown): string => `${idempotencyKey} ${digestOf(set)}`;

/** The key of the last change, or null when what is set now is not what it set. */
export function changedBy({ annotations }: Metadata, set: unknown): string | null {
  const [key, digest] = (annotations?.[annotation] ?? "").split(" ");
  return key !== undefined && key !== "" && digest === digestOf(set) ? key : null;
}

export const isMarked = ({ annotations }: Metadata, idempotencyKey: string, set: unknown): boolean =>
  annotations?.[annotation] === markOf(idempotencyKey, set);

/** Operations that set the mark, for a JSON patch on the object. */
export function markPatch({ annotations }: Metadata, idempotencyKey: string, set: unknown): JsonPatch {
  return [
    ...(annotations ? [] : [{ op: "add" as const, path: "/metadata/annotations", value: {} }]),
    {
      op: "add",
      path: pointer("metadata", "annotations", annotation),
      value: markOf(idempotencyKey, set),
    },
  ];
}

/**
 * What is wanted must be what was read. The generation counts that, and not the reports of controllers, which come all the
 * time. Without annotations the whole object must be the same: they are about to be made, and others make them too.
 */
export const unchanged = ({ annotations, generation, resourceVersion }: Metadata): JsonPatch => [
  annotations
    ? { op: "test", path: "/metadata/generation", value: generation }
    : { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
];

/** Changes with every change of what is wanted, and not with what is merely reported. */
export const revisionOf = (...objects: readonly Pick<Metadata, "uid" | "generation">[]): string =>
  objects.map(({ uid, generation }) => `${uid.slice(0, 8)}.${generation}`).join("-");
