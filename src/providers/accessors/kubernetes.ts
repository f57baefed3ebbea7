import { setTimeout as wait } from "node:timers/promises";
import type { AccessTerms } from "../../catalog/schema.ts";
import { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { KubernetesApi } from "../kubernetes/api.ts";
import type { ClusterAddress, Clusters } from "../kubernetes/clusters.ts";
import {
  type Accessor,
  type CallOptions,
  externalNamePattern,
  type Grantee,
  type GrantIntent,
  type GrantRef,
  type ReadBack,
} from "./contract.ts";
import { type KubernetesGrant, obstaclesOf, rulesOf } from "./kubernetes-checks.ts";
import { kubeconfigFor } from "./kubernetes-kubeconfig.ts";
import {
  accountBody,
  accountPath,
  bindingBody,
  bindingPath,
  bindingSchema,
  externalNameIn,
  isAsMeant,
  isOurs,
  keyOf,
  membershipIn,
  objectNameOf,
  type Place,
  roleRefOf,
  type ServiceAccount,
  scopesOf,
  secretBody,
  secretPath,
  secretSchema,
  secrets,
  serviceAccountListSchema,
  serviceAccountSchema,
  serviceAccounts,
  termsIn,
  termsPatch,
  tokenBody,
  tokenSchema,
  tokenUntilIn,
  tokenUntilPatch,
} from "./kubernetes-objects.ts";
import {
  authenticatorCacheMs,
  endStatementsOf,
  isWholePower,
  outlastingIn,
  statementsOf,
  tokenSecondsFor,
  wordsOf,
} from "./kubernetes-plan.ts";
import { assertExternalName, assertKey } from "./names.ts";
import { assertDeclared, readTerms } from "./terms.ts";

export interface KubernetesAccessorOptions {
  clusters: Clusters;
  cluster: ClusterAddress;
  /** Holds the service accounts of grants. */
  namespace: string;
  /** Address people reach the API server by; the kubeconfig's when left out. */
  publicUrl?: string | undefined;
  /** Terms that may be granted. */
  grantable: readonly AccessTerms[];
  /** Each call ends by then, in milliseconds. */
  deadlineMs: number;
  now: () => Date;
}

/** Tries of one token; more than one only where two workers make the same grant at once. */
const tokenTriesMax = 12;
/** Between two of them, in milliseconds times the try. */
const tokenWaitMs = 15;

const nobody: Grantee = { personId: "", slack: { team: "", user: "" }, accounts: {} };

/**
 * Service accounts of a cluster: one per grant, bound to a role in the namespaces of the terms, with a token that is
 * bound to a Secret of its own. The bindings go first: from then on every new request is refused.
 */
export function createKubernetesAccessor(options: KubernetesAccessorOptions): Accessor {
  const use = <T>(call: CallOptions | undefined, work: (api: KubernetesApi) => Promise<T>): Promise<T> =>
    options.clusters.use(options.cluster, { deadlineMs: options.deadlineMs, signal: call?.signal }, work);
  const placeOf = (externalName: string): Place => {
    assertExternalName(externalName);
    return { namespace: options.namespace, name: objectNameOf(externalName) };
  };
  const addressed = async () => {
    const facts = await options.clusters.describe(options.cluster);
    return options.publicUrl === undefined ? facts : { ...facts, server: options.publicUrl };
  };
  const grantOf = ({ externalName, terms, expiresAt }: GrantIntent): KubernetesGrant => {
    const place = placeOf(externalName);
    const read = readTerms("kubernetes", terms);
    assertDeclared(options.grantable, terms, membershipsOf(read).join(", "));
    if (scopesOf(read).includes(options.namespace))
      throw rejected(
        `${options.namespace} holds the service accounts of all grants: nobody gets rights there`,
        "Name other namespaces in the role's terms",
      );
    if (Number.isNaN(expiresAt.getTime()))
      throw rejected("The grant's end is no date", "expiresAt must be a valid Date");
    return { place, terms: read };
  };

  return {
    plan: async (intent, call) => {
      const wanted = grantOf(intent);
      const { server } = await addressed();
      return await use(call, async (api) => {
        const { place, terms } = wanted;
        const { rules, problem } = await rulesOf(api, terms);
        const present = await api.find(accountPath(place), serviceAccountSchema);
        return {
          words: wordsOf(place, terms, server, intent.expiresAt, outlastingIn(rules)),
          statements: statementsOf(place, terms, tokenSecondsFor(intent.expiresAt, options.now())),
          endStatements: endStatementsOf(place, terms),
          obstacles: [
            ...(problem ? [problem.message] : []),
            ...(isWholePower(rules, terms) ? [wholePower(terms).message] : []),
            ...(present ? [`The service account ${place.namespace}/${place.name} exists already`] : []),
            ...(await obstaclesOf(api, wanted)),
          ],
        };
      });
    },

    grant: async (intent, idempotencyKey, call) => {
      const wanted = grantOf(intent);
      assertKey(idempotencyKey);
      const facts = await addressed();
      const seconds = () => tokenSecondsFor(intent.expiresAt, options.now());
      const made = await use(call, (api) => grant(api, wanted, idempotencyKey, seconds));
      const name = wanted.place.name;
      const [namespace = ""] = scopesOf(wanted.terms);
      const kubeconfig = kubeconfigFor(facts, { name, token: made.token, namespace });
      const fileName = `${name}.kubeconfig`;
      return {
        credential: [
          { id: "kubeconfig", label: "Kubeconfig", value: new Secret(kubeconfig), fileName },
          { id: "token", label: "Token", value: new Secret(made.token) },
          { id: "address", label: "API server", value: facts.server },
          { id: "command", label: "Try it", value: `kubectl --kubeconfig ${fileName} auth can-i --list` },
        ],
        expiresAt: made.expiresAt,
        lastsUntil: null,
        externalId: `${wanted.place.namespace}/${name}`,
        wasAdopted: made.wasAdopted,
      };
    },

    verify: async (ref, call) => {
      const place = placeOf(ref.externalName);
      return await use(call, (api) => readBack(api, place, ref));
    },

    revoke: async (ref, call) => {
      const place = placeOf(ref.externalName);
      return await use(call, async (api) => {
        const account = await findOurs(api, place);
        for (const scope of scopesIn(ref, account)) await removeBinding(api, scope, place);
        await api.remove(secretPath(place));
        if (account) await api.remove(accountPath(place), account.metadata.uid);
        return {
          sessionsEnded: 0,
          cleaned: [],
          readBack: await readBack(api, place, ref),
          lastsUntil: account ? new Date(options.now().getTime() + authenticatorCacheMs) : null,
        };
      });
    },

    list: (call) =>
      use(call, async (api) => {
        const at = { resource: serviceAccounts, namespace: options.namespace, labelSelector: "" };
        const { items } = await api.list(at, serviceAccountListSchema);
        return items
          .filter(({ metadata }) => externalNamePattern.test(externalNameIn(metadata.name)))
          .map((account) => {
            const externalName = externalNameIn(account.metadata.name);
            const terms = termsIn(account);
            const memberships = terms ? membershipsOf(terms) : [];
            return {
              ref: { externalName, grantee: nobody, terms: terms ?? {} },
              idempotencyKey: keyOf(account),
              words: `service account ${options.namespace}/${account.metadata.name}, ${memberships.join(", ") || "without terms"}`,
              readBack: {
                exists: true,
                canLogin: account.metadata.deletionTimestamp === undefined,
                validUntil: tokenUntilIn(account),
                memberships,
                openSessions: null,
              },
            };
          });
      }),
  };
}

const rejected = (message: string, hint: string): ProviderError =>
  new ProviderError("rejected", message, hint);
const isCode = (error: unknown, code: ProviderError["code"]): boolean =>
  error instanceof ProviderError && error.code === code;

const wholePower = (terms: ReturnType<typeof termsOf>): ProviderError =>
  rejected(
    `${roleRefOf(terms).kind} ${roleRefOf(terms).name} in all namespaces gives power over the cluster itself, its own end included`,
    "Bind it in namespaces, or make a ClusterRole with the rights that are needed",
  );
const termsOf = ({ terms }: Pick<GrantRef, "terms">) => readTerms("kubernetes", terms);

const membershipsOf = (terms: ReturnType<typeof termsOf>): string[] =>
  scopesOf(terms)
    .map((scope) => membershipIn(scope, roleRefOf(terms)))
    .sort();

/** Where bindings of the grant may be: by its terms, and by those it was made with. */
function scopesIn(ref: Pick<GrantRef, "terms">, account: ServiceAccount | undefined): string[] {
  // What the reconciler found without terms has none to read.
  const declared = Object.keys(ref.terms).length === 0 ? [] : scopesOf(termsOf(ref));
  const made = account && termsIn(account);
  return [...new Set([...declared, ...(made ? scopesOf(made) : [])])];
}

/** Throws `conflict` when somebody else's stands there. */
async function findOurs(api: KubernetesApi, place: Place): Promise<ServiceAccount | undefined> {
  const account = await api.find(accountPath(place), serviceAccountSchema);
  if (account === undefined || isOurs(account)) return account;
  throw new ProviderError(
    "conflict",
    `The service account ${place.namespace}/${place.name} exists and was not made by Quarterdeck`,
    "Find out whose it is; that namespace should hold nothing else",
  );
}

async function removeBinding(api: KubernetesApi, scope: string, { name }: Place): Promise<void> {
  const path = bindingPath(scope, name);
  const binding = await api.find(path, bindingSchema);
  if (binding && isOurs(binding)) await api.remove(path, binding.metadata.uid);
}

async function readBack(api: KubernetesApi, place: Place, ref: Pick<GrantRef, "terms">): Promise<ReadBack> {
  const account = await findOurs(api, place);
  const found = await Promise.all(
    scopesIn(ref, account).map(async (scope) => {
      const binding = await api.find(bindingPath(scope, place.name), bindingSchema);
      return binding && isOurs(binding) ? [membershipIn(scope, binding.roleRef)] : [];
    }),
  );
  const memberships = found.flat().sort();
  return {
    exists: account !== undefined || memberships.length > 0,
    canLogin: account !== undefined && account.metadata.deletionTimestamp === undefined,
    validUntil: account ? tokenUntilIn(account) : null,
    memberships,
    openSessions: null,
  };
}

async function grant(
  api: KubernetesApi,
  { place, terms }: KubernetesGrant,
  key: string,
  seconds: () => number,
): Promise<{ token: string; expiresAt: Date; wasAdopted: boolean }> {
  const { rules, problem } = await rulesOf(api, terms);
  if (problem) throw problem;
  if (isWholePower(rules, terms)) throw wholePower(terms);
  const wasAdopted = await makeAccount(api, place, terms, key);
  for (const scope of scopesOf(terms)) await bind(api, scope, place, terms);
  const issued = await issueToken(api, place, terms, seconds);
  const expiresAt = new Date(issued.status.expirationTimestamp);
  await api.merge(accountPath(place), tokenUntilPatch(expiresAt), serviceAccountSchema);
  return { token: issued.status.token, expiresAt, wasAdopted };
}

/** @returns whether an earlier try had made it */
async function makeAccount(
  api: KubernetesApi,
  place: Place,
  terms: KubernetesGrant["terms"],
  key: string,
): Promise<boolean> {
  const at = { resource: serviceAccounts, namespace: place.namespace };
  try {
    await api.create(at, accountBody(place, key, terms), serviceAccountSchema);
    return false;
  } catch (error) {
    if (!isCode(error, "conflict")) throw error;
  }
  const present = await api.get(accountPath(place), serviceAccountSchema);
  if (keyOf(present) !== key)
    throw new ProviderError(
      "conflict",
      `The service account ${place.namespace}/${place.name} exists and was not made by this grant`,
      "Compare it with the grants on record, remove it if nobody needs it, then try again",
    );
  const wanted = scopesOf(terms);
  const had = termsIn(present);
  for (const scope of had ? scopesOf(had) : [])
    if (!wanted.includes(scope)) await removeBinding(api, scope, place);
  await api.merge(accountPath(place), termsPatch(terms), serviceAccountSchema);
  return true;
}

async function bind(
  api: KubernetesApi,
  scope: string,
  place: Place,
  terms: KubernetesGrant["terms"],
): Promise<void> {
  const path = bindingPath(scope, place.name);
  const at = { resource: path.resource, namespace: scope };
  for (let isFirst = true; ; isFirst = false) {
    try {
      await api.create(at, bindingBody(scope, place, terms), bindingSchema);
      return;
    } catch (error) {
      if (!isCode(error, "conflict")) throw error;
    }
    const present = await api.find(path, bindingSchema);
    if (present && isOurs(present) && isAsMeant(present, place, terms)) return;
    if (!isFirst || (present && !isOurs(present)))
      throw new ProviderError(
        "conflict",
        `The binding ${place.name} in ${scope || "the cluster"} exists and is not as this grant's`,
        "Remove it if nobody needs it, then try again",
      );
    if (present) await api.remove(path, present.metadata.uid);
  }
}

/** A new Secret makes every earlier token of the grant invalid; of several tries at once the last one's token holds. */
async function issueToken(
  api: KubernetesApi,
  place: Place,
  terms: KubernetesGrant["terms"],
  seconds: () => number,
): Promise<{ status: { token: string; expirationTimestamp: string } }> {
  for (let nth = 1; ; nth += 1) {
    try {
      await api.remove(secretPath(place));
      const at = { resource: secrets, namespace: place.namespace };
      const { metadata } = await api.create(at, secretBody(place), secretSchema);
      return await api.create(
        { ...accountPath(place), subresource: "token" },
        tokenBody(seconds(), place, metadata.uid),
        tokenSchema,
      );
    } catch (error) {
      const isRace = isCode(error, "conflict") || isCode(error, "not_found");
      if (!isRace) throw error;
      if ((await findOurs(api, place)) === undefined) {
        // Ended while it was being made: nothing of it stays.
        for (const scope of scopesOf(terms)) await removeBinding(api, scope, place);
        await api.remove(secretPath(place));
        throw error;
      }
      if (nth === tokenTriesMax) throw error;
    }
    await wait(tokenWaitMs * nth * (1 + (nth % 3)));
  }
}
