/** What would do as well as what is asked for: narrower roles, and roles that need no approval. Pure. */
import { isNarrowerThan, requestersOf, resource as resourceOf } from "../../catalog/lookup.ts";
import type { AccessRole, Catalog, Resource } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Grant } from "./model.ts";
import { ticketsIn } from "./reason.ts";

type Asked = Pick<Grant, "resource" | "role" | "reason">;

export interface Alternative {
  resource: string;
  role: string;
  grants: string;
  /** Longest time its policy gives. */
  durationMaxMs: number;
}

/** Roles of the same resource that the catalog says are narrower. */
export function narrowerRoles(catalog: Catalog, asked: Asked): readonly Alternative[] {
  const resource = resourceOf(catalog, asked.resource);
  if (resource === undefined) return [];
  return resource.roles
    .filter(({ name }) => isNarrowerThan(resource, name, asked.role))
    .map((role) => alternativeOf(resource, role));
}

/** Roles that did for the same reason before: of the same person's ended grants, newest first. */
export function didBefore(asked: Asked, earlier: readonly Grant[]): readonly Grant[] {
  const found = earlier.filter(
    (grant) =>
      grant.resource === asked.resource &&
      grant.role !== asked.role &&
      isSameReason(grant.reason, asked.reason),
  );
  return [...new Map(found.reverse().map((grant) => [grant.role, grant])).values()].reverse();
}

/** The same words, or a ticket that both name. */
function isSameReason(one: string, other: string): boolean {
  const words = (text: string): string => text.toLowerCase().replace(/\s+/g, " ").trim();
  if (words(one) === words(other)) return true;
  const [ours, theirs] = [ticketsIn(one), ticketsIn(other)];
  const named = new Set([...ours.own, ...ours.elsewhere]);
  return [...theirs.own, ...theirs.elsewhere].some((id) => named.has(id));
}

/** What this person gets without anybody: of the same resource, and of others of its service. */
export function withoutApproval(
  catalog: Catalog,
  asked: Pick<Grant, "resource" | "role" | "service" | "personId">,
): readonly Alternative[] {
  return catalog.resources
    .filter(({ name, service }) => name === asked.resource || (service ?? null) === asked.service)
    .flatMap((resource) =>
      resource.roles
        .filter((role) => resource.name !== asked.resource || role.name !== asked.role)
        .filter((role) => role.policy.quorum === 0 && requestersOf(catalog, role).includes(asked.personId))
        .map((role) => alternativeOf(resource, role)),
    );
}

const alternativeOf = (resource: Resource, { name, grants, policy }: AccessRole): Alternative => ({
  resource: resource.name,
  role: name,
  grants,
  durationMaxMs: policy.durationMax,
});

/** `Narrower: readonly (read every table). Used before for this: readonly, 15m on G-3.` Plain text, a line each. */
export function narrowerLines(catalog: Catalog, asked: Asked, earlier: readonly Grant[]): readonly string[] {
  const narrower = narrowerRoles(catalog, asked).map(({ role, grants }) => `${role} (${grants})`);
  const before = didBefore(asked, earlier).map(
    ({ id, role, askedMs }) => `${role}, ${formatDuration(askedMs)} on ${id}`,
  );
  return [
    ...(narrower.length > 0 ? [`Narrower: ${narrower.slice(0, 3).join("; ")}.`] : []),
    ...(before.length > 0 ? [`Did for this before: ${before.slice(0, 3).join("; ")}.`] : []),
  ];
}
