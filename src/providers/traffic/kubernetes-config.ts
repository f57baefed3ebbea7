/** What the catalog declares of a service in a cluster, as the engine reads it. */
import { z } from "zod";
import type { ServiceTraffic, TrafficInstance } from "../../catalog/schema.ts";
import { ProviderError } from "../errors.ts";
import type { TrafficTarget } from "./contract.ts";
import { isTag } from "./kubernetes-images.ts";

const nameSchema = z.string().min(1);

export const kubernetesConfigSchema = z
  .strictObject({
    /** Path of a kubeconfig; null: the pod's own service account. */
    kubeconfig: nameSchema.nullable(),
    context: nameSchema.nullable(),
    kind: z.enum(["rollout", "http-route", "deployment"]),
    namespace: nameSchema,
    name: nameSchema,
    /** Container whose image carries the version; null: the only one. */
    container: nameSchema.nullable(),
    /** `ghcr.io/acme/shop:{version}`. */
    image: z.string().includes("{version}"),
    /** For an HTTPRoute: the Services it divides traffic over, and the Deployment behind each. */
    backends: z.array(z.strictObject({ service: nameSchema, deployment: nameSchema })),
    /** Declared versions; empty: any that can be an image's tag. */
    versions: z.array(z.strictObject({ name: nameSchema, url: z.string().nullable() })),
    /** Where the canary answers, whichever version it is. */
    canaryUrl: z.string().nullable(),
    /** Replicas are somebody else's (an autoscaler's): neither kept in snapshots nor put back. */
    autoscaled: z.boolean(),
  })
  .refine(({ kind, backends }) => kind !== "http-route" || backends.length >= 2, {
    path: ["backends"],
    error: "an HTTPRoute divides traffic over at least two",
  });
export type KubernetesConfig = z.output<typeof kubernetesConfigSchema>;

export function kubernetesConfigOf(
  instance: TrafficInstance & { kind: "kubernetes" },
  entry: ServiceTraffic,
  env: (name: string) => string | undefined,
): Record<keyof KubernetesConfig, unknown> {
  const { kubernetes } = entry;
  return {
    kubeconfig: instance.kubeconfigEnv === undefined ? null : (env(instance.kubeconfigEnv) ?? ""),
    context: instance.context ?? null,
    kind: kubernetes?.kind,
    namespace: kubernetes?.namespace,
    name: kubernetes?.name,
    container: kubernetes?.container ?? null,
    image: kubernetes?.image,
    backends: kubernetes?.backends ?? [],
    versions: entry.versions.map(({ name, url }) => ({ name, url: url ?? null })),
    canaryUrl: kubernetes?.canaryUrl ?? null,
    autoscaled: kubernetes?.autoscaled ?? false,
  };
}

export function readConfig({ service, config }: TrafficTarget): KubernetesConfig {
  const read = kubernetesConfigSchema.safeParse(config);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new ProviderError(
    "rejected",
    `The Kubernetes configuration of ${service} cannot be used: ${field} ${issue?.message ?? ""}`,
    field === "kubeconfig"
      ? "Set the variable that kubeconfigEnv of the traffic instance names."
      : "Correct the named field of the service's traffic in the catalog.",
  );
}

export const knowsVersion = ({ versions }: KubernetesConfig, version: string): boolean =>
  versions.length > 0 ? versions.some(({ name }) => name === version) : isTag(version);

/** @throws {ProviderError} `not_found` */
export function checkVersion(config: KubernetesConfig, version: string): void {
  if (knowsVersion(config, version)) return;
  const known = config.versions.map(({ name }) => name).join(", ");
  throw new ProviderError(
    "not_found",
    `version ${version} of ${config.name} is ${known === "" ? "no tag that an image can have" : `not declared; known: ${known}`}`,
    known === "" ? "Check how it is written." : "Add it to the service's traffic versions in the catalog.",
  );
}

/** `kubectl`, told the same cluster and namespace; which kubeconfig, the environment says. */
export const kubectlArguments = ({ context, namespace }: KubernetesConfig): string[] => [
  ...(context === null ? [] : ["--context", context]),
  "-n",
  namespace,
];
