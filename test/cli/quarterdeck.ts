import { spawn } from "node:child_process";
import { tempDir } from "../support/temp-dir.ts";

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the command line as a person does, with an environment of its own. */
export function quarterdeck(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, ["scripts/quarterdeck.mjs", ...args], {
    env: { PATH: process.env.PATH, HOME: tempDir(), DATA_DIR: tempDir(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((resolve, reject) =>
    child.once("error", reject).once("close", (code) => resolve({ code, out, err })),
  );
}
