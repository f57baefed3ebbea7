import { type ChildProcess, spawn } from "node:child_process";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { quarterdeck } from "./quarterdeck.ts";

let fresh: FreshDatabase;
let env: Record<string, string>;
beforeAll(async () => {
  fresh = await freshDatabase();
  env = {
    DATABASE_URL: fresh.url,
    ENCRYPTION_KEY: "ab".repeat(32),
    SLACK_BOT_TOKEN: "xoxb-of-nobody",
    SLACK_SIGNING_SECRET: "secret-of-tests",
    // Nothing listens there: Slack is away.
    SLACK_API_URL: "http://127.0.0.1:1/api/",
    PORT: "0",
    ADMIN_PORT: "0",
    LOG_LEVEL: "fatal",
  };
});
afterAll(() => fresh.drop());

/** A role as a process, once it says that it runs. */
async function started(role: string, settings: Record<string, string>) {
  const child: ChildProcess = spawn(process.execPath, ["scripts/quarterdeck.mjs", role], {
    env: { PATH: process.env.PATH, DATA_DIR: tempDir(), ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  await until(`${role} to run`, () => / admin on \d+/.test(said) || child.exitCode !== null, 60_000);
  const [, adminPort] = / admin on (\d+)/.exec(said) ?? [];
  if (!adminPort) throw new Error(`${role} did not start: ${said}`);
  return {
    probe: (path: string) => fetch(`http://127.0.0.1:${adminPort}${path}`),
    /** Exit code after SIGTERM. */
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

it("web and worker start on a migrated database with Slack away, and end in order when asked", async () => {
  const early = await quarterdeck(["worker"], { ...env, CATALOG_PATH: "config/sample" });
  expect(early).toMatchObject({ code: 1, err: expect.stringContaining("Run `quarterdeck migrate`") });

  const release = { DATABASE_MIGRATION_URL: fresh.ownerUrl };
  expect((await quarterdeck(["migrate"], release)).out).toContain("Applied: ");
  expect((await quarterdeck(["migrate"], release)).out).toBe("The database is current.\n");

  // A catalog that nobody named must not come in force by itself.
  const unnamed = await quarterdeck(["worker"], env);
  expect(unnamed).toMatchObject({ code: 1, err: expect.stringContaining("CATALOG_PATH is not set") });

  const worker = await started("worker", { ...env, CATALOG_PATH: "config/sample" });
  const webs = await Promise.all([started("web", env), started("web", env)]);
  for (const role of [worker, ...webs]) {
    expect((await role.probe("/readyz")).status).toBe(200);
    expect((await role.probe("/healthz")).status).toBe(200);
  }
  expect(await (await worker.probe("/metrics")).text()).toContain("quarterdeck_inbox_open");
  expect(await Promise.all([worker, ...webs].map((role) => role.stop()))).toEqual([0, 0, 0]);
}, 120_000);
