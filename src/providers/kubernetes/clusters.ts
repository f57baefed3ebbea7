/**
 * Which cluster is meant and with whose rights: a kubeconfig's context, or the service account of the pod that
 * Quarterdeck runs in. Certificates, tokens, exec plugins and proxies are the client library's.
 */
import { readFileSync, statSync } from "node:fs";
import type { RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { ProviderError } from "../errors.ts";
import { KubernetesApi, type KubernetesCall } from "./api.ts";

export interface ClusterAddress {
  /** Path of a kubeconfig; null: from inside the cluster. */
  readonly kubeconfig: string | null;
  /** Null: the kubeconfig's current one. */
  readonly context: string | null;
}

export interface Clusters {
  /** Work within one deadline and over one connection, which is closed after it. Throws ProviderError. */
  use<T>(address: ClusterAddress, call: KubernetesCall, work: (api: KubernetesApi) => Promise<T>): Promise<T>;
  /** How the cluster is reached, for people's own kubeconfigs. Throws ProviderError. */
  describe(address: ClusterAddress): Promise<ClusterFacts>;
}

export interface ClusterFacts {
  readonly server: string;
  /** Base64 of the PEM that signs its certificate; null: one the machine trusts. */
  readonly authority: string | null;
  /** Name in its certificate, where that is not the server's. */
  readonly tlsServerName: string | null;
}

interface Loaded {
  readonly config: KubeConfig;
  /** Milliseconds; what was read is read again when the file changes. */
  readonly modifiedMs: number;
}

export function createClusters(): Clusters {
  // Kept, because a kubeconfig's exec plugin is asked for a new token only when its last one ends.
  const loaded = new Map<string, Loaded>();

  async function configOf(address: ClusterAddress): Promise<KubeConfig> {
    const key = JSON.stringify([address.kubeconfig, address.context]);
    const modifiedMs = address.kubeconfig === null ? 0 : modifiedAt(address.kubeconfig);
    const known = loaded.get(key);
    if (known?.modifiedMs === modifiedMs) return known.config;
    const config = await load(address);
    loaded.set(key, { config, modifiedMs });
    return config;
  }

  return {
    async use(address, call, work) {
      const config = await configOf(address);
      const server = config.getCurrentCluster()?.server ?? "";
      // One deadline for both: the requests have what the credentials leave of it.
      const deadline = AbortSignal.timeout(call.deadlineMs);
      const whole = { ...call, signal: call.signal ? AbortSignal.any([deadline, call.signal]) : deadline };
      const options = await inTime(credentials(config), whole);
      const api = new KubernetesApi(server, options, whole);
      try {
        return await work(api);
      } finally {
        api.close();
      }
    },

    async describe(address) {
      const { server, caData, caFile, tlsServerName } = (await configOf(address)).getCurrentCluster() ?? {};
      return {
        server: server ?? "",
        authority: caData ?? (caFile === undefined ? null : readAuthority(caFile)),
        tlsServerName: tlsServerName ?? null,
      };
    },
  };
}

function modifiedAt(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch (error) {
    throw unusable(`the kubeconfig ${path} cannot be read`, error);
  }
}

function readAuthority(path: string): string {
  try {
    return readFileSync(path).toString("base64");
  } catch (error) {
    throw unusable(`the certificate-authority ${path} cannot be read`, error);
  }
}

async function load({ kubeconfig, context }: ClusterAddress): Promise<KubeConfig> {
  // The library is large; a Quarterdeck without Kubernetes never loads it.
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  try {
    if (kubeconfig === null) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw unusable(`the kubeconfig ${kubeconfig} cannot be read`, error);
  }
  if (context !== null) {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => name);
      throw unusable(`the kubeconfig has no context ${context}; it has ${known.join(", ") || "none"}`);
    }
    config.setCurrentContext(context);
  }
  if (!URL.canParse(config.getCurrentCluster()?.server ?? ""))
    throw unusable(
      kubeconfig === null
        ? "Quarterdeck runs in no cluster: KUBERNETES_SERVICE_HOST is not set"
        : `the context ${config.getCurrentContext() ?? "in force"} of ${kubeconfig} names no cluster with an address`,
    );
  return config;
}

async function credentials(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
    return options;
  } catch (error) {
    throw new ProviderError(
      "unauthorised",
      `The cluster's credentials cannot be had: ${error instanceof Error ? error.message : "no reason given"}`,
      "Check the kubeconfig's user: its exec plugin, token file or certificate.",
      error,
    );
  }
}

/** An exec plugin or an identity provider may take as long as it likes; we do not wait for it. */
function inTime<T>(work: Promise<T>, { deadlineMs, signal }: KubernetesCall): Promise<T> {
  const deadline = AbortSignal.timeout(deadlineMs);
  const end = signal ? AbortSignal.any([deadline, signal]) : deadline;
  return new Promise<T>((resolve, reject) => {
    end.addEventListener("abort", () =>
      reject(
        new ProviderError(
          "timeout",
          `The cluster's credentials were not there within ${deadlineMs} ms`,
          "Check the kubeconfig's user: its exec plugin or identity provider. Nothing was changed.",
        ),
      ),
    );
    work.then(resolve, reject);
  });
}

const unusable = (problem: string, cause?: unknown): ProviderError =>
  new ProviderError(
    "rejected",
    `The cluster is not known: ${problem}`,
    "Check kubeconfigEnv and context of the instance, or run Quarterdeck in the cluster.",
    cause,
  );
