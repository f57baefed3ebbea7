import { execFile } from "node:child_process";
import { Agent } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { Secret } from "../../../src/platform/secret.ts";
import { createRouterEngine, type RouterConfig } from "../../../src/providers/traffic/router.ts";
import {
  get,
  setRoute,
  startBackend,
  startRouterProcess,
  startTestRouter,
  temporaryFolder,
  token,
} from "../../router/support.ts";
import { type TrafficBench, trafficConformance } from "./conformance.ts";

const call = { deadlineMs: 10_000 };

type RouterBench = TrafficBench & { config: RouterConfig };

async function open(router?: { port: number; adminPort: number }): Promise<RouterBench> {
  const backends = await Promise.all(["v41", "v42", "v43"].map((version) => startBackend(version)));
  const { port, adminPort } = router ?? (await startTestRouter());
  const config: RouterConfig = {
    adminUrl: `http://127.0.0.1:${adminPort}`,
    token: new Secret(token),
    backends: backends.map(({ version, url }) => ({ version, url: `${url}/` })),
  };
  const target = { service: "shop", environment: "production", config };
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void silent.close());
  return {
    engine: createRouterEngine(),
    target,
    versions: ["v41", "v42", "v43"],
    unauthorised: { ...target, config: { ...config, token: new Secret("not the token") } },
    unreachable: { ...target, config: { ...config, adminUrl: "http://127.0.0.1:1" } },
    silent: {
      ...target,
      config: { ...config, adminUrl: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` },
    },
    async served(requests) {
      const agent = new Agent({ keepAlive: true });
      const counts: Record<string, number> = {};
      for (let n = 0; n < requests; n += 1) {
        const { body } = await get(port, "/", { agent });
        counts[body] = (counts[body] ?? 0) + 1;
      }
      agent.destroy();
      return Object.fromEntries(
        Object.entries(counts).map(([version, count]) => [version, (count / requests) * 100]),
      );
    },
    meddle: (canaryPercent) =>
      setRoute(
        adminPort,
        "shop",
        backends.slice(0, 2).map(({ version, url }, index) => ({
          version,
          url,
          weight: index === 0 ? 100 - canaryPercent : canaryPercent,
        })),
      ),
    config,
  };
}

trafficConformance("router", () => open());

it("puts a snapshot back by the printed command alone, and the command holds no secret", async () => {
  const router = await startRouterProcess(join(await temporaryFolder(), "routes.json"));
  const { engine, target, served } = await open(router);
  await engine.setWeight(target, "v41", 100, "a", call);
  const snapshot = await engine.snapshot(target, call);
  await engine.setWeight(target, "v42", 100, "b", call);
  const [command = ""] = engine.manualRevert(target, snapshot);
  expect(command).not.toContain(token);
  await promisify(execFile)("sh", ["-c", command], { env: { ...process.env, ROUTER_TOKEN: token } });
  expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });
  expect(await served(20)).toEqual({ v41: 100 });
  router.child.kill("SIGKILL");
  await router.exited;
  await expect(engine.describe(target, call)).rejects.toMatchObject({ code: "unreachable" });
});

it("declares what keeps people on a version with every change, by hand too", async () => {
  const { engine, target, config } = await open();
  const sticky = { header: "x-version", cookie: "shop" };
  const sticking = { ...target, config: { ...config, sticky } };
  const shown = async () => {
    const answer = await fetch(new URL("/routes/shop", config.adminUrl), {
      headers: { authorization: `Bearer ${token}` },
    });
    return ((await answer.json()) as { sticky?: unknown }).sticky;
  };
  await engine.setWeight(target, "v41", 100, "a", call);
  expect(await shown()).toBeUndefined();
  const snapshot = await engine.snapshot(target, call);
  await engine.setWeight(sticking, "v42", 10, "b", call);
  expect(await shown()).toEqual(sticky);
  await engine.revert(sticking, snapshot, "c", call);
  expect(await shown()).toEqual(sticky);
  expect(engine.manualRevert(sticking, snapshot)[0]).toContain(JSON.stringify({ sticky }).slice(1, -1));
});

it.each([
  [undefined, "/", 404, "serving"],
  [undefined, "/", 503, "unknown"],
  ["/ready", "/ready", 204, "serving"],
  ["/ready", "/ready", 302, "serving"],
  ["/ready", "/ready", 404, "starting"],
  ["/ready", "/ready", 503, "starting"],
])("with healthPath %s asks %s and takes %d for %s", async (healthPath, path, status, state) => {
  let asked: string | undefined;
  const backend = await startBackend("v41", (incoming, answer) => {
    asked = incoming.url;
    answer.writeHead(status).end();
  });
  const backends = [{ version: "v41", url: backend.url }];
  const config = { adminUrl: "http://127.0.0.1:1", token: new Secret("t"), backends, healthPath };
  const target = { service: "shop", environment: "production", config };
  expect(await createRouterEngine().health(target, "v41", call)).toMatchObject({ state });
  expect(asked).toBe(path);
  await backend.stop();
  expect(await createRouterEngine().health(target, "v41", call)).toMatchObject({ state: "down" });
});

it("knows nothing of a version whose name nobody resolves or whose look was broken off: only a closed door is down", async () => {
  const backends = [{ version: "v41", url: "http://shop.invalid" }];
  const config = { adminUrl: "http://127.0.0.1:1", token: new Secret("t"), backends };
  const target = { service: "shop", environment: "production", config };
  expect(await createRouterEngine().health(target, "v41", call)).toMatchObject({ state: "unknown" });
  const broken = { ...call, signal: AbortSignal.abort() };
  expect(await createRouterEngine().health(target, "v41", broken)).toMatchObject({ state: "unknown" });
});

it.each([
  ["adminUrl", { adminUrl: "somewhere" }],
  ["token", { token: "bare text" }],
  ["backends", { backends: [] }],
])("names %s when the configuration cannot be used", async (field, wrong) => {
  const config = {
    adminUrl: "http://127.0.0.1:1",
    token: new Secret("t"),
    backends: [{ version: "v1", url: "http://a" }],
  };
  const target = { service: "shop", environment: "production", config: { ...config, ...wrong } };
  await expect(createRouterEngine().describe(target, call)).rejects.toMatchObject({
    code: "rejected",
    message: expect.stringContaining(field),
  });
});

it("says that what answers is no router", async () => {
  const { url } = await startBackend("v41");
  const config = { adminUrl: url, token: new Secret("t"), backends: [{ version: "v1", url }] };
  const target = { service: "shop", environment: "production", config };
  await expect(createRouterEngine().describe(target, call)).rejects.toMatchObject({
    code: "rejected",
    hint: expect.stringContaining("adminUrl"),
  });
});
