import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type PartName, play } from "../../src/sandbox/demo/play.ts";
import { type Stack, startStack } from "../../src/sandbox/demo/stack.ts";

/** One stack whose effects are turned into nothing one after the other; the demo must see each of them. */
let stack: Stack;
let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "quarterdeck-sabotage-"));
  stack = await startStack({
    dataDir,
    env: { ...process.env, LOAD_RPS: "100" },
    script: fileURLToPath(new URL("../support/sabotaged.mjs", import.meta.url)),
  });
}, 90_000);
afterAll(async () => {
  await stack?.stop();
  await rm(dataDir, { recursive: true, force: true });
}, 40_000);

/** Names and words of the steps that fail while an effect is off; the one expected to is waited for less long. */
const failedSteps = async (
  off: string,
  parts: readonly PartName[],
  failsAt: { step: string; patience: number },
): Promise<string[]> => {
  const file = join(dataDir, `off-${off}`);
  try {
    const steps = await play(
      stack,
      () => new Date(),
      // Off once the first step has seen that all is well.
      () => writeFileSync(file, ""),
      { parts, failsAt, grantSec: 8 },
    );
    return steps.filter((step) => !step.ok).map((step) => `${step.name}: ${step.saw}`);
  } finally {
    await rm(file, { force: true });
  }
};

it("sees that no card appears when postMessage does nothing", async () => {
  expect(await failedSteps("postMessage", ["alerts"], { step: "1", patience: 0.2 })).toEqual([
    expect.stringMatching(/^1 .*waited 4000 ms for the ticket's card/),
  ]);
}, 120_000);

// Before errors are made on purpose: what they cost of the budget would stop a rollout by itself.
it("sees that no canary gets traffic when setWeight does nothing", async () => {
  expect(await failedSteps("setWeight", ["rollouts"], { step: "4a", patience: 0.15 })).toEqual([
    expect.stringMatching(/^4a /),
  ]);
}, 120_000);

it("sees that nobody is paged when page does nothing, and that a login outlives its time when revoke does nothing", async () => {
  const [alerts, access] = await Promise.all([
    failedSteps("page", ["alerts"], { step: "2", patience: 0.3 }),
    failedSteps("revoke", ["access"], { step: "6b", patience: 0.3 }),
  ]);
  expect(alerts).toEqual([expect.stringMatching(/^2 .*for a page to whoever is on call/)]);
  expect(access).toEqual([expect.stringMatching(/^6b .*for the open session to end/)]);
}, 120_000);
