import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.ts";
import { tempDir } from "../support/temp-dir.ts";
import { quarterdeck } from "./quarterdeck.ts";

let app: TestApp;
let env: Record<string, string>;
beforeAll(async () => {
  app = await startTestApp();
  env = { DATABASE_URL: app.fresh.url };
});
afterAll(() => app.close());

it("a hook token is printed once, lets its source in, and is refused once revoked", async () => {
  const made = await quarterdeck(["token", "create", "alertmanager", "--team", "storefront"], env);
  const token = made.out.trim();
  expect(token).toMatch(/^qdh_/);
  const post = () =>
    fetch(`${app.base}/hooks/alertmanager`, {
      method: "POST",
      body: JSON.stringify({ version: "4", alerts: [] }),
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    });
  expect((await post()).status).not.toBe(401);

  const list = await quarterdeck(["token", "list"], env);
  expect(list.out).toContain("alertmanager");
  expect(list.out).not.toContain(token);
  const [id = ""] = /tok_[0-9a-f]+/.exec(list.out) ?? [];
  expect((await quarterdeck(["token", "revoke", id], env)).out).toContain("is revoked");
  expect((await quarterdeck(["token", "revoke", id], env)).err).toContain(`no valid token ${id}`);
});

it("a person signs a terminal in, asks there, and is refused what the person may not", async () => {
  const made = await quarterdeck(["token", "create", "ops", "--person", "dev", "--days", "1"], env);
  const home = { HOME: tempDir() };
  const signedIn = await quarterdeck(["ops", "--url", app.base, "--token", made.out.trim()], home);
  expect(signedIn.out).toContain("Signed in");
  expect(statSync(join(home.HOME, ".config", "quarterdeck", "operator.json")).mode & 0o777).toBe(0o600);

  const help = await quarterdeck(["ops", "help", "status"], home);
  expect(help).toMatchObject({ code: 0, out: expect.stringContaining("Example: status shop") });
  const refused = await quarterdeck(["ops", "--json", "/ops statsu shop"], home);
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.out)).toMatchObject({ done: true, ok: false });
});

it("names the sources, teams and people there are", async () => {
  const cases = [
    [["token", "create", "nagios", "--team", "storefront"], "It has: alertmanager, deploys"],
    [["token", "create", "alertmanager"], "Add --team"],
    [["token", "create", "ops", "--person", "nobody"], "U0ONCALL (olive)"],
  ] as const;
  for (const [args, words] of cases) {
    const { code, err } = await quarterdeck([...args], env);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(words) });
  }
});
