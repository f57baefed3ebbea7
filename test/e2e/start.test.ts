import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stackEnvironment, startScript } from "../../src/sandbox/demo/stack.ts";
import { Person } from "../support/person.ts";
import { until } from "../support/until.ts";

let dataDir: string;
let env: Record<string, string | undefined>;
const children: ChildProcess[] = [];
beforeAll(async () => {
  // As strict as a home folder may be: as root, Postgres' own account cannot enter it.
  dataDir = await mkdtemp(join(tmpdir(), "quarterdeck-start-"));
  await chmod(dataDir, 0o700);
  env = { ...(await stackEnvironment(dataDir, process.env)), LOAD_RPS: "20" };
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(dataDir, { recursive: true, force: true });
});

interface Run {
  child: ChildProcess;
  output: () => string;
  ended: Promise<number | null>;
}
const run = (changes: Record<string, string> = {}): Run => {
  const child = spawn(process.execPath, [startScript, "start"], {
    env: { ...env, ...changes },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  return { child, output: () => output, ended: new Promise((resolve) => child.once("exit", resolve)) };
};
const ready = (started: Run) =>
  until(
    "Quarterdeck to be ready",
    () => {
      if (started.child.exitCode !== null) throw new Error(started.output());
      return started.output().includes("Quarterdeck is ready");
    },
    60_000,
  );

/** Processes whose environment or command names the data folder. */
const left = async (): Promise<string[]> => {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter(
    (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
  )) {
    const facts = await Promise.all(
      ["cmdline", "environ"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
    );
    if (facts.some((fact) => fact.includes(dataDir)))
      found.push(`${pid} ${facts[0]?.replaceAll("\0", " ").slice(0, 80)}`);
  }
  return found;
};

it("starts once, survives being killed with its data, and leaves no process when asked to end", async () => {
  const first = run();
  await ready(first);
  const base = `http://127.0.0.1:${env.PORT}`;
  await (await new Person(base, "U0ONCALL").signIn()).send("C0OPS", "remember this");

  const second = run();
  expect(await second.ended).toBe(1);
  expect(second.output()).toMatch(new RegExp(`already running on .*pid ${first.child.pid}.*${base}`));

  const elsewhere = await mkdtemp(join(tmpdir(), "quarterdeck-start-other-"));
  const clashing = run({ DATA_DIR: elsewhere });
  expect(await clashing.ended).toBe(1);
  expect(clashing.output()).toMatch(new RegExp(`Port ${env.PORT} .* in use.*PORT=`));
  await rm(elsewhere, { recursive: true, force: true });

  first.child.kill("SIGKILL");
  await first.ended;
  const traffic = await fetch(`http://127.0.0.1:${env.ROUTER_PORT}/version`, { headers: { host: "shop" } });
  expect(traffic.status).toBe(200);

  const again = run();
  await ready(again);
  expect(again.output()).toMatch(/Stopped router \(pid \d+\), left over from a start that was killed/);
  const olive = await new Person(base, "U0ONCALL").signIn();
  await olive.sees("C0OPS", /remember this/);

  again.child.kill("SIGINT");
  expect(await again.ended).toBe(0);
  expect(again.output()).toContain("Stopped.");
  expect(await left()).toEqual([]);
}, 150_000);
