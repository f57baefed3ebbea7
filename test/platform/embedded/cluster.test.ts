import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Cluster, type ClusterOptions, startCluster } from "../../../src/platform/embedded/cluster.ts";
import { freePort } from "../../../src/platform/embedded/ports.ts";
import { isAlive, sendSignal } from "../../../src/platform/embedded/process-facts.ts";
import { superviseCluster } from "../../../src/platform/embedded/supervise.ts";
import { poll } from "../../../src/platform/embedded/wait.ts";
import { tempDir } from "../../support/temp-dir.ts";

const isRoot = process.getuid?.() === 0;

function options(home: string, more: Partial<ClusterOptions> = {}): ClusterOptions {
  return {
    name: "main",
    dir: join(home, "postgres/main"),
    port: 0,
    portOption: "POSTGRES_PORT",
    initdbOptions: ["--no-sync"],
    settings: { fsync: "off", shared_buffers: "16MB", max_connections: 20 },
    systemDir: join(home, "system"),
    ...more,
  };
}

async function start(given: ClusterOptions): Promise<Cluster> {
  const cluster = await startCluster(given);
  onTestFinished(() => cluster.stop());
  return cluster;
}

async function ask(connectionString: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

describe("startCluster", () => {
  it("keeps data, port and password from one start to the next", async () => {
    const home = tempDir();
    const first = await start(options(home));
    await ask(first.url(), "create table kept (n int); insert into kept values (7)");
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    await first.stop();
    const second = await start(options(home));
    expect(second.url()).toBe(first.url());
    expect(second.wasAdopted).toBe(false);
    expect(await ask(second.url(), "select n from kept")).toEqual([{ n: 7 }]);
  });

  it("listens on loopback only, without a socket file, and asks for a password by scram-sha-256", async () => {
    const home = tempDir();
    const cluster = await start(options(home));
    const settings = await ask(
      cluster.url(),
      "select name, setting from pg_settings where name in ('listen_addresses','unix_socket_directories','password_encryption') order by name",
    );
    expect(settings.map((row) => row.setting)).toEqual(["127.0.0.1", "scram-sha-256", ""]);
    await expect(
      ask(cluster.url("postgres", { user: "postgres", password: "guess" }), "select 1"),
    ).rejects.toMatchObject({ code: "28P01" });
    expect(readFileSync(join(cluster.dataDir, "pg_hba.conf"), "utf8")).not.toMatch(/^[^#]*\b(trust|peer)$/m);
    expect(statSync(join(home, "postgres/main/superuser-password")).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(home, "postgres/main"))).not.toContain("initdb-password");
    expect(
      execFileSync("ps", ["-o", "user=", "-p", String(cluster.pid)], { encoding: "utf8" }).trim(),
    ).not.toBe("root");
  });

  it("adopts the server that a killed start left running", async () => {
    const home = tempDir();
    const left = await start(options(home));
    const next = await start(options(home));
    expect(next).toMatchObject({ pid: left.pid, port: left.port, wasAdopted: true });
    await next.stop();
    expect(isAlive(left.pid)).toBe(false);
  });

  it("starts the server anew when what was left runs with other settings or on another port", async () => {
    const home = tempDir();
    const left = await start(options(home));
    const port = await freePort();
    const next = await start(options(home, { port, settings: { fsync: "off", max_connections: 21 } }));
    expect(next).toMatchObject({ port, wasAdopted: false });
    expect(isAlive(left.pid)).toBe(false);
    expect(await ask(next.url(), "show max_connections")).toEqual([{ max_connections: "21" }]);
  });

  it("starts after the server was killed, also when its pid belongs to another program by now", async () => {
    const home = tempDir();
    const first = await start(options(home));
    const pidFile = join(first.dataDir, "postmaster.pid");
    const text = readFileSync(pidFile, "utf8");
    sendSignal(first.pid, "SIGKILL");
    await poll(() => (isAlive(first.pid) ? undefined : true), 10_000);
    const other = spawn("sleep", ["600"], { uid: statSync(first.dataDir).uid, stdio: "ignore" });
    await once(other, "spawn");
    onTestFinished(() => void other.kill("SIGKILL"));
    writeFileSync(pidFile, text.replace(String(first.pid), String(other.pid)));
    const second = await start(options(home));
    expect(await ask(second.url(), "select 1 as one")).toEqual([{ one: 1 }]);
    expect(isAlive(other.pid ?? 0)).toBe(true);
  });

  it("is not hit by the Ctrl-C of our terminal: it leads a session of its own", async () => {
    const cluster = await start(options(tempDir()));
    const [group, session] = execFileSync("ps", ["-o", "pgid=,sid=", "-p", String(cluster.pid)], {
      encoding: "utf8",
    })
      .trim()
      .split(/\s+/)
      .map(Number);
    expect([group, session]).toEqual([cluster.pid, cluster.pid]);
  });

  it("refuses the data folder of another major version and says how to move it", async () => {
    const home = tempDir();
    const first = await start(options(home));
    await first.stop();
    const versionFile = join(first.dataDir, "PG_VERSION");
    writeFileSync(versionFile, "16\n");
    const error = await startCluster(options(home)).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "data_other_major" });
    expect(error.message).toContain(
      `${first.dataDir} was made by Postgres 16; this is Postgres ${first.majorVersion}`,
    );
    expect(error.hint).toContain("pg_dumpall");
    expect(error.hint).toContain(`mv ${first.dataDir} ${first.dataDir}-16`);
  });

  it("refuses a folder that is no data folder", async () => {
    const home = tempDir();
    mkdirSync(join(home, "postgres/main/data"), { recursive: true });
    await expect(startCluster(options(home))).rejects.toMatchObject({ code: "data_folder_damaged" });
  });

  it("names the option and the holder when the port is in use", async () => {
    const held = createServer().listen(0, "127.0.0.1");
    await once(held, "listening");
    onTestFinished(() => void held.close());
    const port = (held.address() as { port: number }).port;
    const error = await startCluster(options(tempDir(), { port })).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "port_in_use" });
    expect(error.message).toContain(`(pid ${process.pid})`);
    expect(error.hint).toContain("POSTGRES_PORT=");
  });

  it("says so when the kept password is not the data folder's", async () => {
    const home = tempDir();
    const first = await start(options(home));
    await first.stop();
    writeFileSync(join(home, "postgres/main/superuser-password"), "another\n");
    await expect(startCluster(options(home))).rejects.toMatchObject({ code: "password_refused" });
    expect(readdirSync(first.dataDir)).not.toContain("postmaster.pid");
  });

  it("shows the end of the log when the server does not start", async () => {
    const error = await startCluster(options(tempDir(), { settings: { max_connections: "many" } })).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: "postgres_start_failed" });
    expect(error.message).toContain("max_connections");
  });

  it("keeps a role's password in a file of mode 600", async () => {
    const home = tempDir();
    const cluster = await start(options(home));
    const password = await cluster.password("quarterdeck_app");
    expect(password).toHaveLength(48);
    expect(await cluster.password("quarterdeck_app")).toBe(password);
    expect(statSync(join(home, "postgres/main/password-quarterdeck_app")).mode & 0o777).toBe(0o600);
  });
});

describe("superviseCluster", () => {
  it("starts a server that was killed again, on the same port", async () => {
    const given = options(tempDir());
    const cluster = await start(given);
    const states: string[] = [];
    const supervision = superviseCluster(cluster, given, ({ state }) => states.push(state));
    onTestFinished(() => supervision.stop());
    sendSignal(cluster.pid, "SIGKILL");
    expect(await poll(() => (states.includes("back") ? true : undefined), 20_000)).toBe(true);
    expect(await ask(cluster.url(), "select 1 as one")).toEqual([{ one: 1 }]);
    await supervision.stop();
    await expect(ask(cluster.url(), "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe.runIf(isRoot)("startCluster as root in a folder that only root may enter", () => {
  it("keeps binaries as they are and data where Postgres' own account can reach them, with a pointer in the folder", async () => {
    const home = tempDir(0o700);
    const systemDir = join(tempDir(), "system");
    const first = await start(options(home, { systemDir }));
    expect(first.dataDir.startsWith(join(systemDir, "data-"))).toBe(true);
    await ask(first.url(), "create table kept (n int)");
    await first.stop();
    const second = await start(options(home, { systemDir }));
    expect(second.dataDir).toBe(first.dataDir);
    expect(await ask(second.url(), "select * from kept")).toEqual([]);
  });

  it("gives a copied checkout data of its own, and lets a moved one keep its data", async () => {
    const home = tempDir(0o700);
    const systemDir = join(tempDir(), "system");
    const first = await start(options(join(home, "a"), { systemDir }));
    await first.stop();
    cpSync(join(home, "a"), join(home, "copy"), { recursive: true });
    const copied = await start(options(join(home, "copy"), { systemDir }));
    expect(copied.dataDir).not.toBe(first.dataDir);
    renameSync(join(home, "a"), join(home, "moved"));
    const moved = await start(options(join(home, "moved"), { systemDir }));
    expect(moved.dataDir).toBe(first.dataDir);
  });

  it("takes along data that were made while the folder was open", async () => {
    const home = tempDir();
    const systemDir = join(tempDir(), "system");
    const first = await start(options(home, { systemDir }));
    await ask(first.url(), "create table kept (n int)");
    execFileSync("chmod", ["700", home]);
    const second = await start(options(home, { systemDir }));
    expect(second.dataDir.startsWith(systemDir)).toBe(true);
    expect(await ask(second.url(), "select * from kept")).toEqual([]);
    expect(isAlive(first.pid)).toBe(false);
  });
});
