import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const script = join(import.meta.dirname, "../../scripts/prestart.mjs");
let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "quarterdeck-prestart-"));
  await mkdir(join(home, "scripts"));
  await cp(script, join(home, "scripts/prestart.mjs"));
  await mkdir(join(home, "vendor/tool"), { recursive: true });
  await writeFile(join(home, "vendor/tool/package.json"), JSON.stringify({ name: "tool", version: "1.0.0" }));
  await writeProject("1.0.0");
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** A project whose one package comes from a folder: npm needs no network for it. */
async function writeProject(version: string): Promise<void> {
  const dependencies = { tool: "file:vendor/tool" };
  const project = { name: "project", version };
  await writeFile(join(home, "package.json"), JSON.stringify({ ...project, dependencies }));
  const packages = {
    "": { ...project, dependencies },
    "node_modules/tool": { resolved: "vendor/tool", link: true },
    "vendor/tool": { version: "1.0.0" },
  };
  await writeFile(
    join(home, "package-lock.json"),
    JSON.stringify({ ...project, lockfileVersion: 3, requires: true, packages }, null, 2),
  );
}

function run(
  nodeArgs: string[] = [],
  env: Record<string, string> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...nodeArgs, join(home, "scripts/prestart.mjs")], {
      cwd: tmpdir(),
      env: {
        PATH: process.env.PATH,
        HOME: home,
        npm_lifecycle_event: "prestart",
        npm_config_fetch_retries: "0",
        ...env,
      },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

const installs = (stderr: string): number => stderr.split("installing packages (npm ci)").length - 1;

describe("prestart", () => {
  it("installs once, says why, and is silent when what is installed is what the lockfile says", async () => {
    const first = await run();
    expect(first).toMatchObject({ code: 0, stdout: "" });
    expect(first.stderr).toContain("installing packages (npm ci): no complete installation is here yet.");
    expect(await readFile(join(home, "node_modules/tool/package.json"), "utf8")).toContain("1.0.0");
    expect(await run()).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("installs again when the lockfile names other packages, another platform or another Node", async () => {
    await run();
    const stamp = join(home, "node_modules/.quarterdeck-install.json");
    const made = JSON.parse(await readFile(stamp, "utf8"));
    await writeFile(stamp, JSON.stringify({ ...made, nodeMajor: 12 }));
    expect((await run()).stderr).toContain("installed for Node 12, this is Node");
    await writeFile(stamp, JSON.stringify({ ...made, platform: "plan9-mips" }));
    expect((await run()).stderr).toContain("installed for plan9-mips");
    const lock = await readFile(join(home, "package-lock.json"), "utf8");
    await writeFile(
      join(home, "vendor/tool/package.json"),
      JSON.stringify({ name: "tool", version: "2.0.0" }),
    );
    await writeFile(
      join(home, "package-lock.json"),
      lock.replace(
        '"vendor/tool": {\n      "version": "1.0.0"',
        '"vendor/tool": {\n      "version": "2.0.0"',
      ),
    );
    expect((await run()).stderr).toContain("vendor/tool is not installed as package-lock.json says");
    expect((await run()).stderr).toBe("");
  });

  it("takes an installation made by hand as it is", async () => {
    await run();
    await rm(join(home, "node_modules/.quarterdeck-install.json"));
    expect(await run()).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("installs again after an installation that was cut short", async () => {
    await run();
    await rm(join(home, "node_modules/.package-lock.json"));
    expect(installs((await run()).stderr)).toBe(1);
  });

  it("installs once when two start at the same time", async () => {
    const both = await Promise.all([run(), run()]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(installs(both.map(({ stderr }) => stderr).join(""))).toBe(1);
  });

  it("does not wait for an installer that was killed", async () => {
    await mkdir(join(home, ".quarterdeck"));
    // The pid lives, but started at another moment than the lock's holder did.
    await writeFile(join(home, ".quarterdeck/install.lock"), `${process.pid} 1\n`);
    expect(await run()).toMatchObject({ code: 0 });
  });

  it("fails with a hint when the registry cannot be reached", async () => {
    const lock = JSON.parse(await readFile(join(home, "package-lock.json"), "utf8"));
    const project = JSON.parse(await readFile(join(home, "package.json"), "utf8"));
    project.dependencies.away = "1.0.0";
    lock.packages[""].dependencies.away = "1.0.0";
    lock.packages["node_modules/away"] = {
      version: "1.0.0",
      resolved: "http://127.0.0.1:1/away/-/away-1.0.0.tgz",
      integrity: `sha512-${"A".repeat(86)}==`,
    };
    await writeFile(join(home, "package.json"), JSON.stringify(project));
    await writeFile(join(home, "package-lock.json"), JSON.stringify(lock));
    const { code, stderr } = await run([], { npm_config_registry: "http://127.0.0.1:1/" });
    expect(code).toBe(1);
    expect(stderr).toContain("The package registry cannot be reached");
  });

  it("names the Node that is needed when this one is too old", async () => {
    const pretend = (version: string) => [
      "--import",
      `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${version}"})`,
    ];
    const old = await run(pretend("20.18.9"));
    expect(old.code).toBe(1);
    expect(old.stderr).toContain("needs Node 20.19 or newer; this is 20.18.9");
    expect(installs(old.stderr)).toBe(0);
    expect(await run(pretend("20.19.0"))).toMatchObject({ code: 0 });
  });
});
