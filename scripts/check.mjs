#!/usr/bin/env node
// `npm run check`: what a machine can see of the house's rules. All of it runs, whatever fails; each names its cure.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, "node_modules", ".bin", name);
const script = (name, ...args) => [process.execPath, [join(root, "scripts", name), ...args]];

/** Name, command, what to do when it fails. */
const checks = [
  ["format and lint", [bin("biome"), ["ci", "--colors=off", "."]], "npx biome check --write ."],
  ["types", [bin("tsc"), ["--noEmit", "-p", "."]], "Mend the types; no any, no ts-ignore."],
  ["imports", script("modules.mjs"), "docs/architecture.md says which room may import which."],
  ["nothing unused", [bin("knip"), []], "Delete what nobody uses, or stop exporting it."],
  ["generated docs", script("docs.mjs", "--check"), "npm run docs"],
];

const failed = [];
for (const [name, [command, args], cure] of checks) {
  const began = performance.now();
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const took = `${((performance.now() - began) / 1_000).toFixed(1)} s`;
  if (status === 0) console.log(`ok    ${name} (${took})`);
  else {
    failed.push(name);
    console.log(`FAIL  ${name} (${took})${error ? `: ${error.message}` : ""}. ${cure}`);
  }
}
console.log(failed.length === 0 ? "All is well." : `Failed: ${failed.join(", ")}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
