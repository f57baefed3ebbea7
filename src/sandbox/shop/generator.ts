import { Agent, request } from "node:http";

export interface LoadOptions {
  /** Where the requests go, `http://host:port`. */
  readonly url: string;
  /** Value of the Host header; the router chooses the service by it. */
  readonly host: string;
  readonly requestsPerSec: number;
  /** Share of requests that go to `/checkout`, 0 to 1; the others go to `/`. */
  readonly checkoutRatio: number;
  readonly random: () => number;
}

export interface LoadSummary {
  readonly sent: number;
  readonly answered: number;
  /** Requests that got no answer, by Node's error code. */
  readonly failed: Readonly<Record<string, number>>;
  /** Requests not sent because too many were waiting. */
  readonly skipped: number;
  readonly waiting: number;
  /** Answers by version (of the `x-quarterdeck-version` header) and status code. */
  readonly versions: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface RunningLoad {
  summary(): LoadSummary;
  /** Sends no more and returns when all answers are in, or were given up. */
  stop(): Promise<LoadSummary>;
}

const tickMs = 10;
const waitingMax = 5_000;
const answerDeadlineMs = 30_000;

/** Seconds of a standstill (a suspended laptop, say) that are caught up with; what is older is forgotten. */
const catchUpSecMax = 1;

/** An open loop: as many requests a second as asked for, however slow the answers are. */
export function startLoad(options: LoadOptions): RunningLoad {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 256, timeout: 60_000 });
  const versions: Record<string, Record<string, number>> = {};
  const failed: Record<string, number> = {};
  const { hostname, port } = new URL(options.url);
  let [sent, answered, skipped, waiting] = [0, 0, 0, 0];
  let [due, lastMs] = [0, performance.now()];
  let whenIdle: (() => void) | undefined;

  const timer = setInterval(() => {
    const nowMs = performance.now();
    const elapsedSec = Math.min((nowMs - lastMs) / 1_000, catchUpSecMax);
    lastMs = nowMs;
    due += elapsedSec * options.requestsPerSec;
    for (; due >= 1; due -= 1) {
      if (waiting < waitingMax) send();
      else skipped += 1;
    }
  }, tickMs);

  function send(): void {
    sent += 1;
    waiting += 1;
    const path = options.random() < options.checkoutRatio ? "/checkout" : "/";
    let isSettled = false;
    const settle = (count: () => void) => {
      if (isSettled) return;
      isSettled = true;
      waiting -= 1;
      count();
      if (waiting === 0) whenIdle?.();
    };
    const fail = (error: NodeJS.ErrnoException) =>
      settle(() => {
        const code = error.code ?? "unknown";
        failed[code] = (failed[code] ?? 0) + 1;
      });
    const outgoing = request({ agent, hostname, port, path, headers: { host: options.host } }, (answer) => {
      answer.resume();
      answer.on("error", fail);
      answer.on("end", () =>
        settle(() => {
          answered += 1;
          const version = String(answer.headers["x-quarterdeck-version"] ?? "none");
          const codes = versions[version] ?? {};
          versions[version] = codes;
          codes[String(answer.statusCode)] = (codes[String(answer.statusCode)] ?? 0) + 1;
        }),
      );
    });
    outgoing.setTimeout(answerDeadlineMs, () => {
      outgoing.destroy(Object.assign(new Error("No answer in time."), { code: "ETIMEDOUT" }));
    });
    outgoing.on("error", fail);
    outgoing.end();
  }

  const summary = (): LoadSummary => structuredClone({ sent, answered, failed, skipped, waiting, versions });
  return {
    summary,
    async stop() {
      clearInterval(timer);
      if (waiting > 0) {
        await new Promise<void>((resolve) => {
          whenIdle = resolve;
        });
      }
      agent.destroy();
      return summary();
    },
  };
}
