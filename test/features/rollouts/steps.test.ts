import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { rolloutSchema } from "../../../src/catalog/rollout.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { ProviderError } from "../../../src/providers/errors.ts";
import type { TrafficEngine, VersionHealth } from "../../../src/providers/traffic/contract.ts";
import { dev, startRoom } from "./harness.ts";

const quick = {
  minDuration: "3s",
  minSamples: 30,
  shareUpperMax: { "error-ratio": 0.12, "latency-p95": 0.4 },
};
const reading = { interval: "1s", deadline: "10m", watch: "15s" };

const declare = (rollout: object) => (catalog: Catalog) => {
  const shop = catalog.services.find(({ name }) => name === "shop");
  if (shop) shop.rollout = rolloutSchema.parse({ ...reading, ...rollout });
};

const canary = (first: object = {}) => ({
  steps: [
    { weightPercent: 10, ...quick, ...first },
    { weightPercent: 100, ...quick },
  ],
});

/** Answers as the test says, on a port of its own, and counts what it was asked. */
async function serveVersion(answer: { status: number }) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.statusCode = answer.status;
    response.end("ok");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe("a step that waits for a person", () => {
  it("stays when it looks good, asks in the thread, and goes on once somebody promotes it", async () => {
    const room = await startRoom(declare(canary({ waitForPerson: true })));
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    await room.pass(30);
    expect(await room.find()).toMatchObject({ state: { is: "step", index: 0 }, verdict: { do: "promote" } });
    const card = await room.said("rollout:R-1");
    expect(card.text).toBe(
      "🟠 shop · rollout R-1 v41 → v42 · 10 % · looks good, waits until somebody promotes it",
    );
    const buttons = card.blocks?.find((block) => block.type === "actions") as {
      elements: { value: string }[];
    };
    expect(buttons.elements.map(({ value }) => value)[0]).toMatch(/^rollout promote R-1 --seen/);
    expect((await room.said("rollout:R-1:waits:0")).text).toContain("waits until somebody promotes it");
    expect((await room.type(dev, buttons.elements[0]?.value ?? "", true)).ok).toBe(true);
    await room.until(["promoted"]);
    expect(await room.weights()).toMatchObject({ v42: 100, v41: 0 });
  });

  it("goes back at the deadline when nobody does", async () => {
    const room = await startRoom(declare({ ...canary({ waitForPerson: true }), deadline: "40s" }));
    await room.type(dev, "rollout start shop v42");
    const { state } = await room.until(["reverted"]);
    expect(state).toMatchObject({ because: { cause: "deadline" } });
    expect(await room.weights()).toMatchObject({ v41: 100 });
  });
});

describe("a blue-green rollout", () => {
  it("previews at 0 percent, waits, moves everything at once, and goes back at once while it is watched", async () => {
    const preview = { minDuration: "3s", waitForPerson: true };
    const room = await startRoom((catalog) => {
      declare({ strategy: "blueGreen", preview, switch: quick, noVerdict: { after: "8s", do: "revert" } })(
        catalog,
      );
      // Silence of a version that has no users yet is no silence.
      for (const { signals } of catalog.services) for (const signal of signals) signal.noData = "revert";
    });
    const shown = await room.type(dev, "rollout start shop v42 --dry-run");
    expect(shown.text).toContain("• 0 %: 3s at least, then it waits until somebody promotes it");
    expect(shown.text).toContain("v41 kept warm meanwhile");
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    await room.pass(15);
    expect(await room.weights()).toEqual({ v41: 100, v42: 0 });
    expect((await room.said("rollout:R-1")).text).toContain(
      "0 % · looks good, waits until somebody promotes it",
    );
    await room.type(dev, "rollout promote R-1");
    await room.until(["watching"]);
    expect(await room.weights()).toEqual({ v41: 0, v42: 100 });
    room.world.behaviour.bad = { v42: 0.5 };
    const { state } = await room.until(["reverted"]);
    expect(state).toMatchObject({ because: { cause: "breach" } });
    expect(await room.weights()).toMatchObject({ v41: 100 });
  });
});

describe("before a step", () => {
  it("the version answers its warm-up requests, or the step waits and says why", async () => {
    const answer = { status: 503 };
    const server = await serveVersion(answer);
    const room = await startRoom((catalog) => {
      declare({ ...canary(), warmUp: { path: ["/healthz", "/cart"], requests: 3 } })(catalog);
      const versions = catalog.services.find(({ name }) => name === "shop")?.traffic?.[0]?.versions ?? [];
      for (const version of versions) if (version.name === "v42") version.url = server.url;
    });
    await room.type(dev, "rollout start shop v42");
    await room.pass(5);
    expect((await room.said("rollout:R-1")).text).toBe(
      "⚪ shop · rollout R-1 v41 → v42 · starting at 10 % · waiting: v42 is warming up, 0 of 6 requests answered in time: /healthz answered 503",
    );
    expect(await room.weights()).toEqual({ v41: 100 });
    answer.status = 204;
    await room.until(["step"]);
    expect(server.asked.filter((path) => path === "/cart").length).toBeGreaterThanOrEqual(3);
    expect((await room.find()).failing).toBeUndefined();
  });

  it("its processes serve; what is on its way is waiting and not failing, and counts against the deadline", async () => {
    const room = await startRoom(declare({ ...canary(), deadline: "60s" }));
    const health: VersionHealth = { state: "starting", ready: 0, wanted: 2, detail: "pulling its image" };
    let isPulled = false;
    let isUp = false;
    room.world.engine = (real): TrafficEngine => ({
      ...real,
      health: async (...args) => (isPulled ? real.health(...args) : health),
      setWeight: async (...args) => {
        if (isUp) return real.setWeight(...args);
        throw new ProviderError("in_progress", "1 of 2 pods are ready", "Ask again.");
      },
    });
    await room.type(dev, "rollout start shop v42");
    await room.pass(5);
    const text = async () => (await room.said("rollout:R-1")).text;
    expect(await text()).toContain("waiting: v42 is starting, 0 of 2 ready: pulling its image");
    expect(await room.effects("R-1")).toEqual([]);
    isPulled = true;
    await room.pass(10);
    expect(await text()).toMatch(/^⚪ .* waiting: 1 of 2 pods are ready$/);
    // Asked for once, it is not kept from being watched by how the version looks.
    isPulled = false;
    isUp = true;
    await room.until(["step"]);
    const { state } = await room.until(["reverted"]);
    expect(state).toMatchObject({ because: { cause: "deadline" } });
    expect(JSON.stringify(state)).toContain("it was still waiting: v42 is starting");
  });

  it("no processes are asked for that the engine starts with the first share, after a preview without any too", async () => {
    const room = await startRoom(
      declare({ strategy: "blueGreen", preview: { minDuration: "2s" }, switch: quick }),
    );
    room.world.engine = (real): TrafficEngine => ({
      ...real,
      startsVersions: true,
      health: async () => ({ state: "down", ready: null, wanted: null, detail: "not deployed" }),
    });
    expect((await room.type(dev, "rollout start shop v42 --dry-run")).text).toContain(
      "so the preview only waits",
    );
    await room.type(dev, "rollout start shop v42");
    await room.until(["watching"]);
  });
});

describe("a start", () => {
  it("needs a change where policy says so, an address to warm, and weights that can be", async () => {
    const room = await startRoom((catalog) => {
      declare({ ...canary(), warmUp: { path: "/" } })(catalog);
      catalog.policies.rollout.changeRequired = true;
    });
    const start = async (line: string) => (await room.type(dev, `rollout start shop v42 ${line}`)).text;
    expect(await start("")).toContain("needs the change that asks for it");
    room.world.engine = (real): TrafficEngine => ({ ...real, addressOf: () => null });
    expect(await start("--change C-7")).toContain("v42 has no address to send them to");
    room.world.engine = (real): TrafficEngine => ({ ...real, weights: async () => [5, 20] });
    expect(await start("--change C-7 --steps 10,100")).toContain(
      "can be given 5, 20, 100 percent here, not 10",
    );
    const shown = await start("--change C-7 --dry-run");
    expect(shown).toMatch(/• 5 %.*\n• 20 %.*\n• 100 %/);
    expect(shown).toContain("at today's traffic (200 requests/s)");
    expect(shown).toContain("curl -fsS -X PUT");
    room.world.behaviour.ratePerSec = 0.01;
    expect(await start("--change C-7 --dry-run")).toContain("🟠 It would take about");
    room.world.isBlind = true;
    expect(await start("--change C-7")).toContain("starts at 5 %");
    expect((await room.said("rollout:R-1:plan")).text).toContain("at least; today's traffic cannot be read.");
  });
});
