import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { backfillText, momentsBefore } from "../support/backfill.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { type Bench, type Benchmark, median, type Result } from "./measure.ts";

const serviceCount = 300;
const rounds = 5;
/** As many as the command asks at once. */
const atOnce = 16;

interface Asked {
  path: string;
  body: string;
}

/**
 * The whole command, from its process to its last line, over 300 services with three SLOs each, against the same
 * questions put to the same Prometheus by nobody in particular: what is left is ours.
 */
export const sloStatusBenchmark: Benchmark = {
  name: "slo-status",
  about:
    "`quarterdeck slo status` over 300 services with three SLOs each, against Prometheus' own time for it.",
  async run({ ground, say }: Bench): Promise<Result[]> {
    const binary = ground.program("prometheus");
    if (binary === undefined) {
      say("prometheus is not installed: left out");
      return [];
    }
    say("filling a Prometheus …");
    const prometheus = await startPrometheus(binary, { backfill: samples(Math.floor(Date.now() / 1000)) });
    ground.onEnd(() => prometheus.stop());
    const overheard = await overhear(prometheus.url);
    ground.onEnd(async () => overheard.close());

    await writeFile(join(ground.dir, "catalog.yaml"), catalogText(overheard.url));
    const first = await status(ground.dir);
    if (first.known !== first.count || first.count !== 3 * serviceCount)
      throw new Error(`${first.known} of ${first.count} SLOs are known; ${3 * serviceCount} should be`);
    await writeFile(join(ground.dir, "catalog.yaml"), catalogText(prometheus.url));

    const measured: { ours: number; theirs: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const theirs = await replayed(prometheus.url, overheard.asked);
      const { tookMs } = await status(ground.dir);
      measured.push({ ours: tookMs, theirs });
      say(`${Math.round(tookMs)} ms, of which Prometheus ${Math.round(theirs)} ms`);
    }
    const own = median(measured.map(({ ours, theirs }) => ours - theirs));
    return [
      {
        name: "slo-status.own",
        value: own,
        goal: { atMost: 2_000 },
        unit: "ms",
        beside: `${Math.round(median(measured.map(({ ours }) => ours)))} ms in all, process and printing included; Prometheus alone ${Math.round(median(measured.map(({ theirs }) => theirs)))} ms for its ${overheard.asked.length} queries`,
      },
    ];
  },
};

async function status(dir: string): Promise<{ tookMs: number; count: number; known: number }> {
  const startedMs = performance.now();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["scripts/quarterdeck.mjs", "slo", "status", "--json"],
    {
      env: { PATH: process.env.PATH, CATALOG_PATH: dir, DATA_DIR: join(dir, "none") },
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const tookMs = performance.now() - startedMs;
  const { slos } = JSON.parse(stdout) as { slos: { remaining: number | null; state: string }[] };
  return {
    tookMs,
    count: slos.length,
    known: slos.filter(({ remaining, state }) => remaining !== null && state === "healthy").length,
  };
}

/** Puts questions to Prometheus, so many at once, and reads each answer whole. Answers the milliseconds it took. */
async function replayed(url: string, asked: readonly Asked[]): Promise<number> {
  const startedMs = performance.now();
  const left = [...asked];
  const line = async (): Promise<void> => {
    for (let next = left.pop(); next; next = left.pop()) {
      const answer = await fetch(url + next.path, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: next.body,
      });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`Prometheus answered ${answer.status}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, line));
  return performance.now() - startedMs;
}

/** Stands before a Prometheus and keeps what it is asked. */
async function overhear(to: string): Promise<{ url: string; asked: Asked[]; close(): void }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = await textOf(request);
      const path = request.url ?? "/";
      asked.push({ path, body });
      const answer = await fetch(to + path, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body,
      });
      response.writeHead(answer.status, { "content-type": "application/json" });
      response.end(Buffer.from(await answer.arrayBuffer()));
    })().catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

const names = Array.from({ length: serviceCount }, (_, index) => `service-${index + 1}`);

/** A day of a quiet company, the last hour as it is scraped. */
function samples(nowSec: number): string {
  const times = momentsBefore(nowSec, {
    spanSec: 86_400,
    coarseSec: 600,
    fineForSec: 5_400,
    fineSec: 30,
    aheadSec: 300,
  });
  const begunSec = times[0] ?? 0;
  const rising = (perSec: number) => (atSec: number) => Math.floor((atSec - begunSec) * perSec);
  const counters = (name: string, label: string, rates: Readonly<Record<string, number>>) =>
    names.flatMap((service) =>
      Object.entries(rates).map(([value, perSec]) => ({
        name,
        labels: { service, [label]: value },
        value: rising(perSec),
      })),
    );
  return [
    backfillText("counter", counters("requests_total", "code", { "200": 100, "500": 0.02 }), times),
    // A classic histogram's buckets are counters; promtool takes them for such.
    backfillText(
      "gauge",
      counters("duration_seconds_bucket", "le", { "0.1": 90, "0.25": 99.99, "+Inf": 100 }),
      times,
    ),
    backfillText(
      "gauge",
      names.map((service) => ({ name: "up_probe", labels: { service }, value: () => 1 })),
      times,
    ),
    "# EOF\n",
  ].join("");
}

const catalogText = (url: string): string =>
  JSON.stringify({
    organisation: { name: "Benchmark", slackTeams: ["T0A"], defaultChannel: "ops", defaultOwner: "all" },
    channels: [{ name: "ops", slack: { T0A: "C0OPS" } }],
    people: [{ id: "olive", name: "Olive" }],
    teams: [{ name: "all", leads: ["olive"], alertChannel: "ops", leadsChannel: "ops" }],
    providers: { metrics: [{ name: "prom", kind: "prometheus", url, deadline: "20s" }] },
    services: names.map((name) => ({ name, team: "all", dri: "olive", metrics: "prom" })),
    slos: names.flatMap((service) => [
      {
        name: `${service}-answers`,
        service,
        objective: 99.9,
        window: { rolling: "28d" },
        userFacing: true,
        indicator: {
          kind: "ratio",
          total: { metric: "requests_total" },
          bad: { metric: "requests_total", labels: { code: "500" } },
        },
      },
      {
        name: `${service}-latency`,
        service,
        objective: 99.9,
        window: { rolling: "28d" },
        indicator: { kind: "latency", histogram: { metric: "duration_seconds" }, threshold: 0.25 },
      },
      {
        name: `${service}-probes`,
        service,
        objective: 99.5,
        window: { calendar: "month", zone: "Europe/Berlin" },
        indicator: { kind: "availability", gauge: { metric: "up_probe" } },
      },
    ]),
  });
