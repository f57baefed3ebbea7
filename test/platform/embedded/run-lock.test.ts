import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { acquireRunLock } from "../../../src/platform/embedded/run-lock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const now = new Date("2026-03-01T10:00:00Z");

describe("acquireRunLock", () => {
  it("tells a second start the pid, the address and since when", async () => {
    const dir = tempDir();
    const lock = await acquireRunLock(dir, now);
    await expect(acquireRunLock(dir, now)).rejects.toMatchObject({
      code: "already_running",
      message: expect.stringContaining("still starting"),
    });
    await lock.announce("http://127.0.0.1:3210");
    const error = await acquireRunLock(dir, now).catch((thrown) => thrown);
    expect(error.message).toContain(
      `pid ${process.pid}, since 2026-03-01T10:00:00.000Z, at http://127.0.0.1:3210`,
    );
    expect(error.hint).toContain("DATA_DIR=");
  });

  it("is free again after release, and leaves no file", async () => {
    const dir = tempDir();
    await (await acquireRunLock(dir, now)).release();
    expect(readdirSync(dir)).toEqual([]);
    await (await acquireRunLock(dir, now)).release();
  });

  it("lets exactly one of many starts through, over a stale lock too", async () => {
    const dir = tempDir();
    writeFileSync(
      join(dir, "run.lock"),
      JSON.stringify({ pid: process.pid, startMark: "another boot:1", since: "then" }),
    );
    // Separate processes: within one, the names beside the lock would be shared.
    const source = join(import.meta.dirname, "../../../src/platform/embedded/run-lock.ts");
    const program = `import(${JSON.stringify(source)}).then((m) => m.acquireRunLock(${JSON.stringify(dir)}, new Date(0))).then(() => { console.log("got it"); process.stdin.resume(); process.stdin.on("end", () => process.exit(0)); }, (e) => { console.log(e.code); process.exit(0); });`;
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ["--import", "tsx", "-e", program], {
        cwd: join(import.meta.dirname, "../../.."),
        stdio: ["pipe", "pipe", "inherit"],
      }),
    );
    const answers = await Promise.all(
      children.map(async (child) => String((await once(child.stdout, "data"))[0]).trim()),
    );
    expect(answers.sort()).toEqual(["already_running", "already_running", "already_running", "got it"]);
    for (const child of children) child.stdin.end();
    await Promise.all(children.map((child) => child.exitCode ?? once(child, "exit")));
  });

  it("takes over from a process that was killed", async () => {
    const dir = tempDir();
    const dead = spawn("true");
    await once(dead, "exit");
    writeFileSync(join(dir, "run.lock"), JSON.stringify({ pid: dead.pid, startMark: "gone", since: "then" }));
    await acquireRunLock(dir, now);
    expect(JSON.parse(readFileSync(join(dir, "run.lock"), "utf8")).pid).toBe(process.pid);
  });

  it("takes over a lock that was cut short by a power failure", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "run.lock"), "{");
    await (await acquireRunLock(dir, now)).release();
    expect(existsSync(join(dir, "run.lock"))).toBe(false);
  });
});
