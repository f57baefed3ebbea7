import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../src/platform/embedded/ports.ts";
import { until } from "../support/until.ts";
import { assertTaken, closedLoop, perSecond } from "./client.ts";
import { ended, type Ground } from "./ground.ts";
import { alternate, type Bench, type Benchmark, median, type Result } from "./measure.ts";

const rounds = 7;
const requestsPerRound = 6_000;
const connections = 32;

/** One of the things that stand between the client and the backend. */
interface Way {
  readonly port: number;
  readonly pid: number;
}

/**
 * Short GETs over kept connections to one backend in a process of its own, through the router with two versions, through
 * the barest proxy Node can be, and through HAProxy with a map of shares, held to one thread as Node is.
 */
export const routerCostBenchmark: Benchmark = {
  name: "router-cost",
  about: "Requests through the router, against a bare Node proxy and HAProxy, and what each costs in CPU.",
  async run({ ground, say }: Bench): Promise<Result[]> {
    const backend = await ground.server({ role: "backend" });
    const backendPort = backend.port;
    const router = await ground.server({
      role: "router",
      backendPort,
      stateFile: join(ground.dir, "router-cost.json"),
    });
    const bare = await ground.server({ role: "bare-proxy", backendPort });
    const haproxy = await startHaproxy(ground, backendPort, say);
    const cpuOf = new Map<Way, number[]>();
    const load = async (way: Way): Promise<number> => {
      const before = cpuMs(way.pid);
      const loaded = await closedLoop(way.port, requests(requestsPerRound), connections);
      assertTaken(loaded, "requests");
      const spent = ((cpuMs(way.pid) - before) * 1_000) / requestsPerRound;
      cpuOf.set(way, [...(cpuOf.get(way) ?? []), spent]);
      return perSecond(requestsPerRound, loaded);
    };
    const ways = haproxy === undefined ? [router, bare] : [router, bare, haproxy];
    for (const way of ways) await load(way);
    cpuOf.clear();
    say("beside bare Node");
    const besideNode = await alternate(
      rounds,
      () => load(router),
      () => load(bare),
    );
    const cpu = (way: Way) => median(cpuOf.get(way) ?? []);
    const results: Result[] = [
      {
        name: "router-cost.node",
        value: besideNode.ratio,
        goal: { atLeast: 0.7 },
        unit: "ratio",
        beside: `${Math.round(besideNode.ours)} requests/s; bare Node ${Math.round(besideNode.theirs)}`,
      },
      {
        name: "router-cost.node-cpu",
        value: cpu(router) / cpu(bare),
        goal: { atMost: 1.5 },
        unit: "ratio",
        beside: `${Math.round(cpu(router))} µs of CPU a request; bare Node ${Math.round(cpu(bare))} µs`,
      },
    ];
    if (haproxy === undefined) return results;
    say("beside HAProxy");
    const besideHaproxy = await alternate(
      rounds,
      () => load(router),
      () => load(haproxy),
    );
    return [
      ...results,
      {
        name: "router-cost.haproxy",
        value: besideHaproxy.ratio,
        unit: "ratio",
        beside: `${Math.round(besideHaproxy.ours)} requests/s; HAProxy on one thread ${Math.round(besideHaproxy.theirs)}`,
      },
      {
        name: "router-cost.haproxy-cpu",
        value: cpu(router) / cpu(haproxy),
        unit: "ratio",
        beside: `${Math.round(cpu(router))} µs of CPU a request; HAProxy ${Math.round(cpu(haproxy))} µs`,
      },
    ];
  },
};

function requests(count: number): Buffer[] {
  const one = Buffer.from("GET /orders/1 HTTP/1.1\r\nhost: shop\r\naccept: text/plain\r\n\r\n");
  return Array.from({ length: count }, () => one);
}

/** User and system time of a process. Source: proc(5), /proc/pid/stat fields 14 and 15, in hundredths of a second. */
function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function startHaproxy(
  ground: Ground,
  backendPort: number,
  say: (line: string) => void,
): Promise<Way | undefined> {
  const program = ground.program("haproxy");
  if (program === undefined) {
    say("haproxy is not installed: it is left out (apt-get install haproxy)");
    return undefined;
  }
  const dir = join(ground.dir, "haproxy");
  await mkdir(dir, { recursive: true });
  const port = await freePort();
  await writeFile(join(dir, "shop.map"), "0:8999 shop_v41\n9000:9999 shop_v42\n");
  const config = `
global
  nbthread 1
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
backend shop_turns
  stick-table type integer size 1 expire 1d store gpc0
frontend shop
  bind 127.0.0.1:${port}
  option forwardfor
  http-request track-sc2 int(1) table shop_turns
  use_backend %[sc2_inc_gpc0,mul(6181),mod(10000),map_int(${dir}/shop.map,shop_v41)]
backend shop_v41
  server a 127.0.0.1:${backendPort}
backend shop_v42
  server a 127.0.0.1:${backendPort}
`;
  await writeFile(join(dir, "haproxy.cfg"), config);
  const child: ChildProcess = spawn(program, ["-db", "-f", join(dir, "haproxy.cfg")], { stdio: "ignore" });
  ground.onEnd(() => ended(child));
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      (answer) => answer.ok,
      () => false,
    );
  await until("HAProxy to answer", answers, 10_000);
  return { port, pid: child.pid as number };
}
