import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../src/platform/embedded/ports.ts";
import { poll } from "../../src/platform/embedded/wait.ts";

export interface TestPrometheus {
  url: string;
  stop(): Promise<void>;
}

export interface TestPrometheusOptions {
  /** OpenMetrics text with a time behind each value, written into the store before the start. */
  backfill?: string;
  /** prometheus.yml; scrapes nothing by default. */
  config?: string;
  /** A rule file beside it, `rules.yml`. */
  rules?: string;
}

/** A real Prometheus on a free port with its data in a temporary folder. `promtool` must stand beside the binary. */
export async function startPrometheus(
  binary: string,
  options: TestPrometheusOptions = {},
): Promise<TestPrometheus> {
  const home = await mkdtemp(join(tmpdir(), "quarterdeck-prometheus-"));
  const data = join(home, "data");
  const config = join(home, "prometheus.yml");
  await writeFile(config, options.config ?? "global: {}\n");
  if (options.rules !== undefined) await writeFile(join(home, "rules.yml"), options.rules);
  if (options.backfill !== undefined) {
    const input = join(home, "backfill.txt");
    await writeFile(input, options.backfill);
    await promisify(execFile)(join(dirname(binary), "promtool"), [
      "tsdb",
      "create-blocks-from",
      "openmetrics",
      input,
      data,
    ]);
  }
  const port = await freePort();
  const server = spawn(
    binary,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--storage.tsdb.retention.time=100y",
      "--log.level=warn",
    ],
    { stdio: ["ignore", "ignore", "pipe"], cwd: home },
  );
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => (log += chunk));
  const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
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
    throw new Error(`Prometheus did not start:\n${log}`);
  }
  return { url, stop };
}
