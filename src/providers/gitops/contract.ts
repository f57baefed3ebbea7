/**
 * Systems that keep objects of a cluster as they are declared in Git, and so put back what a revert took away. What
 * is asked of them: to stop that for a while, and to begin again.
 */
import type { z } from "zod";

/** What keeps objects of a service as they are declared. */
export interface Owner {
  readonly system: "argo-cd" | "flux" | "helm";
  /** Of Flux, which of its two kinds applies the object; absent where it is not known. */
  readonly kind?: "kustomization" | "helm-release" | undefined;
  readonly name: string;
  /** Null where it is the system's usual one. */
  readonly namespace: string | null;
}

export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

export interface ObjectPath {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

/** The part of a Kubernetes client that is needed; every method throws ProviderError. */
export interface ClusterObjects {
  get<Schema extends z.ZodType>(path: ObjectPath, schema: Schema): Promise<z.output<Schema>>;
  /** RFC 7386; `conflict` when `metadata.resourceVersion` is given and not the object's any more. */
  merge<Schema extends z.ZodType>(path: ObjectPath, json: unknown, schema: Schema): Promise<z.output<Schema>>;
}

/** What Git says of the version that stands now; for the commands that make a revert last. */
export interface GitSource {
  readonly repository: string;
  /**
   * Commit that was compared or applied last, forty digits: the head of its branch, seldom one that changed the
   * service. Null where it is not known, or no commit.
   */
  readonly revision: string | null;
  /** Folder below the repository's root; null for the whole of it. */
  readonly path: string | null;
}

export interface Suspended {
  /**
   * `stopped`: it heals no more, by this call or an earlier one of ours. `idle`: it healed nothing before; nothing was
   * changed.
   */
  readonly is: "stopped" | "idle";
  /** Whether it healed when it was looked at: false where an earlier call of ours stands. */
  readonly wasHealing: boolean;
  /** Kind of the object, as people write it. */
  readonly kind: string;
  readonly source: GitSource | null;
}

/** Whose stop it is, and when that ends. */
export interface StopMark {
  readonly by: string;
  readonly until: Date;
}

export interface Resumed {
  /**
   * `resumed`: as it was before. `theirs`: somebody decided otherwise meanwhile, which stays. `handed-over`: it stays
   * stopped in another's name.
   */
  readonly is: "resumed" | "theirs" | "handed-over";
}

export interface GitopsSystem {
  readonly system: Owner["system"];

  /**
   * Stops it and reads back. What stood before is kept on the object itself, with who did it, so that a repeat after
   * a crash finds it; a mark of another of our stops is taken over with what it recorded. `conflict` when something turns it on again at once, such as an ApplicationSet.
   */
  suspend(objects: ClusterObjects, owner: Owner, mark: StopMark): Promise<Suspended>;

  /**
   * Puts back what stood before, and reads back; with `to` the mark is given to that stop instead. An object that is
   * gone, or carries no mark of ours, is `theirs`; one whose mark names another than `by` is left to that one.
   */
  resume(
    objects: ClusterObjects,
    owner: Owner,
    end: { readonly by: string; readonly to?: StopMark | undefined },
  ): Promise<Resumed>;
}

/** `./prod/` → `prod`; null for the root. */
export const folderOf = (path: string | undefined): string | null =>
  (path ?? "").replace(/^(\.?\/)+|\/+$/g, "").replace(/^\.$/, "") || null;
