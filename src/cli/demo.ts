import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environment } from "../config/config.ts";
import { play } from "../sandbox/demo/play.ts";
import { startStack } from "../sandbox/demo/stack.ts";

export interface DemoOptions {
  json: boolean;
  /** Keeps the folder with data and logs. */
  keep: boolean;
  /** Script that starts Quarterdeck, for the self-test. */
  script?: string | undefined;
}

/** Plays the main job on a stack of its own; answers whether each outcome was observed. */
export async function demo(options: DemoOptions): Promise<boolean> {
  const say = (text: string): void => {
    if (!options.json) process.stdout.write(`${text}\n`);
  };
  const dataDir = await mkdtemp(join(tmpdir(), "quarterdeck-demo-"));
  const began = Date.now();
  const seconds = (): string => `${((Date.now() - began) / 1_000).toFixed(1)} s`;
  say(`Starting Quarterdeck in ${dataDir} …`);
  const stack = await startStack({ dataDir, env: environment(), script: options.script });
  try {
    say(`Ready after ${seconds()}: ${stack.baseUrl}\n`);
    const steps = await play(
      stack,
      () => new Date(),
      (step) => say(`${step.ok ? "ok  " : "FAIL"} ${step.name}\n     saw: ${step.saw}  (${seconds()})`),
    );
    const ok = steps.every((step) => step.ok);
    if (options.json) process.stdout.write(`${JSON.stringify({ ok, steps })}\n`);
    say(`\n${ok ? "Every outcome was observed" : "Not every outcome was observed"}, ${seconds()}.`);
    return ok;
  } finally {
    await stack.stop();
    if (!options.keep) await rm(dataDir, { recursive: true, force: true });
  }
}

export async function run(options: { json?: boolean; keep?: boolean }): Promise<void> {
  process.exitCode = (await demo({ json: options.json ?? false, keep: options.keep ?? false })) ? 0 : 1;
}
