/** What is in the way of a grant in a cluster, asked of the cluster. */
import { z } from "zod";
import { ProviderError } from "../errors.ts";
import type { KubernetesApi, Resource } from "../kubernetes/api.ts";
import {
  accessReviews,
  clusterRoleBindings,
  clusterRoles,
  type KubernetesTerms,
  type Place,
  type RoleRules,
  roleBindings,
  roleSchema,
  roles,
  scopesOf,
  secrets,
  serviceAccounts,
} from "./kubernetes-objects.ts";

export interface KubernetesGrant {
  readonly place: Place;
  readonly terms: KubernetesTerms;
}

/** The rules of the role; a binding to one that is not there would give nothing, silently. */
export async function rulesOf(
  api: KubernetesApi,
  terms: KubernetesTerms,
): Promise<{ rules: RoleRules; problem?: ProviderError }> {
  const { clusterRole, role } = terms;
  const paths =
    clusterRole === undefined
      ? scopesOf(terms).map((namespace) => ({ resource: roles, namespace, name: role ?? "" }))
      : [{ resource: clusterRoles, namespace: "", name: clusterRole }];
  try {
    const read = await Promise.all(paths.map((path) => api.get(path, roleSchema)));
    return { rules: read.flatMap(({ rules }) => rules ?? []) };
  } catch (error) {
    const isTold =
      error instanceof ProviderError && (error.code === "not_found" || error.code === "unauthorised");
    if (!isTold) throw error;
    return { rules: [], problem: error };
  }
}

interface Right {
  readonly verb: string;
  readonly resource: Resource;
  readonly subresource?: string;
  readonly namespace: string;
  readonly name?: string;
}

function rightsFor({ place, terms }: KubernetesGrant): Right[] {
  const { namespace } = place;
  const own = (resource: Resource, ...verbs: string[]) =>
    verbs.map((verb) => ({ verb, resource, namespace }));
  const { clusterRole, role } = terms;
  const bound =
    clusterRole === undefined
      ? { resource: roles, name: role ?? "" }
      : { resource: clusterRoles, name: clusterRole };
  return [
    ...own(serviceAccounts, "get", "create", "patch", "delete"),
    { verb: "create", resource: serviceAccounts, subresource: "token", namespace },
    ...own(secrets, "create", "delete"),
    ...scopesOf(terms).flatMap((scope) => [
      ...["get", "create", "delete"].map((verb) => ({
        verb,
        resource: scope === "" ? clusterRoleBindings : roleBindings,
        namespace: scope,
      })),
      { verb: "bind", namespace: scope, ...bound },
    ]),
  ];
}

const reviewSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

/** Rights that Quarterdeck lacks for it, as people read them. */
export async function obstaclesOf(api: KubernetesApi, grant: KubernetesGrant): Promise<string[]> {
  const asked = await Promise.all(
    rightsFor(grant).map(async (right) => {
      const { verb, resource, subresource, namespace, name } = right;
      const { group, version, plural } = resource;
      const { status } = await api.create(
        { resource: accessReviews, namespace: "" },
        {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SelfSubjectAccessReview",
          spec: {
            resourceAttributes: { verb, group, version, resource: plural, subresource, namespace, name },
          },
        },
        reviewSchema,
      );
      return status.allowed ? [] : [textOf(right)];
    }),
  );
  return asked.flat();
}

function textOf({ verb, resource, subresource, namespace, name }: Right): string {
  const what = [resource.plural, subresource].filter((part) => part !== undefined).join("/");
  const where = namespace === "" ? "in the cluster" : `in the namespace ${namespace}`;
  return `Quarterdeck may not ${verb} ${what}${name === undefined ? "" : ` ${name}`} ${where}; deploy/kubernetes/access.yaml has all it needs`;
}
