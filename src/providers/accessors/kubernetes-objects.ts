/** A grant as objects of a cluster: their names, bodies and marks; and how the objects that stand there are read. */
import { z } from "zod";
import type { TermsOf } from "../../catalog/schema.ts";
import { canonicalJson } from "../../platform/canonical.ts";
import type { ObjectPath, Resource } from "../kubernetes/api.ts";
import { metadataSchema } from "../kubernetes/objects.ts";
import { readTerms } from "./terms.ts";

export type KubernetesTerms = TermsOf<"kubernetes">;

const rbacGroup = "rbac.authorization.k8s.io";
export const serviceAccounts: Resource = { group: "", version: "v1", plural: "serviceaccounts" };
export const secrets: Resource = { group: "", version: "v1", plural: "secrets" };
export const roleBindings: Resource = { group: rbacGroup, version: "v1", plural: "rolebindings" };
export const clusterRoleBindings: Resource = {
  group: rbacGroup,
  version: "v1",
  plural: "clusterrolebindings",
};
export const roles: Resource = { group: rbacGroup, version: "v1", plural: "roles" };
export const clusterRoles: Resource = { group: rbacGroup, version: "v1", plural: "clusterroles" };
export const accessReviews: Resource = {
  group: "authorization.k8s.io",
  version: "v1",
  plural: "selfsubjectaccessreviews",
};

/** Every object of a grant carries it. */
const markLabels = { "app.kubernetes.io/managed-by": "quarterdeck" };
const annotations = {
  key: "quarterdeck/grant-key",
  terms: "quarterdeck/grant-terms",
  tokenUntil: "quarterdeck/token-until",
};

export const serviceAccountSchema = z.object({ metadata: metadataSchema });
export type ServiceAccount = z.output<typeof serviceAccountSchema>;
export const serviceAccountListSchema = z.object({ items: z.array(serviceAccountSchema) });
export const secretSchema = z.object({ metadata: z.object({ uid: z.string() }) });
export const tokenSchema = z.object({
  status: z.object({ token: z.string().min(32), expirationTimestamp: z.iso.datetime({ offset: true }) }),
});
export const bindingSchema = z.object({
  metadata: metadataSchema,
  roleRef: z.object({ kind: z.string(), name: z.string() }),
  subjects: z
    .array(z.object({ kind: z.string(), name: z.string(), namespace: z.string().default("") }))
    .nullish(),
});
export type Binding = z.output<typeof bindingSchema>;
export const roleSchema = z.object({
  rules: z
    .array(
      z.object({
        verbs: z.array(z.string()).default([]),
        apiGroups: z.array(z.string()).default([]),
        resources: z.array(z.string()).default([]),
        resourceNames: z.array(z.string()).default([]),
      }),
    )
    .nullish(),
});
export type RoleRules = NonNullable<z.output<typeof roleSchema>["rules"]>;

/** `qd_g12` is `qd-g12` in a cluster, where names have no underscore; and back. */
export const objectNameOf = (externalName: string): string => externalName.replace("_", "-");
export const externalNameIn = (objectName: string): string => objectName.replace("-", "_");

export interface Place {
  /** Of the service accounts. */
  readonly namespace: string;
  readonly name: string;
}

export const accountPath = ({ namespace, name }: Place): ObjectPath => ({
  resource: serviceAccounts,
  namespace,
  name,
});
export const secretPath = ({ namespace, name }: Place): ObjectPath => ({
  resource: secrets,
  namespace,
  name,
});

/** Where the bindings of these terms stand; "" is the whole cluster. */
export const scopesOf = ({ namespaces }: KubernetesTerms): readonly string[] =>
  namespaces === "all" ? [""] : namespaces;

export const bindingPath = (scope: string, name: string): ObjectPath => ({
  resource: scope === "" ? clusterRoleBindings : roleBindings,
  namespace: scope,
  name,
});

export const roleRefOf = ({ clusterRole, role }: KubernetesTerms): { kind: string; name: string } =>
  clusterRole === undefined ? { kind: "Role", name: role ?? "" } : { kind: "ClusterRole", name: clusterRole };

export function accountBody({ namespace, name }: Place, key: string, terms: KubernetesTerms): object {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: {
      name,
      namespace,
      labels: markLabels,
      annotations: { [annotations.key]: key, [annotations.terms]: canonicalJson(terms) },
    },
    automountServiceAccountToken: false,
  };
}

/** Merged into the account. */
export const termsPatch = (terms: KubernetesTerms): object => ({
  metadata: { annotations: { [annotations.terms]: canonicalJson(terms) } },
});
export const tokenUntilPatch = (until: Date): object => ({
  metadata: { annotations: { [annotations.tokenUntil]: until.toISOString() } },
});

/** Holds nothing: a token lives as long as the Secret that it is bound to. */
export const secretBody = ({ namespace, name }: Place): object => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace, labels: markLabels },
  type: "Opaque",
});

export const tokenBody = (expirationSeconds: number, { name }: Place, uid: string): object => ({
  apiVersion: "authentication.k8s.io/v1",
  kind: "TokenRequest",
  spec: { expirationSeconds, boundObjectRef: { kind: "Secret", apiVersion: "v1", name, uid } },
});

export const bindingBody = (scope: string, { namespace, name }: Place, terms: KubernetesTerms): object => ({
  apiVersion: `${rbacGroup}/v1`,
  kind: scope === "" ? "ClusterRoleBinding" : "RoleBinding",
  metadata: { name, ...(scope !== "" && { namespace: scope }), labels: markLabels },
  roleRef: { apiGroup: rbacGroup, ...roleRefOf(terms) },
  subjects: [{ kind: "ServiceAccount", namespace, name }],
});

export const isOurs = ({ metadata }: { metadata: ServiceAccount["metadata"] }): boolean =>
  Object.entries(markLabels).every(([label, value]) => metadata.labels?.[label] === value);

/** A roleRef cannot be changed: what is not like this is made anew. */
export const isAsMeant = ({ roleRef, subjects }: Binding, place: Place, terms: KubernetesTerms): boolean =>
  roleRef.kind === roleRefOf(terms).kind &&
  roleRef.name === roleRefOf(terms).name &&
  subjects?.length === 1 &&
  subjects[0]?.kind === "ServiceAccount" &&
  subjects[0].name === place.name &&
  subjects[0].namespace === place.namespace;

export const keyOf = (account: ServiceAccount): string | null =>
  isOurs(account) ? (account.metadata.annotations?.[annotations.key] ?? null) : null;

export function termsIn({ metadata }: ServiceAccount): KubernetesTerms | undefined {
  try {
    return readTerms("kubernetes", JSON.parse(metadata.annotations?.[annotations.terms] ?? ""));
  } catch {
    return undefined;
  }
}

export function tokenUntilIn({ metadata }: ServiceAccount): Date | null {
  const text = metadata.annotations?.[annotations.tokenUntil] ?? "";
  return Number.isNaN(Date.parse(text)) ? null : new Date(text);
}

/** What is given, as people and read-backs spell it. */
export const membershipIn = (scope: string, { kind, name }: { kind: string; name: string }): string =>
  `${kind} ${name} in ${scope === "" ? "all namespaces" : scope}`;
