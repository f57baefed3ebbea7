import { spawn } from "node:child_process";
import { freePort } from "../../src/platform/embedded/ports.ts";
import { requireService } from "./services.ts";
import { until } from "./until.ts";

export interface TestRedis {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** A real Redis of the test's own, in memory only; `port` gives back one that was stopped. */
export async function startRedis(givenPort?: number): Promise<TestRedis> {
  const binary = requireService("redis-server");
  if (!binary) throw new Error("redis-server is missing");
  const port = givenPort ?? (await freePort());
  const child = spawn(
    binary,
    ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  await until("Redis to accept connections", () => output.includes("Ready to accept connections"));
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid as number,
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve());
        child.kill("SIGKILL");
      }),
  };
}
