import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { appendFile, cp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { freePortsInARow } from "../../src/platform/embedded/ports.ts";
import { Person } from "../support/person.ts";
import { type RoleProcess, spawnRole, startRole } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { removedFolder } from "./folders.ts";

const isRoot = process.getuid?.() === 0;
/** An account without rights that every Linux has. */
const nobody = { uid: 65_534, gid: 65_534 };

/** Root's home and a checkout of mode 700 are closed to others: then only root's start can be tried here. */
function canRunAsNobody(): boolean {
  if (!isRoot) return false;
  const can = spawnSync(process.execPath, ["scripts/quarterdeck.mjs", "--help"], {
    ...nobody,
    env: { HOME: tmpdir() },
  });
  if (can.status !== 0)
    console.warn("NOT TESTED: a plain user cannot read this checkout; start is tried as root alone");
  return can.status === 0;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const portNames = [
  "PORT",
  "ADMIN_PORT",
  "ROUTER_PORT",
  "ROUTER_ADMIN_PORT",
  "POSTGRES_PORT",
  "ORDERS_DB_PORT",
  "SLACK_API_PORT",
];

interface Ground {
  dataDir: string;
  env: Record<string, string>;
  start(): Promise<RoleProcess>;
}

/** An empty data folder, a catalog of its own and free ports: what a person has who starts for the first time. */
async function ground(mode = 0o755, account?: { uid: number; gid: number }): Promise<Ground> {
  const folder = await removedFolder(mode);
  closing.push(folder.remove);
  const dataDir = join(folder.path, "data");
  const catalog = join(folder.path, "catalog");
  await cp("config/sample", catalog, { recursive: true });
  const env: Record<string, string> = { DATA_DIR: dataDir, CATALOG_PATH: catalog, LOAD_RPS: "20" };
  const first = await freePortsInARow(portNames.length + 5);
  for (const [index, name] of portNames.entries()) env[name] = String(first + index);
  env.SHOP_PORT = String(first + portNames.length);
  const start = async () => {
    const started = await startRole("start", env, account);
    closing.push(async () => {
      await started.stop("SIGTERM");
      for (const pid of processesOf(dataDir)) process.kill(pid, "SIGKILL");
    });
    return started;
  };
  return { dataDir, env, start };
}

/** Where a cluster's data are when its account cannot enter the data folder. */
function movedData(dataDir: string): string[] {
  return ["postgres", "orders-db"].flatMap((cluster) => {
    try {
      const pointer = readFileSync(join(dataDir, cluster, "elsewhere.json"), "utf8");
      return [(JSON.parse(pointer) as { dataDir: string }).dataDir];
    } catch {
      return [];
    }
  });
}

/** Living processes that have to do with a data folder: by command line, working folder or environment. */
function processesOf(dataDir: string): number[] {
  const folders = [dataDir, ...movedData(dataDir)];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        const state = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.[0];
        if (state === "Z" || state === "X") return false;
        const facts = [
          readFileSync(`/proc/${pid}/cmdline`, "utf8"),
          readFileSync(`/proc/${pid}/environ`, "utf8"),
          readlinkSync(`/proc/${pid}/cwd`),
        ];
        return folders.some((folder) => facts.some((fact) => fact.includes(folder)));
      } catch {
        return false;
      }
    });
}

/** What a second start says, and its exit code. */
async function tryStart(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const { child, output, ended } = spawnRole("start", env);
  closing.push(async () => void child.kill("SIGKILL"));
  return { code: await ended, output: output() };
}

const ask = async (started: RoleProcess, channel: string, what: string, seen: RegExp) => {
  const olive = await new Person(started.url, "U0ONCALL").signIn();
  await olive.send(channel, what);
  return olive.sees(channel, seen, 30_000);
};

describe("quarterdeck start", () => {
  // As root the first is a plain user's, if one can read this checkout; the second is root's own.
  it("is ready, says so to a second one, refuses a taken port by its option, follows the catalog, and leaves nothing after Ctrl-C", async () => {
    const account = canRunAsNobody() ? nobody : undefined;
    const { dataDir, env, start } = account ? await ground(0o777, account) : await ground();
    const started = await start();
    if (account) expect(statSync(dataDir).uid).toBe(account.uid);
    expect((await fetch(`${started.adminUrl}/readyz`)).status).toBe(200);
    await ask(started, "C0OPS", "/ops status shop", /Runs v41/);

    const second = await tryStart(env);
    expect(second.code).not.toBe(0);
    expect(second.output).toContain(String(started.pid));
    expect(second.output).toContain(started.url);

    const other = await ground();
    const taken = await tryStart({ ...other.env, PORT: new URL(started.url).port });
    expect(taken.code).not.toBe(0);
    expect(taken.output).toMatch(/Port \d+ .*in use/);
    expect(taken.output).toContain("PORT=<port>");
    expect(processesOf(other.dataDir)).toEqual([]);

    // A catalog that cannot be used is refused with its line; the one in force stays.
    const file = join(env.CATALOG_PATH as string, "payments.yaml");
    const lines = (await readFile(file, "utf8")).split("\n").length;
    await appendFile(file, "  - name: broken\n    team: nobody-knows\n    environments: [production]\n");
    await until(
      "the refusal",
      () => /the one in force stays/.test(started.output()) && /payments\.yaml:\d+/.test(started.output()),
      30_000,
    );
    const at = Number(/payments\.yaml:(\d+)/.exec(started.output())?.[1]);
    expect(at).toBeGreaterThanOrEqual(lines - 1);
    await ask(started, "C0GENERAL", "/ops status payments", /payments/);

    expect(await started.stop("SIGINT")).toBe(0);
    await until("no process to be left", () => processesOf(dataDir).length === 0);
  }, 180_000);

  it("killed with SIGKILL leaves what the next start finds and ends, and the data are kept", async () => {
    // As root the folder is one that only root may enter: Postgres and its data must be found elsewhere then.
    const { dataDir, start } = await ground(isRoot ? 0o700 : 0o755);
    const first = await start();
    const moved = movedData(dataDir);
    expect(moved).toHaveLength(isRoot ? 2 : 0);
    closing.push(async () => {
      for (const dir of moved) await rm(dirname(dir), { recursive: true, force: true });
    });
    await ask(first, "C0OPS", "/ops mute shop 1h looking at the start", /muted/i);
    await first.kill();
    expect(processesOf(dataDir).length).toBeGreaterThan(2);
    for (const dir of moved) expect(processesOf(dir)).not.toEqual([]);

    const next = await start();
    expect(next.output()).toMatch(/left over/);
    await ask(next, "C0GENERAL", "/ops audit shop", /looking at the start/);
    expect(await next.stop("SIGINT")).toBe(0);
    await until("no process to be left", () => processesOf(dataDir).length === 0);
  }, 180_000);
});
