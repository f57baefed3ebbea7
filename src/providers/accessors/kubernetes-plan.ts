/** What a grant in a cluster does, in words and as commands; and what a role gives that outlasts its end. */
import {
  type KubernetesTerms,
  membershipIn,
  type Place,
  type RoleRules,
  roleRefOf,
  scopesOf,
} from "./kubernetes-objects.ts";

/**
 * Longest a token that is revoked may still be taken for its service account, in milliseconds; its rights are gone
 * with the bindings. Source: k8s.io/apiserver, `BuiltInAuthenticationOptions.TokenSuccessCacheTTL`.
 */
export const authenticatorCacheMs = 10_000;
/** Shortest life a token may be asked for. Source: Kubernetes API, TokenRequestSpec. */
const tokenSecondsMin = 600;
/** A token of exactly this life is silently made to last a year. Source: KEP-1205, `WarnOnlyBoundTokenExpirationPeriod`. */
const extendedTokenSeconds = 3_607;
/** `expirationSeconds` is cut off there. Source: kube-apiserver, TokenRequest validation. */
const tokenSecondsMax = 2 ** 32;

/** Never past the end, unless the end is nearer than the shortest life. */
export function tokenSecondsFor(expiresAt: Date, now: Date): number {
  const left = Math.floor((expiresAt.getTime() - now.getTime()) / 1_000);
  const asked = Math.min(Math.max(left, tokenSecondsMin), tokenSecondsMax);
  return asked === extendedTokenSeconds ? extendedTokenSeconds - 1 : asked;
}

export function wordsOf(
  place: Place,
  terms: KubernetesTerms,
  server: string,
  expiresAt: Date,
  outlasting: readonly string[],
): string[] {
  const gives = scopesOf(terms).map((scope) => membershipIn(scope, roleRefOf(terms)));
  return [
    `Make the service account ${place.namespace}/${place.name} at ${server}, give it ${gives.join(", ")}, and hand out a token of it that ends at ${expiresAt.toISOString()}, or after the 10 minutes that are the shortest`,
    "At the end: delete the bindings, then the token's Secret and the service account, read back that they are gone",
    `From its end on every new request is refused. What is open then goes on until it is closed: exec, attach, port-forward, logs -f and watches, because rights are looked at when a request begins. The token itself may be taken for up to ${authenticatorCacheMs / 1_000} s more, without rights`,
    ...outlasting.map((what) => `Lasts beyond the end: ${what}`),
  ];
}

/** As `kubectl` would do it. */
export function statementsOf({ namespace, name }: Place, terms: KubernetesTerms, seconds: number): string[] {
  const { kind, name: role } = roleRefOf(terms);
  const flag = kind === "ClusterRole" ? "clusterrole" : "role";
  const account = `--${flag}=${role} --serviceaccount=${namespace}:${name}`;
  return [
    `kubectl -n ${namespace} create serviceaccount ${name}`,
    ...scopesOf(terms).map((scope) =>
      scope === ""
        ? `kubectl create clusterrolebinding ${name} ${account}`
        : `kubectl -n ${scope} create rolebinding ${name} ${account}`,
    ),
    `kubectl -n ${namespace} create secret generic ${name}`,
    `kubectl -n ${namespace} create token ${name} --duration=${seconds}s --bound-object-kind=Secret --bound-object-name=${name} --bound-object-uid=<uid of the secret>`,
  ];
}

export const endStatementsOf = ({ namespace, name }: Place, terms: KubernetesTerms): string[] => [
  ...scopesOf(terms).map((scope) =>
    scope === ""
      ? `kubectl delete clusterrolebinding ${name} --ignore-not-found`
      : `kubectl -n ${scope} delete rolebinding ${name} --ignore-not-found`,
  ),
  `kubectl -n ${namespace} delete secret,serviceaccount ${name} --ignore-not-found`,
];

const writing = ["create", "update", "patch", "*"];
const has = (given: readonly string[], ...wanted: readonly string[]): boolean =>
  wanted.some((one) => given.includes(one));

/** Ways in these rules to a right that the end does not take. */
export function outlastingIn(rules: RoleRules): string[] {
  const found = new Set<string>();
  for (const { verbs, apiGroups, resources } of rules) {
    const core = has(apiGroups, "", "*");
    if (core && has(resources, "serviceaccounts/token", "*") && has(verbs, "create", "*"))
      found.add("tokens it may make for the other service accounts there");
    if (core && has(resources, "secrets", "*") && has(verbs, "get", "list", "watch", "*"))
      found.add("secrets it may read there, tokens in them included");
    if (
      has(apiGroups, "rbac.authorization.k8s.io", "*") &&
      has(resources, "rolebindings", "clusterrolebindings", "*") &&
      has(verbs, ...writing)
    )
      found.add("bindings it may make there");
    if (core && has(resources, "pods", "*") && has(verbs, "create", "*"))
      found.add("pods it may start there, with the rights of any service account there");
    if (core && has(resources, ...persons, "*") && has(verbs, "impersonate", "*"))
      found.add("whatever it lets people do as somebody else");
  }
  return [...found];
}

/** Whom one may be by `impersonate`. */
const persons = ["users", "groups", "serviceaccounts"];

/** Everything, everywhere: its own end included. Being anybody is that too; `resourceNames` would say whom. */
export const isWholePower = (rules: RoleRules, { namespaces }: KubernetesTerms): boolean =>
  namespaces === "all" &&
  rules.some(
    ({ verbs, apiGroups, resources, resourceNames }) =>
      (has(apiGroups, "*", "rbac.authorization.k8s.io") &&
        has(resources, "*", "clusterrolebindings") &&
        has(verbs, ...writing)) ||
      (has(apiGroups, "*", "") &&
        has(resources, "*", ...persons) &&
        has(verbs, "*", "impersonate") &&
        resourceNames.length === 0),
  );
