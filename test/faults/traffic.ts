import { join } from "node:path";
import { type RunningLoad, startLoad } from "../../src/sandbox/shop/generator.ts";
import { startShop } from "../../src/sandbox/shop/shop.ts";
import { type RoleProcess, startRole } from "../support/processes.ts";
import { removedFolder } from "./folders.ts";
import { routerToken } from "./installation.ts";

export interface Traffic {
  /** A real router process in front of real versions of the shop. */
  router: RoleProcess;
  load: RunningLoad;
  /** What the catalog and the roles need to know of them. */
  env: Record<string, string>;
  /** Weights in force, by version; only those above zero. */
  weights(): Promise<Record<string, number>>;
  close(): Promise<void>;
}

const versions = [41, 42, 43, 44];

/** User traffic: a router process, four versions of the shop (v43 fails every third request) and steady requests. */
export async function startTraffic(requestsPerSec: number): Promise<Traffic> {
  const folder = await removedFolder();
  const shops = await Promise.all(
    versions.map((version) =>
      startShop({
        version: `v${version}`,
        host: "127.0.0.1",
        port: 0,
        fault: { errorRatio: version === 43 ? 0.34 : 0, delayMs: 0 },
        random: Math.random,
      }),
    ),
  );
  const router = await startRole("router", {
    ROUTER_TOKEN: routerToken,
    ROUTER_STATE: join(folder.path, "routes.json"),
  });
  const load = startLoad({
    url: router.url,
    host: "shop",
    requestsPerSec,
    checkoutRatio: 0.3,
    random: Math.random,
  });
  return {
    router,
    load,
    env: {
      ROUTER_ADMIN_URL: router.adminUrl,
      ...Object.fromEntries(
        versions.map((version, index) => [`SHOP_V${version}_URL`, `http://127.0.0.1:${shops[index]?.port}`]),
      ),
    },
    weights: async () => {
      const answer = await fetch(`${router.adminUrl}/routes/shop`, {
        headers: { authorization: `Bearer ${routerToken}` },
      });
      if (answer.status === 404) return {};
      const { backends } = (await answer.json()) as { backends: { version: string; weight: number }[] };
      return Object.fromEntries(
        backends.filter(({ weight }) => weight > 0).map(({ version, weight }) => [version, weight]),
      );
    },
    close: async () => {
      await load.stop();
      await router.kill();
      await Promise.all(shops.map((shop) => shop.close()));
      await folder.remove();
    },
  };
}

/** Steps that a rollout can walk within seconds on a test's few requests. */
export const quickSteps = (yaml: string): string =>
  yaml
    .replace(/ {8}- \{ weightPercent: (1|10|50|100),.*\n/g, (line, weight: string) =>
      weight === "1" || weight === "10"
        ? ""
        : line.replace(/minDuration: 3s, minSamples: \d+/, "minDuration: 1s, minSamples: 30"),
    )
    .replace(/ {6}watch: 15s/, "      watch: 3s");
