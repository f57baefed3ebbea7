import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { slackManifest } from "../../../src/platform/slack/manifest.ts";
import { botEvents, scopelessMethods, scopes } from "../../../src/platform/slack/scopes.ts";

/** Methods of the Web API that the source names, outside the stand-in for Slack. */
const called = new Set(
  readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter(
      (name) => name.endsWith(".ts") && !name.startsWith("sandbox") && !name.endsWith("slack/scopes.ts"),
    )
    .flatMap((name) => [
      ...readFileSync(join("src", name), "utf8").matchAll(
        /"((?:chat|conversations|users|usergroups|files|views|auth|reactions|pins|bookmarks)\.[a-zA-Z.]+)"/g,
      ),
    ])
    .map(([, method]) => method as string),
);

it("every method that is called has its scope, and no scope is asked without a use", () => {
  const covered = new Set([...scopes.flatMap(({ methods }) => methods), ...scopelessMethods]);
  expect([...called].filter((method) => !covered.has(method))).toEqual([]);
  expect([...covered].filter((method) => !called.has(method))).toEqual([]);
});

it("a scope without a method belongs to a command or an event", () => {
  const ofEvents: string[] = botEvents.map(({ scope }) => scope);
  const rest = scopes.filter(({ methods, scope }) => methods.length === 0 && !ofEvents.includes(scope));
  expect(rest.map(({ scope }) => scope)).toEqual(["commands"]);
});

it("the manifest gives Slack one address, and none in Socket Mode", () => {
  const manifest = (isSocketMode: boolean) =>
    JSON.stringify(slackManifest({ publicUrl: "https://ops.example.com", isSocketMode, usageHint: "help" }));
  expect(manifest(false).match(/https:\/\/ops\.example\.com\/slack\/events/g)).toHaveLength(3);
  expect(manifest(true)).not.toContain("https://");
  expect(manifest(true)).toContain('"socket_mode_enabled":true');
});
