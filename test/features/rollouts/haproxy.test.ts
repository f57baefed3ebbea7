import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createHaproxyEngine } from "../../../src/providers/traffic/haproxy.ts";
import { openHaproxy, servedAt } from "../../providers/traffic/haproxy-bench.ts";
import { requireService } from "../../support/services.ts";
import { dev, startRoom } from "./harness.ts";

const binary = requireService("haproxy") ?? "";
const call = { deadlineMs: 10_000 };

it.runIf(binary)(
  "a rollout on HAProxy sets its weights again when a restart loses them, and ends where the traffic is",
  async () => {
    const { haproxy, config, target } = await openHaproxy(binary, "map");
    const map = join(haproxy.folder, "maps", "shop.map");
    await writeFile(map, "0:9999 shop_v41\n");
    await haproxy.kill();
    await haproxy.start();
    const room = await startRoom(({ providers, policies, services }) => {
      policies.rollout.drift = "correct";
      providers.traffic.push({ name: "edge", kind: "haproxy", sockets: [...config.sockets] });
      const shop = services.find(({ name }) => name === "shop");
      if (!shop?.rollout) throw new Error("The sample's shop should have a rollout.");
      shop.rollout.steps = shop.rollout.steps.map((step) => ({ ...step, minSamples: 1 }));
      shop.traffic = [
        {
          provider: "edge",
          map,
          initialVersion: "v41",
          versions: config.versions.map(({ version: name, backend }) => ({ name, backend })),
        },
      ];
    });
    const engine = createHaproxyEngine();
    const weights = async () => {
      const { versions } = await engine.describe(target, call);
      return Object.fromEntries(versions.map(({ version, weightPercent }) => [version, weightPercent]));
    };
    room.world.weights = weights;

    const started = await room.type(dev, "rollout start shop v42");
    expect(started.text).toContain("starts at 1 %");
    await room.until(["step"]);
    expect(await weights()).toEqual({ v41: 99, v42: 1 });
    expect((await servedAt(haproxy.port, 1_000)).v42).toBeCloseTo(1, 0);

    await haproxy.kill();
    await haproxy.start();
    expect(await weights()).toEqual({ v41: 100 });
    await room.pass(60, async () => (await weights()).v42 === 1);
    expect(await weights()).toEqual({ v41: 99, v42: 1 });
    expect(await room.audited("R-1")).toContain("rollout.drift-began");

    await room.until(["watching"]);
    expect(await weights()).toEqual({ v41: 0, v42: 100 });
    expect(await servedAt(haproxy.port, 20)).toEqual({ v42: 100 });
    await room.type(dev, "rollout revert R-1 smoke in the kitchen");
    await room.until(["reverted"]);
    expect(await weights()).toEqual({ v41: 100 });
    expect((await room.find()).parity).toMatchObject({ equal: true });
  },
  120_000,
);
