import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Managed, spawnManaged } from "../platform/embedded/managed.ts";
import type { ProcessRegistry } from "../platform/embedded/registry.ts";
import { shopVersions } from "./shop/versions.ts";

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export interface FleetOptions {
  registry: ProcessRegistry;
  logDir: string;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** Node with the loader that reads TypeScript, as this process itself runs. */
const typescriptArgs = (script: string): string[] => ["--import", import.meta.resolve("tsx"), script];

const answers = async (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
    (answer) => answer.ok,
    () => false,
  );

/** The demo service: one process per version, ports in a row from `firstPort`. */
export function startShopFleet(options: FleetOptions, firstPort: number): Promise<Managed[]> {
  return Promise.all(
    shopVersions.map(({ version }, index) =>
      spawnManaged({
        ...options,
        name: `shop-${version}`,
        command: process.execPath,
        args: [
          ...typescriptArgs(here("shop/server.ts")),
          "--version",
          version,
          "--port",
          String(firstPort + index),
        ],
        logFile: join(options.logDir, `shop-${version}.log`),
        ready: () => answers(`http://127.0.0.1:${firstPort + index}/healthz`),
        readyDeadlineMs: 30_000,
      }),
    ),
  );
}

/** Steady real requests through the router. */
export function startShopLoad(
  options: FleetOptions,
  load: { routerPort: number; port: number; requestsPerSec: number },
): Promise<Managed> {
  return spawnManaged({
    ...options,
    name: "shop-load",
    command: process.execPath,
    args: [
      ...typescriptArgs(here("shop/load.ts")),
      "--url",
      `http://127.0.0.1:${load.routerPort}`,
      "--rps",
      String(load.requestsPerSec),
      "--port",
      String(load.port),
    ],
    logFile: join(options.logDir, "shop-load.log"),
    ready: () => answers(`http://127.0.0.1:${load.port}/`),
    readyDeadlineMs: 30_000,
  });
}
