import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export interface Ready {
  ready: true;
  version?: string;
  port: number;
}

/** Starts `server.ts` or `load.ts` as the sandbox does; resolves when it says that it is ready. */
export async function startProcess(script: "server.ts" | "load.ts", args: string[]) {
  const path = fileURLToPath(new URL(`../../../src/sandbox/shop/${script}`, import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", path, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const lines: string[] = [];
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const ready = await new Promise<Ready>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      lines.push(
        ...chunk
          .toString()
          .split("\n")
          .filter((line) => line !== ""),
      );
      resolve(JSON.parse(lines[0] ?? "") as Ready);
    });
    child.once("exit", () => reject(new Error(complaint)));
  });
  return { ready, lines, child, exited };
}
