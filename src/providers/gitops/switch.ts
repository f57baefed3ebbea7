/** Stopping and starting one object that heals others: what Argo CD and Flux have in common. */
import { z } from "zod";
import { ProviderError } from "../errors.ts";
import type {
  ClusterObjects,
  GitopsSystem,
  GitSource,
  ObjectPath,
  Owner,
  Resource,
  Resumed,
  StopMark,
  Suspended,
} from "./contract.ts";

/** Annotation on an object that we stopped: who, until when, and what stood there before. */
export const stoppedAnnotation = "quarterdeck.dev/self-heal-stopped";

const markSchema = z.object({ by: z.string(), until: z.string(), recorded: z.unknown() });

const objectSchema = z.object({
  metadata: z.object({
    resourceVersion: z.string(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.record(z.string(), z.unknown()),
  status: z.record(z.string(), z.unknown()).optional(),
});
export type HealingObject = z.output<typeof objectSchema>;

/** What tells one system from another. Pure. */
export interface HealingKind {
  /** As owners name it; absent where the system has one kind alone. */
  readonly is?: Owner["kind"];
  readonly kind: string;
  readonly resource: Resource;
  /** Where its objects are when the owner's namespace is not known. */
  readonly namespace: string;
  isHealing(object: HealingObject): boolean;
  /** It stands as `stop` leaves it; anything else that does not heal was made by somebody else. */
  isStopped(object: HealingObject): boolean;
  /** What is put back at the end, plain JSON. */
  recordedOf(object: HealingObject): unknown;
  /** Merge patches of `spec`. */
  readonly stop: unknown;
  start(recorded: unknown): unknown;
  sourceOf(object: HealingObject): GitSource | null;
}

/** Times a write is tried again when somebody else wrote at the same moment. */
const conflictsMax = 3;

export function createSwitch(system: Owner["system"], kinds: readonly HealingKind[]): GitopsSystem {
  return {
    system,

    suspend: (objects, owner, mark) =>
      withoutConflicts(async (): Promise<Suspended> => {
        const { path, kind, object } = await find(objects, kinds, owner);
        const wasHealing = kind.isHealing(object);
        const found: Suspended = {
          is: "stopped",
          wasHealing,
          kind: kind.kind,
          source: kind.sourceOf(object),
        };
        if (!wasHealing) {
          const before = markOf(object);
          if (before && before.by !== mark.by)
            await objects.merge(path, patchOf(object, noteOf(mark, before.recorded)), objectSchema);
          return before ? found : { ...found, is: "idle" };
        }
        const note = noteOf(mark, kind.recordedOf(object));
        await objects.merge(path, patchOf(object, note, kind.stop), objectSchema);
        const after = await objects.get(path, objectSchema);
        if (kind.isHealing(after))
          throw new ProviderError(
            "conflict",
            `${kind.kind} ${owner.name} was turned on again at once`,
            "Something declares it: an ApplicationSet, or an application above it. Stop that one, or revert in Git.",
          );
        return found;
      }),

    resume: (objects, owner, { by, to }) =>
      withoutConflicts(async (): Promise<Resumed> => {
        let found: Found;
        try {
          found = await find(objects, kinds, owner);
        } catch (error) {
          if (error instanceof ProviderError && error.code === "not_found") return { is: "theirs" };
          throw error;
        }
        const { path, kind, object } = found;
        const mark = markOf(object);
        if (!mark) return { is: "theirs" };
        if (mark.by !== by) return { is: "handed-over" };
        const isTheirs = !kind.isStopped(object);
        if (to && !isTheirs) {
          await objects.merge(path, patchOf(object, noteOf(to, mark.recorded)), objectSchema);
          return { is: "handed-over" };
        }
        const spec = isTheirs ? undefined : kind.start(mark.recorded);
        await objects.merge(path, patchOf(object, null, spec), objectSchema);
        const after = await objects.get(path, objectSchema);
        if (markOf(after) || (!isTheirs && !kind.isHealing(after)))
          throw new ProviderError(
            "conflict",
            `${kind.kind} ${owner.name} does not heal again`,
            "Look at who changes it; turn it on by hand.",
          );
        return { is: isTheirs ? "theirs" : "resumed" };
      }),
  };
}

interface Found {
  readonly path: ObjectPath;
  readonly kind: HealingKind;
  readonly object: HealingObject;
}

/** The object of the owner's kind; where that is not known, of the first kind that has one of the name. */
async function find(
  objects: ClusterObjects,
  kinds: readonly HealingKind[],
  { name, namespace, kind: wanted }: Owner,
): Promise<Found> {
  let missing: ProviderError | undefined;
  for (const kind of kinds) {
    if (wanted !== undefined && kind.is !== wanted) continue;
    const path = { resource: kind.resource, namespace: namespace ?? kind.namespace, name };
    try {
      return { path, kind, object: await objects.get(path, objectSchema) };
    } catch (error) {
      if (!(error instanceof ProviderError) || error.code !== "not_found") throw error;
      missing = error;
    }
  }
  throw missing ?? new ProviderError("not_found", `nothing here heals ${name}`, "");
}

/** Bound to the version that was read, so that nobody's change in between is lost. */
const patchOf = (object: HealingObject, note: string | null, spec?: unknown): unknown => ({
  metadata: {
    resourceVersion: object.metadata.resourceVersion,
    annotations: { [stoppedAnnotation]: note },
  },
  ...(spec === undefined ? {} : { spec }),
});

const noteOf = ({ by, until }: StopMark, recorded: unknown): string =>
  JSON.stringify({ by, until: until.toISOString(), recorded });

function markOf({ metadata }: HealingObject): z.output<typeof markSchema> | undefined {
  const text = metadata.annotations?.[stoppedAnnotation];
  if (text === undefined) return undefined;
  try {
    return markSchema.parse(JSON.parse(text));
  } catch {
    // Somebody wrote something of their own there: then it is not ours to put back.
    return undefined;
  }
}

async function withoutConflicts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries >= conflictsMax || !(error instanceof ProviderError) || error.code !== "conflict")
        throw error;
    }
  }
}
