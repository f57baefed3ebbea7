import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
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

describe("the command line", () => {
  it("lists every command in its help", async () => {
    const { code, out } = await quarterdeck(["--help"]);
    expect(code).toBe(0);
    for (const name of names) expect(out).toMatch(new RegExp(`^  ${name}\\b`, "m"));
  });

  it.each(names)("%s --help shows examples and runs nothing", async (name) => {
    const { code, out } = await quarterdeck([name, "--help"]);
    expect(code).toBe(0);
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
  it.each([
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
  ])("%s with %o names the variable that is missing, and starts nothing else", async (role, env, missing) => {
    const { code, out, err } = await quarterdeck([role], env as Record<string, string>);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(`${missing} is not set`);
  });

  it("has no way to the local workspace: neither web nor worker loads it", () => {
    for (const file of ["src/cli/roles.ts", "src/roles.ts", "src/app.ts", "src/start/follow-catalog.ts"])
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
  it.each([
    ["ops says how to sign in", ["ops", "status"], "not signed in"],
    ["ops --as asks for a running start", ["ops", "--as", "U0ONCALL", "status"], "none runs"],
    [
      "ops names an address that does not answer",
      ["ops", "--token", "qdo_x", "--url", "http://127.0.0.1:1", "status"],
      "127.0.0.1:1 cannot be reached",
    ],
    ["token asks for a database", ["token", "list"], "DATABASE_URL is not set"],
    ["audit asks for a database", ["audit", "verify"], "DATABASE_URL is not set"],
  ])("%s", async (_what, args, words) => {
    const { code, err } = await quarterdeck(args);
    expect(code).toBe(1);
    expect(err).toContain(words);
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
