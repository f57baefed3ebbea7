import { accessSync, constants, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const folders = [
  ...(process.env.PATH ?? "").split(":").filter((folder) => folder.startsWith("/")),
  "/usr/bin",
  "/usr/local/bin",
];

/** Where scripts/kube-apiserver.mjs keeps what it builds. */
function apiserverPath(): string {
  const modules = readFileSync(new URL("kubernetes/apiserver/go.mod", import.meta.url), "utf8");
  const version = /k8s\.io\/kubernetes (v\S+)/.exec(modules)?.[1];
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return join(cache, "quarterdeck", `kube-apiserver-${version}`);
}

const binaries = {
  prometheus: {
    candidates: folders.map((folder) => join(folder, "prometheus")),
    install: "apt-get install prometheus",
  },
  alertmanager: {
    // Debian's name, and the project's own.
    candidates: folders.flatMap((folder) => [
      join(folder, "prometheus-alertmanager"),
      join(folder, "alertmanager"),
    ]),
    install: "apt-get install prometheus-alertmanager",
  },
  "redis-server": {
    candidates: folders.map((folder) => join(folder, "redis-server")),
    install: "apt-get install redis-server",
  },
  haproxy: {
    // Debian's is where only root looks.
    candidates: [...folders, "/usr/sbin", "/usr/local/sbin"].map((folder) => join(folder, "haproxy")),
    install: "apt-get install haproxy",
  },
  etcd: {
    candidates: folders.map((folder) => join(folder, "etcd")),
    install: "apt-get install etcd-server",
  },
  "kube-apiserver": {
    candidates: [apiserverPath(), ...folders.map((folder) => join(folder, "kube-apiserver"))],
    install: "node scripts/kube-apiserver.mjs, which needs Go",
  },
  kubectl: {
    candidates: folders.map((folder) => join(folder, "kubectl")),
    install: "apt-get install kubernetes-client",
  },
  go: {
    candidates: [...folders, "/usr/local/go/bin"].map((folder) => join(folder, "go")),
    install: "from go.dev",
  },
  sshd: {
    // Where only root looks.
    candidates: [...folders, "/usr/sbin", "/usr/local/sbin"].map((folder) => join(folder, "sshd")),
    install: "apt-get install openssh-server openssh-client",
  },
  socat: {
    candidates: folders.map((folder) => join(folder, "socat")),
    install: "apt-get install socat",
  },
  python3: {
    candidates: folders.map((folder) => join(folder, "python3")),
    install: "apt-get install python3",
  },
  openssl: {
    candidates: folders.map((folder) => join(folder, "openssl")),
    install: "apt-get install openssl",
  },
  chromium: {
    candidates: folders.flatMap((folder) => [join(folder, "chromium"), join(folder, "chromium-browser")]),
    install: "apt-get install chromium",
  },
  "postgres-15": {
    candidates: ["/usr/lib/postgresql/15/bin/postgres"],
    install: "apt-get install postgresql-15",
  },
} as const;

export type ServiceName = keyof typeof binaries;

/**
 * Path of a real service's binary, or undefined with the reason printed. With `CI=true` a missing one fails the run:
 * there every test must have run.
 *
 * ```ts
 * const prometheus = requireService("prometheus");
 * describe.runIf(prometheus)("against a real Prometheus", () => { … });
 * ```
 */
export function requireService(name: ServiceName, isThere = isExecutable): string | undefined {
  const found = findService(name, isThere);
  if (found === undefined && process.env.CI === "true")
    throw new Error(
      `${name} is not installed, and with CI=true no test may be left out: ${binaries[name].install}`,
    );
  return found;
}

/** As {@link requireService}, for what even CI may lack, such as a second version of a service. */
export function findService(name: ServiceName, isThere = isExecutable): string | undefined {
  const found = binaries[name].candidates.find(isThere);
  if (found === undefined)
    console.warn(`NOT TESTED: ${name} is not installed (${binaries[name].install}); its tests are left out`);
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
