import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { poll } from "../../src/platform/embedded/wait.ts";

export interface TestAlertmanager {
  url: string;
  stop(): Promise<void>;
}

/** A real Alertmanager, alone in its cluster, with its data in a temporary folder. `config` is its alertmanager.yml. */
export async function startAlertmanager(
  binary: string,
  options: { port: number; config: string },
): Promise<TestAlertmanager> {
  const home = await mkdtemp(join(tmpdir(), "quarterdeck-alertmanager-"));
  const config = join(home, "alertmanager.yml");
  await writeFile(config, options.config);
  const server = spawn(
    binary,
    [
      `--config.file=${config}`,
      `--storage.path=${join(home, "data")}`,
      `--web.listen-address=127.0.0.1:${options.port}`,
      "--cluster.listen-address=",
      "--log.level=warn",
    ],
    { stdio: ["ignore", "ignore", "pipe"], cwd: home },
  );
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => (log += chunk));
  const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const url = `http://127.0.0.1:${options.port}`;
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      (response) => (response.ok ? true : undefined),
      () => undefined,
    );
  const ready = await poll(() => (server.exitCode === null ? isReady() : false), 30_000);
  const stop = async () => {
    server.kill("SIGKILL");
    await gone;
    await rm(home, { recursive: true, force: true });
  };
  if (!ready) {
    await stop();
    throw new Error(`Alertmanager did not start:\n${log}`);
  }
  return { url, stop };
}
