/**
 * What heals by itself is stopped for a while, so that a revert stays. Pure.
 *
 * wanted → stopped → ended; or ended at once where nothing healed
 */
import type { GitSource } from "../../providers/gitops/contract.ts";
import type { ManagedBy } from "../../providers/traffic/contract.ts";

export type Ending =
  /** As it was before. */
  | "resumed"
  /** Somebody decided otherwise meanwhile, which stays. */
  | "theirs"
  /** It healed nothing before: nothing was changed. */
  | "idle"
  /** Another revert needs it stopped for longer; that one ends it. */
  | "handed-over"
  /** It could not be stopped while that would have helped. */
  | "not-stopped";

export interface Stop {
  /** `R-12`: the revert it is for; one stop each. */
  readonly thing: string;
  readonly service: string;
  readonly environment: string;
  readonly owner: ManagedBy;
  readonly channel: string;
  /** Key of the card in whose thread it is told. */
  readonly parent: string;
  readonly wantedAt: Date;
  readonly stoppedAt?: Date | undefined;
  /** When it begins again by itself. */
  readonly dueAt: Date;
  readonly endedAt?: Date | undefined;
  readonly ending?: Ending | undefined;
  /** `Argo CD application` */
  readonly kind?: string | undefined;
  readonly source?: GitSource | undefined;
  /** Why the last attempt did not do it. */
  readonly error?: string | undefined;
  readonly attempts: number;
  readonly isPaged: boolean;
  /** Times something else turned it on again while it was stopped, and it was stopped once more. */
  readonly turnedOn: number;
  /** The revert of the commit, as it is proposed in Git. */
  readonly proposal?: Proposal | undefined;
}

/** What stands on the object while it is stopped. */
export const markOf = ({ thing, dueAt }: Pick<Stop, "thing" | "dueAt">) => ({
  by: `quarterdeck ${thing}`,
  until: dueAt,
});

/** A pull or merge request; `error` says why there is none yet, `isGivenUp` that there will be none. */
export interface Proposal {
  readonly url?: string | undefined;
  readonly error?: string | undefined;
  readonly attempts: number;
  readonly isGivenUp: boolean;
}

/** Without having been stopped by then, stopping it helps no more: what it puts back it has put back. */
export const stopWithinMs = 10 * 60_000;
/** Not begun again this long after it should have: a person is woken. */
export const pageAfterMs = 60_000;

const retryMs = { first: 2_000, most: 30_000 };

export const retryAt = (now: Date, attempts: number): Date =>
  new Date(now.getTime() + Math.min(retryMs.most, retryMs.first * attempts));

const proposeRetryMs = { first: 2_000, most: 5 * 60_000 };

/** When Git is asked again after so many attempts, and not before it wants it. */
export const proposeAt = (now: Date, attempts: number, notBeforeMs = 0): Date =>
  new Date(
    now.getTime() +
      Math.max(notBeforeMs, Math.min(proposeRetryMs.most, proposeRetryMs.first * 2 ** (attempts - 1))),
  );

const kinds: Record<ManagedBy["system"], string> = {
  "argo-cd": "Argo CD application",
  flux: "Flux",
  helm: "Helm release",
};

const fluxKinds = { kustomization: "Flux Kustomization", "helm-release": "Flux HelmRelease" };

/** `Argo CD application shop in argocd` */
export function ownerName(owner: ManagedBy, found?: string): string {
  const { system, name, namespace, kind } = owner;
  return `${found ?? (kind ? fluxKinds[kind] : kinds[system])} ${name}${namespace === null ? "" : ` in ${namespace}`}`;
}

/** What to expect of whoever manages the objects, before anything is done; for plans. */
export function expectation(
  service: string,
  owner: ManagedBy,
  policy: "suspend" | "revert-commit" | "none",
  forText: string,
): string {
  const who = `${service} is managed by ${ownerName(owner)}`;
  // Helm changes nothing by itself; its next upgrade does.
  if (owner.system === "helm") return `${who}: its next upgrade sets what the chart says`;
  switch (policy) {
    case "suspend":
      return `${who}: it puts the version back, so a revert stops its self-heal for ${forText}`;
    case "revert-commit":
      return `${who}: it puts the version back, so a revert stops its self-heal for ${forText} and proposes the revert in Git`;
    case "none":
      return `${who}: it puts the version back after a revert; revert in Git as well`;
  }
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Shell commands that make a revert last, as far as it is known where it came from. */
export function gitCommands(thing: string, source: GitSource | undefined): string[] {
  if (!source?.revision) return [];
  const isUrl = /^(https?|ssh|git):\/\/|^git@/.test(source.repository);
  const { revision, path } = source;
  const branch = `revert-${thing}`;
  // The revision is the branch's head: what changed the service is the newest commit of its folder.
  const commit =
    path === null ? quote(revision) : `"$(git log -1 --format=%H ${quote(revision)} -- ${quote(path)})"`;
  return [
    ...(isUrl ? [`git clone ${quote(source.repository)} ${branch} && cd ${branch}`] : []),
    ...(path === null ? [] : [`git log -1 --stat ${quote(revision)} -- ${quote(path)}`]),
    `git revert --no-edit ${commit}`,
    `git push origin HEAD:${branch}`,
  ];
}

/** Whether they are one object; a kind that was not kept may be either. */
export const isSameOwner = (one: ManagedBy, other: ManagedBy): boolean =>
  one.system === other.system &&
  one.name === other.name &&
  one.namespace === other.namespace &&
  (one.kind === undefined || other.kind === undefined || one.kind === other.kind);

/** Shell commands that stop it by hand; `found` is the kind as it was found. Both where Flux's kind is not known. */
export function stopCommands({ system, name, namespace, kind }: ManagedBy, found?: string): string[] {
  switch (system) {
    case "argo-cd":
      return [
        `kubectl -n ${quote(namespace ?? "argocd")} patch application ${quote(name)} --type merge -p '{"spec":{"syncPolicy":{"automated":null}}}'`,
      ];
    case "flux":
      return (["kustomization", "helm-release"] as const)
        .filter((one) =>
          found === undefined ? kind === undefined || one === kind : found === fluxKinds[one],
        )
        .map(
          (one) =>
            `flux suspend ${one.replace("-", "")} ${quote(name)} -n ${quote(namespace ?? "flux-system")}`,
        );
    case "helm":
      return [];
  }
}
