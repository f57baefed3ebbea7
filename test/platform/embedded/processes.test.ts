import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { type ManagedOptions, spawnManaged } from "../../../src/platform/embedded/managed.ts";
import {
  isAlive,
  isGroupAlive,
  processFacts,
  sendSignal,
} from "../../../src/platform/embedded/process-facts.ts";
import { ProcessRegistry } from "../../../src/platform/embedded/registry.ts";
import { poll } from "../../../src/platform/embedded/wait.ts";
import { tempDir } from "../../support/temp-dir.ts";

const until = async (claim: () => boolean): Promise<void> => {
  expect(await poll(() => claim() || undefined, 20_000, 10)).toBe(true);
};

async function sleeper(): Promise<ChildProcess & { pid: number }> {
  const child = spawn("sleep", ["600"], { stdio: "ignore", detached: true });
  await once(child, "spawn");
  onTestFinished(() => void child.kill("SIGKILL"));
  return child as ChildProcess & { pid: number };
}

describe("processFacts", () => {
  it("knows a living process by its start and its command, and nothing of one that ended", async () => {
    const child = await sleeper();
    expect(processFacts(child.pid)).toMatchObject({ pid: child.pid, command: ["sleep", "600"] });
    expect(processFacts(child.pid)?.startMark).toBe(processFacts(child.pid)?.startMark);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(processFacts(child.pid)).toBeUndefined();
  });

  it.runIf(process.platform === "linux")(
    "counts a process that is dead and not yet collected as ended",
    async () => {
      // The shell becomes `sleep`, which never collects the child it had before.
      const parent = spawn("sh", ["-c", "cat <&3 & echo $!; exec sleep 600 3<&-"], {
        stdio: ["ignore", "pipe", "ignore", "pipe"],
      });
      onTestFinished(() => void parent.kill("SIGKILL"));
      const pid = Number(String((await once(parent.stdout as Readable, "data"))[0]));
      await until(() => processFacts(parent.pid ?? 0)?.command[0] === "sleep");
      expect(isAlive(pid)).toBe(true);
      (parent.stdio[3] as Writable).end();
      await until(() => readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "));
      expect(isAlive(pid)).toBe(false);
    },
  );
});

describe("ProcessRegistry", () => {
  it("lists and stops what an earlier run left, and forgets it", async () => {
    const dir = tempDir();
    const child = await sleeper();
    new ProcessRegistry(dir).record("router", child.pid, ["sleep", "600"]);
    const next = new ProcessRegistry(dir);
    expect(await next.list()).toMatchObject([{ name: "router", pid: child.pid, command: ["sleep", "600"] }]);
    expect(await next.stopLeftovers()).toMatchObject([{ name: "router" }]);
    expect(isAlive(child.pid)).toBe(false);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("never touches a process that was given the pid of one that ended", async () => {
    const dir = tempDir();
    const child = await sleeper();
    new ProcessRegistry(dir).record("router", child.pid, ["sleep", "600"]);
    const record = join(dir, "router.json");
    const { startMark } = JSON.parse(readFileSync(record, "utf8"));
    writeFileSync(record, readFileSync(record, "utf8").replace(startMark, `${startMark}1`));
    expect(await new ProcessRegistry(dir).stopLeftovers()).toEqual([]);
    expect(isAlive(child.pid)).toBe(true);
    expect(existsSync(record)).toBe(false);
  });

  it("stops by SIGKILL what ignores SIGTERM, with its group", async () => {
    const dir = tempDir();
    const child = spawn("sh", ["-c", "trap '' TERM; sleep 600 & echo ready; while :; do wait; done"], {
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    const registry = new ProcessRegistry(dir);
    registry.record("shop", child.pid ?? 0, ["sh"]);
    await registry.stopLeftovers(100);
    await until(() => !isGroupAlive(child.pid ?? 0));
  });

  it("reads past a record that was cut short", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "router.json"), '{"name":');
    expect(await new ProcessRegistry(dir).stopLeftovers()).toEqual([]);
  });
});

describe("spawnManaged", () => {
  function managed(script: string, more: Partial<ManagedOptions> = {}) {
    const dir = tempDir();
    const registry = new ProcessRegistry(join(dir, "processes"));
    const logFile = join(dir, "log");
    const options: ManagedOptions = {
      name: "shop",
      command: "/bin/sh",
      args: ["-c", script],
      env: { PATH: "/usr/bin:/bin", GREETING: "ready" },
      cwd: dir,
      logFile,
      registry,
      ready: async () => readFileSync(logFile, "utf8").includes("ready"),
      restart: { firstMs: 1, maxMs: 5, soundAfterMs: 60_000 },
      ...more,
    };
    const start = async () => {
      const process = await spawnManaged(options);
      onTestFinished(() => process.stop());
      return process;
    };
    return { registry, logFile, start };
  }

  it("resolves when the program is ready, records it, and leaves nothing after stop", async () => {
    const { registry, start } = managed('echo "$GREETING"; sleep 600 & wait');
    const shop = await start();
    const pid = shop.pid() ?? 0;
    expect(await registry.list()).toMatchObject([{ name: "shop", pid }]);
    await shop.stop();
    expect(isGroupAlive(pid)).toBe(false);
    expect(shop.pid()).toBeUndefined();
    expect(await registry.list()).toEqual([]);
  });

  it("puts the program in a session of its own, which our terminal's Ctrl-C does not reach", async () => {
    const shop = await managed("echo ready; exec sleep 600").start();
    const session = execFileSync("ps", ["-o", "sid=", "-p", String(shop.pid())], { encoding: "utf8" });
    expect(Number(session)).toBe(shop.pid());
  });

  it("starts the program again when it ends by itself, and records the new one", async () => {
    const exits: unknown[] = [];
    const { registry, start } = managed("echo ready; exec sleep 600", { onExit: (exit) => exits.push(exit) });
    const shop = await start();
    const first = shop.pid() ?? 0;
    sendSignal(first, "SIGKILL");
    await until(() => ![undefined, first].includes(shop.pid()));
    expect(exits).toEqual([{ name: "shop", code: null, signal: "SIGKILL", restartInMs: 1 }]);
    expect(await registry.list()).toMatchObject([{ pid: shop.pid() }]);
  });

  it("ends what a program started itself before the program is started again", async () => {
    const { logFile, start } = managed("sleep 600 & echo child $!; echo ready; wait");
    const shop = await start();
    const first = shop.pid() ?? 0;
    const child = Number(/child (\d+)/.exec(readFileSync(logFile, "utf8"))?.[1]);
    expect(isAlive(child)).toBe(true);
    sendSignal(first, "SIGKILL");
    await until(() => ![undefined, first].includes(shop.pid()));
    await until(() => !isAlive(child));
  });

  it("kills a program that ignores SIGTERM once its deadline passed", async () => {
    const shop = await managed("trap '' TERM; echo ready; while :; do sleep 600 & wait; done", {
      stopDeadlineMs: 100,
    }).start();
    const pid = shop.pid() ?? 0;
    await shop.stop();
    expect(isGroupAlive(pid)).toBe(false);
  });

  it("lets a program finish its work on SIGTERM", async () => {
    const { logFile, start } = managed(
      "trap 'echo drained; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
    );
    await (await start()).stop();
    expect(readFileSync(logFile, "utf8")).toContain("drained");
  });

  it("fails with the end of the log when the program ends before it is ready", async () => {
    const { registry, start } = managed("echo 'no such catalog' >&2; exit 3");
    const error = await start().catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "process_not_ready" });
    expect(error.message).toContain("ended before it was ready");
    expect(error.message).toContain("no such catalog");
    expect(await registry.list()).toEqual([]);
  });

  it("fails and stops the program when it is not ready in time", async () => {
    const { registry, start } = managed("exec sleep 600", { readyDeadlineMs: 100 });
    await expect(start()).rejects.toMatchObject({ code: "process_not_ready" });
    expect(await registry.list()).toEqual([]);
  });

  it("names the command when it cannot be started at all", async () => {
    await expect(managed("", { command: "/nowhere/shop" }).start()).rejects.toMatchObject({
      code: "process_start_failed",
      hint: expect.stringContaining("/nowhere/shop"),
    });
  });
});
