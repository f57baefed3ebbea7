import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { run as auditRun } from "../../src/cli/audit.ts";
import { run as migrateRun } from "../../src/cli/migrate.ts";
import { run as opsRun } from "../../src/cli/ops.ts";
import { runWeb, runWorker } from "../../src/cli/roles.ts";
import { run as routerRun } from "../../src/cli/router.ts";
import { list as tokenList } from "../../src/cli/token.ts";
import { settingsSchema } from "../../src/config/config.ts";
import { program } from "../../src/main.ts";
import { tempDir } from "../support/temp-dir.ts";
import { quarterdeck } from "./quarterdeck.ts";

const names = [
  "start",
  "web",
  "worker",
  "router",
  "migrate",
  "demo",
  "lint",
  "slo",
  "import",
  "manifest",
  "token",
  "audit",
  "doctor",
  "ops",
];

/** An environment of its own, as a process has that is started with these settings alone. */
function alone(env: Record<string, string>): void {
  for (const name of Object.keys(settingsSchema.shape)) vi.stubEnv(name, undefined);
  const own: Record<string, string> = { HOME: tempDir(), DATA_DIR: tempDir(), ...env };
  for (const [name, value] of Object.entries(own)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe("the command line", () => {
  it("lists every command in its help", async () => {
    const { code, out } = await quarterdeck(["--help"]);
    expect(code).toBe(0);
    for (const name of names) expect(out).toMatch(new RegExp(`^  ${name}\\b`, "m"));
  });

  it("shows examples with --help and runs nothing", async () => {
    const { code, out } = await quarterdeck(["start", "--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(/Examples:\n {2}\S/);
  });

  it.each(names)("%s has a help that ends with examples", (name) => {
    const found = program.commands.find((command) => command.name() === name);
    let out = "";
    found?.configureOutput({ writeOut: (text) => (out += text) }).outputHelp();
    expect(out).toMatch(/Examples:\n {2}\S/);
  });

  it("names what it does not know", async () => {
    const { code, err } = await quarterdeck(["lnit"]);
    expect(code).not.toBe(0);
    expect(err).toContain("Did you mean lint?");
  });

  it("names a setting that cannot be used", async () => {
    const { code, err } = await quarterdeck(["worker"], { PORT: "many" });
    expect(code).toBe(1);
    expect(err).toContain("PORT");
    expect(err).not.toContain("    at ");
  });
});

describe("a role of an installation", () => {
  const database = "postgres://nobody@127.0.0.1:1/none";
  const key = "ab".repeat(32);
  const roles = { web: runWeb, worker: runWorker, router: routerRun, migrate: migrateRun };
  it.each<[keyof typeof roles, Record<string, string>, string]>([
    ["web", {}, "SLACK_SIGNING_SECRET"],
    ["web", { SLACK_SIGNING_SECRET: "12345678" }, "DATABASE_URL"],
    [
      "web",
      { SLACK_SIGNING_SECRET: "12345678", DATABASE_URL: database, ENCRYPTION_KEY: key },
      "SLACK_BOT_TOKEN",
    ],
    ["web", { SLACK_APP_TOKEN: "xapp-1", DATABASE_URL: database, ENCRYPTION_KEY: key }, "SLACK_BOT_TOKEN"],
    ["worker", {}, "DATABASE_URL"],
    ["worker", { DATABASE_URL: database }, "ENCRYPTION_KEY"],
    ["worker", { DATABASE_URL: database, ENCRYPTION_KEY: key }, "SLACK_BOT_TOKEN"],
    ["router", {}, "ROUTER_TOKEN"],
    ["migrate", {}, "DATABASE_MIGRATION_URL"],
  ])(
    "%s with %o names the variable that is missing, before anything is loaded",
    async (role, env, missing) => {
      alone(env);
      await expect(roles[role]()).rejects.toThrow(`${missing} is not set`);
    },
  );

  it("ends with 1 and the cure, and starts nothing", async () => {
    const { code, out, err } = await quarterdeck(["worker"], { DATABASE_URL: database });
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/^quarterdeck: ENCRYPTION_KEY is not set\. Make one with: openssl/);
  });

  it("has no way to the local workspace: neither web nor worker loads it", () => {
    for (const file of [
      "src/cli/roles.ts",
      "src/cli/role-running.ts",
      "src/roles.ts",
      "src/app.ts",
      "src/start/follow-catalog.ts",
    ])
      expect(readFileSync(file, "utf8")).not.toContain("sandbox");
  });
});

describe("lint", () => {
  const catalogWith = (change: (text: string) => string): string => {
    const dir = tempDir();
    cpSync("config/sample", dir, { recursive: true });
    const file = join(dir, "storefront.yaml");
    writeFileSync(file, change(readFileSync(file, "utf8")));
    return dir;
  };

  it("is content with the sample", async () => {
    const { code, out } = await quarterdeck(["lint", "config/sample"]);
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining("well.") });
  });

  it("names file, line and cure of what is wrong, and ends with 1", async () => {
    const dir = catalogWith((text) => text.replace("dri: olive", "dri: olve"));
    const { code, out } = await quarterdeck(["lint", dir]);
    expect(code).toBe(1);
    expect(out).toMatch(/storefront\.yaml:\d+: .*olve/);
    const json = await quarterdeck(["lint", dir, "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, problems: [{ line: expect.any(Number) }] });
  });
});

describe("without an installation", () => {
  it.each<[string, () => Promise<void>, string]>([
    ["ops says how to sign in", () => opsRun(["status"], {}), "not signed in"],
    ["ops --as asks for a running start", () => opsRun(["status"], { as: "U0ONCALL" }), "none runs"],
    [
      "ops names an address that does not answer",
      () => opsRun(["status"], { token: "qdo_x", url: "http://127.0.0.1:1" }),
      "127.0.0.1:1 cannot be reached",
    ],
    ["token asks for a database", () => tokenList({}), "DATABASE_URL is not set"],
    ["audit asks for a database", () => auditRun({}), "DATABASE_URL is not set"],
  ])("%s", async (_what, run, words) => {
    alone({});
    await expect(run()).rejects.toThrow(words);
  });

  it("an error is told in words, without a stack, and ends with 1", async () => {
    const { code, err } = await quarterdeck(["audit", "verify"]);
    expect(code).toBe(1);
    expect(err).toContain("DATABASE_URL is not set");
    expect(err).not.toContain("    at ");
  });

  it("doctor names what is missing and ends with 1", async () => {
    const { code, out } = await quarterdeck(["doctor", "--no-wait", "--json"]);
    expect(code).toBe(1);
    const { ok, findings } = JSON.parse(out) as {
      ok: boolean;
      findings: { system: string; state: string; cure?: string }[];
    };
    expect(ok).toBe(false);
    for (const { state, cure } of findings) if (state === "failed") expect(cure).toBeTruthy();
    expect(findings).toContainEqual(expect.objectContaining({ system: "Postgres", state: "failed" }));
  });
});

it("manifest prints what Slack takes, and says why with --explain", async () => {
  const { out } = await quarterdeck(["manifest"], { PUBLIC_URL: "https://ops.example.com" });
  expect(JSON.parse(out)).toMatchObject({
    features: { slash_commands: [{ command: "/ops", url: "https://ops.example.com/slack/events" }] },
    settings: { interactivity: { is_enabled: true } },
  });
  expect((await quarterdeck(["manifest", "--explain"])).out).toContain("chat:write");
});
