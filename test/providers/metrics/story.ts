import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A deterministic afternoon of one service: an old version that restarts once, and a new one that appears at minute 50
 * and begins to fail at minute 60. Both providers under test are told it, each in its own way.
 */
export const storyStart = new Date("2026-11-01T12:00:00Z");
export const stepSec = 30;
export const steps = 240;
export const versions = ["v41", "v42"] as const;
export type Version = (typeof versions)[number];

export const at = (minute: number): Date => new Date(storyStart.getTime() + minute * 60_000);

export interface StorySample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const bounds = ["0.1", "0.25", "0.5", "1.0", "+Inf"];
const restartStep = 150;
const newVersionStep = 100;
const failingStep = 120;

/** Counted by a process of `version` that began at step `begun`, up to `step`. */
function counted(version: Version, begun: number, step: number) {
  let ok = 0;
  let bad = 0;
  const buckets = bounds.map(() => 0);
  for (let i = begun + 1; i <= step; i += 1) {
    const requests = version === "v41" ? 90 + (i % 7) * 10 : 10 + (i % 3);
    const failed = version === "v42" && i >= failingStep ? 3 : i % 10 === 0 && version === "v41" ? 1 : 0;
    ok += requests - failed;
    bad += failed;
    const slow = version === "v42" ? 0.5 : 0.1;
    for (const [index, share] of [0.5 * (1 - slow), 0.8 * (1 - slow), 1 - slow, 1 - slow / 4, 1].entries()) {
      buckets[index] = (buckets[index] ?? 0) + Math.round(requests * share);
    }
  }
  return { ok, bad, buckets };
}

/** What a version's page shows at a step; null while the version does not run. */
export function pageAt(version: Version, step: number): StorySample[] | null {
  const begun = version === "v42" ? newVersionStep - 1 : step >= restartStep ? restartStep - 1 : -1000;
  if (version === "v42" && step < newVersionStep) return null;
  const { ok, bad, buckets } = counted(version, begun, step);
  const base = { service: "shop", version };
  return [
    { name: "requests_total", labels: { ...base, code: "200" }, value: ok },
    // As with most clients: no error series before the first error.
    ...(bad > 0 ? [{ name: "requests_total", labels: { ...base, code: "500" }, value: bad }] : []),
    ...bounds.map((le, i) => ({
      name: "duration_seconds_bucket",
      labels: { ...base, le },
      value: buckets[i] ?? 0,
    })),
    { name: "duration_seconds_count", labels: base, value: buckets.at(-1) ?? 0 },
    { name: "pool_used", labels: base, value: 5 + (step % 4) + (version === "v42" ? 10 : 0) },
    { name: "answering", labels: base, value: version === "v42" && step % 8 === 0 ? 0 : 1 },
    { name: "not_asked_for_total", labels: base, value: step },
    {
      name: "process_start_time_seconds",
      labels: {},
      value: storyStart.getTime() / 1000 + begun * stepSec + 1,
    },
  ];
}

const labelsText = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(",");

export function pageText(samples: readonly StorySample[]): string {
  const types =
    "# TYPE requests_total counter\n# TYPE duration_seconds histogram\n# TYPE pool_used gauge\n# TYPE answering gauge\n# TYPE not_asked_for_total counter\n# TYPE process_start_time_seconds gauge\n";
  return `${types}${samples.map(({ name, labels, value }) => `${name}{${labelsText(labels)}} ${value}\n`).join("")}`;
}

/** The whole story as OpenMetrics with times, as promtool reads it. */
export function storyText(instances: Readonly<Record<Version, string>>): string {
  const lines: string[] = [];
  for (let step = 0; step <= steps; step += 1)
    for (const version of versions)
      for (const { name, labels, value } of pageAt(version, step) ?? [])
        lines.push(
          `${name}{${labelsText({ ...labels, instance: instances[version] })}} ${value} ${storyStart.getTime() / 1000 + step * stepSec}`,
        );
  // One series' samples must stand in order, and a family's together.
  lines.sort(
    (a, b) =>
      (a.split("{")[0] ?? "").localeCompare(b.split("{")[0] ?? "") ||
      Number(a.split(" ").at(-1)) - Number(b.split(" ").at(-1)),
  );
  return `${lines.join("\n")}\n# EOF\n`;
}

export interface Exporter {
  url: string;
  /** What it shows from now on; null answers 503. */
  show(text: string | null): void;
  close(): Promise<void>;
}

export async function startExporter(): Promise<Exporter> {
  let shown: string | null = null;
  const server = createServer((_request, response) => {
    response.writeHead(shown === null ? 503 : 200, { "content-type": "text/plain; version=0.0.4" });
    response.end(shown ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    show: (text) => {
      shown = text;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
