import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { Registry } from "../../../src/providers/accessors/ssh-registry.ts";

let directory = "";
let lock = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "quarterdeck-test-"));
  lock = join(directory, "lock");
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
});

it("gives a lock back that another took over from the dead a moment earlier", async () => {
  writeFileSync(lock, "dead");
  utimesSync(lock, new Date(0), new Date(0));
  // What it writes to learn the folder's time is a pipe here: it stops between its look at the lock and its taking it.
  const pipe = join(directory, ".slow");
  execFileSync("mkfifo", [pipe]);
  const stop = new AbortController();
  const slow = new Registry(directory, "slow").locked(stop.signal, async () => "had it");
  const ended = expect(slow).rejects.toMatchObject({ code: "timeout" });
  await wait(50);
  rmSync(lock);
  writeFileSync(lock, "quick");
  await (await open(pipe, "r")).close();
  await wait(50);
  stop.abort();
  await ended;
  expect(readFileSync(lock, "utf8")).toBe("quick");
  expect(existsSync(pipe)).toBe(false);
});

it("puts no list in place once its lock is another's", async () => {
  const registry = new Registry(directory, "mine");
  const never = new AbortController().signal;
  await registry.locked(never, () => registry.writeList(Buffer.from("one")));
  const late = registry.locked(never, async () => {
    writeFileSync(lock, "another");
    await registry.writeList(Buffer.from("late"));
  });
  await expect(late).rejects.toMatchObject({ code: "conflict" });
  expect(readFileSync(registry.listPath, "utf8")).toBe("one");
  expect(readFileSync(lock, "utf8")).toBe("another");
});
