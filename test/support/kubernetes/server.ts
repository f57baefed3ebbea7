import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../src/platform/embedded/ports.ts";
import { poll } from "../../../src/platform/embedded/wait.ts";
import { findService, requireService } from "../services.ts";
import { AdminClient } from "./admin.ts";

export interface TestApiServer {
  /** Path of an administrator's kubeconfig. */
  kubeconfig: string;
  stop(): Promise<void>;
}

/**
 * Whether there is an API server to test against: one with `KUBECONFIG_TEST`, or its programs. Where Go is installed
 * it can be built, so with `CI=true` it must be there; elsewhere what is left out is printed.
 */
export function hasKubernetes(): boolean {
  if (process.env.KUBECONFIG_TEST) return true;
  if (findService("kube-apiserver") !== undefined) return requireService("etcd") !== undefined;
  if (process.env.CI === "true" && findService("go") !== undefined) requireService("kube-apiserver");
  return false;
}

/** A real kube-apiserver on a real etcd: RBAC, validation, versions of objects; no nodes and no controllers. */
export async function startApiServer(): Promise<TestApiServer> {
  const given = process.env.KUBECONFIG_TEST;
  if (given) {
    await installDefinitions(new AdminClient(given));
    return { kubeconfig: given, stop: async () => undefined };
  }
  const [etcdBinary, binary] = [requireService("etcd"), requireService("kube-apiserver")];
  if (!etcdBinary || !binary) throw new Error("etcd or kube-apiserver is missing");
  const home = await mkdtemp(join(tmpdir(), "quarterdeck-kubernetes-"));
  const etcd = `http://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const port = await freePort();
  const keyFile = join(home, "service-accounts.key");
  execFileSync("openssl", ["genrsa", "-out", keyFile, "2048"], { stdio: "ignore" });
  await writeFile(join(home, "tokens.csv"), `${adminToken},admin,admin,"system:masters"\n`);
  const log: string[] = [];
  const processes = [
    run(log, etcdBinary, [
      `--data-dir=${join(home, "etcd")}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      "--unsafe-no-fsync",
      "--log-level=error",
    ]),
    run(log, binary, [
      `--etcd-servers=${etcd}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--cert-dir=${join(home, "certificates")}`,
      `--service-account-key-file=${keyFile}`,
      `--service-account-signing-key-file=${keyFile}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--token-auth-file=${join(home, "tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.0.0.0/24",
      // Nobody makes the service accounts' secrets here, or gives Services addresses.
      "--disable-admission-plugins=ServiceAccount",
      "--endpoint-reconciler-type=none",
      "--enable-priority-and-fairness=false",
    ]),
  ];
  const stop = async () => {
    await Promise.all(processes.map(end));
    await rm(home, { recursive: true, force: true });
  };
  const kubeconfig = join(home, "kubeconfig");
  await writeFile(
    kubeconfig,
    kubeconfigOf({
      server: `https://127.0.0.1:${port}`,
      authority: join(home, "certificates", "apiserver.crt"),
      token: adminToken,
    }),
  );
  const isReady = async (): Promise<boolean | undefined> => {
    if (processes.some(({ exitCode }) => exitCode !== null)) return false;
    try {
      const text = await new AdminClient(kubeconfig).text("/readyz");
      return text === "ok" ? true : undefined;
    } catch {
      return undefined;
    }
  };
  if (!(await poll(isReady, 90_000, 100))) {
    await stop();
    throw new Error(`kube-apiserver did not start:\n${log.join("").slice(-4_000)}`);
  }
  await installDefinitions(new AdminClient(kubeconfig));
  return { kubeconfig, stop };
}

const adminToken = "administrator-of-a-test";

export function kubeconfigOf({
  server,
  authority,
  token,
}: {
  server: string;
  authority?: string;
  token: string;
}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [
      { name: "test", cluster: { server, ...(authority && { "certificate-authority": authority }) } },
    ],
    users: [{ name: "tester", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "tester" } }],
  });
}

function run(log: string[], binary: string, args: readonly string[]): ChildProcess {
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  child.stderr.on("data", (chunk: Buffer) => log.push(chunk.toString()));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await gone;
}

const definitions = [
  ["argo-rollouts-1.9.3-rollout", "/apis/argoproj.io/v1alpha1"],
  ["gateway-api-1.6.3-httproute", "/apis/gateway.networking.k8s.io/v1"],
] as const;

async function installDefinitions(admin: AdminClient): Promise<void> {
  for (const [file] of definitions) {
    const path = new URL(`../../fixtures/kubernetes/${file}.crd.json`, import.meta.url);
    const body: unknown = JSON.parse(await readFile(path, "utf8"));
    await admin.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body);
  }
  const isServed = async () => {
    const served = await Promise.all(definitions.map(([, group]) => admin.exists(group)));
    return served.every(Boolean) || undefined;
  };
  if (!(await poll(isServed, 30_000, 100))) throw new Error("the custom resources are not served");
}

export const authorityOf = (kubeconfig: string): { server: string; authority?: string } => {
  const { clusters } = JSON.parse(readFileSync(kubeconfig, "utf8")) as {
    clusters: { cluster: { server: string; "certificate-authority"?: string } }[];
  };
  const cluster = clusters[0]?.cluster;
  return { server: cluster?.server ?? "", authority: cluster?.["certificate-authority"] };
};
