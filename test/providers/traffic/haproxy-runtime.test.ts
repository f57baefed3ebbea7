import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { TrafficState, TrafficTarget } from "../../../src/providers/traffic/contract.ts";
import { createHaproxyEngine } from "../../../src/providers/traffic/haproxy.ts";
import { get, until } from "../../router/support.ts";
import { requireService } from "../../support/services.ts";
import { type HaproxyBench, openHaproxy, servedAt, startRelay } from "./haproxy-bench.ts";

const binary = requireService("haproxy") ?? "";
const socat = requireService("socat");
const call = { deadlineMs: 10_000 };
const sh = (script: string) => promisify(execFile)("sh", ["-euc", script]);

const weights = ({ versions }: Pick<TrafficState, "versions">) =>
  Object.fromEntries(versions.map(({ version, weightPercent }) => [version, weightPercent]));

const at = (bench: HaproxyBench, ...sockets: string[]): TrafficTarget => ({
  ...bench.target,
  config: { ...bench.config, sockets },
});

/** The script as the page prints it, with this bench's paths. */
async function keepScript({ haproxy }: HaproxyBench): Promise<string> {
  const page = await readFile(new URL("../../../docs/engines.md", import.meta.url), "utf8");
  const script = /```sh\n(#!\/bin\/sh\n# \/usr\/local\/bin\/haproxy-keep[\s\S]*?)```/.exec(page)?.[1] ?? "";
  expect(script).not.toBe("");
  return script
    .replaceAll("/run/haproxy", haproxy.folder)
    .replaceAll("/etc/haproxy", haproxy.folder)
    .replaceAll("/var/lib/haproxy", haproxy.folder);
}

describe.runIf(binary)("shares by a map", () => {
  it("serves a hundredth of a percent, one of 10,000 requests", async () => {
    const { engine, target, haproxy } = await openHaproxy(binary, "map");
    await engine.setWeight(target, "v41", 100, "a", call);
    expect(weights(await engine.setWeight(target, "v42", 0.01, "b", call))).toEqual({
      v41: 99.99,
      v42: 0.01,
    });
    expect(await servedAt(haproxy.port, 10_000)).toEqual({ v41: 99.99, v42: 0.01 });
  }, 60_000);

  it("drops no request while the map is replaced again and again", async () => {
    const { engine, target, haproxy } = await openHaproxy(binary, "map");
    await engine.setWeight(target, "v41", 100, "a", call);
    const load = servedAt(haproxy.port, 3_000);
    for (let change = 0; change < 20; change += 1)
      await engine.setWeight(target, "v42", [1, 10, 50, 0][change % 4] ?? 0, `c${change}`, call);
    expect(Object.keys(await load).sort()).toEqual(["v41", "v42"]);
  }, 60_000);

  it.each([
    ["before it takes the right to change", /^(del|prepare) map/],
    ["after it took the right to change", /^commit map/],
  ])("tells a worker of the conflict when another changed the map %s", async (_when, line) => {
    const bench = await openHaproxy(binary, "map");
    const { engine, target, haproxy } = bench;
    await engine.setWeight(target, "v41", 100, "seed", call);
    let isOvertaken = false;
    const slow = await startRelay(haproxy.socket, async (command) => {
      if (isOvertaken || !line.test(command)) return;
      isOvertaken = true;
      await createHaproxyEngine().setWeight(target, "v43", 20, "theirs", call);
    });
    await expect(engine.setWeight(at(bench, slow), "v42", 10, "ours", call)).rejects.toMatchObject({
      code: "conflict",
    });
    const state = await engine.describe(target, call);
    expect(state.changedBy).toBe("theirs");
    expect(weights(state)).toEqual({ v41: 80, v43: 20 });
    // A revert is never told so: it is made again.
    isOvertaken = false;
    const snapshot = { engine: "haproxy", service: "shop", environment: "production", fields: {} };
    const versions = [{ version: "v41", weightPercent: 100, address: "shop_v41" }];
    await engine.setWeight(target, "v42", 30, "more", call);
    expect(weights(await engine.revert(at(bench, slow), { ...snapshot, versions }, "back", call))).toEqual({
      v41: 100,
    });
  });

  it("says what HAProxy lacks: the map, the backend, a server in service", async () => {
    const bench = await openHaproxy(binary, "map");
    const { engine, target, config, haproxy } = bench;
    await engine.setWeight(target, "v41", 100, "a", call);
    const other = { ...target, config: { ...config, map: "/etc/other.map" } };
    await expect(engine.describe(other, call)).rejects.toMatchObject({
      code: "rejected",
      hint: expect.stringContaining("use_backend"),
    });
    const [v41, v42] = config.versions;
    const renamed = { ...target, config: { ...config, versions: [v41, { ...v42, backend: "shop_v99" }] } };
    await expect(engine.setWeight(renamed, "v42", 1, "b", call)).rejects.toMatchObject({ code: "not_found" });
    await haproxy.ask("set server shop_v42/v42a state maint");
    await expect(engine.setWeight(target, "v42", 1, "c", call)).rejects.toMatchObject({
      code: "conflict",
      hint: expect.stringContaining("set server shop_v42/v42a state ready"),
    });
    expect(weights(await engine.describe(target, call))).toEqual({ v41: 100 });
  });

  it("shows numbers that no entry deals out, keeps no snapshot of them, and closes the gap", async () => {
    const { engine, target, haproxy } = await openHaproxy(binary, "map");
    const map = `${haproxy.folder}/maps/shop.map`;
    await haproxy.ask(`add map ${map} 0:8999 shop_v41;add map ${map} 5000:5999 shop_v43`);
    expect(weights(await engine.describe(target, call))).toEqual({ v41: 90, v43: 0, "(elsewhere)": 10 });
    await expect(engine.snapshot(target, call)).rejects.toMatchObject({ code: "conflict" });
    expect(weights(await engine.setWeight(target, "v42", 1, "a", call))).toEqual({ v41: 99, v43: 0, v42: 1 });
  });
});

describe.runIf(binary && socat)("a reload", () => {
  it("keeps shares and mark of a map, with the script of the page before it", async () => {
    const bench = await openHaproxy(binary, "map");
    const { engine, target, haproxy } = bench;
    await engine.setWeight(target, "v41", 100, "a", call);
    const before = await engine.setWeight(target, "v42", 12.34, "R-1:12", call);
    await sh(await keepScript(bench));
    await haproxy.reload();
    expect(await engine.describe(target, call)).toEqual(before);
    expect((await servedAt(haproxy.port, 1_000)).v42).toBeCloseTo(12.3, 0);
    expect(weights(await engine.setWeight(target, "v42", 50, "R-1:50", call))).toEqual({ v41: 50, v42: 50 });
  });

  it("keeps server weights, and no longer says whose they are", async () => {
    const bench = await openHaproxy(binary, "servers");
    const { engine, target, haproxy } = bench;
    await engine.setWeight(target, "v41", 100, "a", call);
    const before = await engine.setWeight(target, "v42", 10, "R-1:10", call);
    await sh(await keepScript(bench));
    await haproxy.reload();
    const after = await engine.describe(target, call);
    expect(weights(after)).toEqual({ v41: 90, v42: 10 });
    expect(after.changedBy).toBeNull();
    expect(after.revision).not.toBe(before.revision);
  });

  it("without the script brings back the file's shares, seen as nobody's of ours, and the same call sets them again", async () => {
    const { engine, target, haproxy } = await openHaproxy(binary, "map");
    await writeFile(join(haproxy.folder, "maps", "shop.map"), "0:9999 shop_v41\n");
    await haproxy.reload();
    const ours = await engine.setWeight(target, "v42", 10, "R-1:10", call);
    await haproxy.kill();
    await haproxy.start();
    const theirs = await engine.describe(target, call);
    expect(theirs).toMatchObject({ changedBy: null, versions: [{ version: "v41", weightPercent: 100 }] });
    expect(theirs.revision).not.toBe(ours.revision);
    expect(weights(await engine.setWeight(target, "v42", 10, "R-1:10", call))).toEqual({ v41: 90, v42: 10 });
  });

  it("leaves files as they are when HAProxy does not answer", async () => {
    const bench = await openHaproxy(binary, "map");
    const map = join(bench.haproxy.folder, "maps", "shop.map");
    await writeFile(map, "0:9999 shop_v41\n");
    await bench.haproxy.kill();
    await expect(sh(await keepScript(bench))).rejects.toThrow();
    expect(await readFile(map, "utf8")).toBe("0:9999 shop_v41\n");
  });
});

describe.runIf(binary)("several processes", () => {
  it("are all changed, or none when one cannot be reached; a revert is made at those that can", async () => {
    const bench = await openHaproxy(binary, "map");
    const { engine, haproxy } = bench;
    const second = await bench.startSecond();
    const both = at(bench, haproxy.socket, second.socket);
    await engine.setWeight(both, "v41", 100, "a", call);
    const snapshot = await engine.snapshot(both, call);
    await engine.setWeight(both, "v42", 10, "b", call);
    for (const socket of [haproxy.socket, second.socket])
      expect(weights(await engine.describe(at(bench, socket), call))).toEqual({ v41: 90, v42: 10 });

    await second.kill();
    await expect(engine.setWeight(both, "v42", 50, "c", call)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining(second.socket),
    });
    expect(weights(await engine.describe(at(bench, haproxy.socket), call))).toEqual({ v41: 90, v42: 10 });
    await expect(engine.revert(both, snapshot, "d", call)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("1 of 2 processes are put back"),
    });
    expect(weights(await engine.describe(at(bench, haproxy.socket), call))).toEqual({ v41: 100 });
  });

  it("that do not agree are told apart, serve the mean, and are brought in step by the next change", async () => {
    const bench = await openHaproxy(binary, "map");
    const { engine, haproxy } = bench;
    const second = await bench.startSecond();
    const both = at(bench, haproxy.socket, second.socket);
    await engine.setWeight(both, "v41", 100, "a", call);
    const snapshot = await engine.snapshot(both, call);
    const before = await engine.setWeight(both, "v42", 10, "b", call);
    await second.kill();
    await writeFile(join(haproxy.folder, "maps", "shop.map"), "0:9999 shop_v41\n");
    await second.start();

    const state = await engine.describe(both, call);
    expect(state).toMatchObject({ changedBy: null });
    expect(weights(state)).toEqual({ v41: 95, v42: 5 });
    expect(state.revision).not.toBe(before.revision);
    const words = `${second.socket} has v41 100 %`;
    await expect(engine.snapshot(both, call)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining(words),
    });
    expect((await engine.parity(both, snapshot, call)).differences).toContainEqual({
      field: `${haproxy.socket} versions.v42.weightPercent`,
      recorded: null,
      actual: 10,
    });
    // It goes on from the process that heard our last change.
    expect(weights(await engine.setWeight(both, "v42", 50, "c", call))).toEqual({ v41: 50, v42: 50 });
    await engine.revert(both, snapshot, "d", call);
    expect(await engine.parity(both, snapshot, call)).toEqual({ equal: true, differences: [] });
  });
});

describe.runIf(binary)("shares by server weights", () => {
  it("sees what redispatch hides from users, and the canary's end", async () => {
    const bench = await openHaproxy(binary, "servers");
    const { engine, target, haproxy, backends } = bench;
    await engine.setWeight(target, "v41", 100, "a", call);
    await engine.setWeight(target, "v42", 50, "b", call);
    // Between two checks: HAProxy does not know yet that it is gone.
    await haproxy.ask("disable health shop/v42a");
    await backends[1]?.stop();
    expect(await servedAt(haproxy.port, 20)).toEqual({ v41: 100 });
    const hidden = await engine.health(target, "v42", call);
    expect(hidden.detail).toMatch(/\b(?:9|1\d) requests sent on to another server since the start$/);
    expect((await engine.health(target, "v41", call)).detail).toBe("1 of 1 servers up");
    await haproxy.ask("enable health shop/v42a");
    const down = await until(
      () => engine.health(target, "v42", call),
      ({ state }) => state === "down",
    );
    expect(down).toMatchObject({ ready: 0, wanted: 1, detail: expect.stringContaining("v42a DOWN") });
  });

  it("counts servers taken out of service, gives them nothing, and says when a version is drained", async () => {
    const { engine, target, haproxy } = await openHaproxy(binary, "servers");
    await engine.setWeight(target, "v41", 100, "a", call);
    const set = await engine.setWeight(target, "v42", 10, "b", call);
    await haproxy.ask("set server shop/v42a state drain");
    const drained = await engine.describe(target, call);
    expect(weights(drained).v41).toBe(100);
    expect(drained.changedBy).toBeNull();
    expect(drained.revision).not.toBe(set.revision);
    await expect(engine.setWeight(target, "v42", 50, "c", call)).rejects.toMatchObject({
      code: "conflict",
      hint: expect.stringContaining("set server shop/v42a state ready"),
    });
    expect((await engine.health(target, "v42", call)).detail).toContain("drained");
  });

  it("refuses a share that no weights make, naming the nearest, and an algorithm that ignores them", async () => {
    const { engine, target, haproxy, config } = await openHaproxy(binary, "servers");
    await engine.setWeight(target, "v41", 100, "a", call);
    await expect(engine.setWeight(target, "v42", 0.1, "b", call)).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringContaining("nearest: v41 99.61 %, v42 0.39 %"),
    });
    const path = join(haproxy.folder, "admin.cfg");
    await writeFile(path, (await readFile(path, "utf8")).replace("balance roundrobin", "balance leastconn"));
    await haproxy.reload();
    await haproxy.ask("set server shop/v41a weight 100");
    await expect(engine.setWeight(target, "v42", 50, "c", call)).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringContaining("leastconn"),
    });
    const missing = { ...target, config: { ...config, versions: [{ version: "v41", servers: ["v40a"] }] } };
    await expect(engine.describe(missing, call)).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining("shop/v40a"),
    });
  });
});

describe.runIf(binary && socat)("the printed commands", () => {
  it.each(["map", "servers"] as const)("put a snapshot back alone, at every process, by %s", async (by) => {
    const bench = await openHaproxy(binary, by);
    const { engine, haproxy } = bench;
    const second = await bench.startSecond();
    const both = at(bench, haproxy.socket, second.socket);
    await engine.setWeight(both, "v41", 100, "a", call);
    await engine.setWeight(both, "v42", 20, "b", call);
    const snapshot = await engine.snapshot(both, call);
    await engine.setWeight(both, "v43", 50, "c", call);
    for (const command of engine.manualRevert(both, snapshot)) await sh(command);
    expect(await engine.parity(both, snapshot, call)).toEqual({ equal: true, differences: [] });
    expect((await servedAt(second.port, 1_000)).v42).toBeCloseTo(20, 0);
    expect((await get(haproxy.port)).status).toBe(200);
  });
});

it.each([
  ["sockets", { sockets: ["somewhere"] }],
  ["map", { map: undefined }],
  ["versions.0.backend", { versions: [{ version: "v41" }] }],
  ["versions.0.servers", { map: undefined, backend: "shop", versions: [{ version: "v41" }] }],
])("names %s when the configuration cannot be used", async (field, wrong) => {
  const config = {
    sockets: ["unix:/s"],
    map: "/m.map",
    versions: [{ version: "v41", backend: "b" }],
    ...wrong,
  };
  const target = { service: "shop", environment: "production", config };
  await expect(createHaproxyEngine().describe(target, call)).rejects.toMatchObject({
    code: "rejected",
    message: expect.stringContaining(field),
  });
});
