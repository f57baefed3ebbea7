/**
 * A small HTTP/1.1 client for load: requests are bytes made beforehand, answers are read as far as needed. It runs in
 * the benchmark's own process; every server it asks has a process of its own, so it weighs on all sides alike.
 */
import { connect, type Socket } from "node:net";

export interface Answer {
  status: number;
  /** Milliseconds from when it was due (open loop) or sent (closed loop). */
  tookMs: number;
}

export interface Loaded {
  answers: Answer[];
  elapsedMs: number;
}

/** A POST as it goes over the wire. */
export function postBytes(
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
): Buffer {
  const head = Object.entries({
    host: "127.0.0.1",
    ...headers,
    "content-length": String(Buffer.byteLength(body)),
  })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n`), Buffer.from(body)]);
}

/** Each connection sends its next request when the last one is answered. */
export async function closedLoop(
  port: number,
  requests: readonly Buffer[],
  connections: number,
): Promise<Loaded> {
  const lines = await Promise.all(Array.from({ length: connections }, () => Line.open(port)));
  const answers: Answer[] = [];
  let next = 0;
  const startedMs = performance.now();
  await Promise.all(
    lines.map(async (line) => {
      while (next < requests.length) {
        const request = requests[next++] as Buffer;
        const sentMs = performance.now();
        const status = await line.ask(request);
        answers.push({ status, tookMs: performance.now() - sentMs });
      }
    }),
  );
  const elapsedMs = performance.now() - startedMs;
  for (const line of lines) line.close();
  return { answers, elapsedMs };
}

/**
 * Requests are due at an even rate, whatever the server does; a late answer delays no later request. Time counts from
 * when a request was due, so waiting for a free connection is part of it.
 */
export async function openLoop(
  port: number,
  requests: readonly Buffer[],
  perSec: number,
  connections = 64,
): Promise<Loaded> {
  const free = await Promise.all(Array.from({ length: connections }, () => Line.open(port)));
  const all = [...free];
  const waiting: (() => void)[] = [];
  const answers: Answer[] = [];
  const startedMs = performance.now();
  const one = async (request: Buffer, dueMs: number): Promise<void> => {
    while (free.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    const line = free.pop() as Line;
    const status = await line.ask(request);
    answers.push({ status, tookMs: performance.now() - dueMs });
    free.push(line);
    waiting.shift()?.();
  };
  const asked: Promise<void>[] = [];
  while (asked.length < requests.length) {
    const dueMs = startedMs + (asked.length * 1_000) / perSec;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    asked.push(one(requests[asked.length] as Buffer, dueMs));
  }
  await Promise.all(asked);
  const elapsedMs = performance.now() - startedMs;
  for (const line of all) line.close();
  return { answers, elapsedMs };
}

/** Throws when an answer was not a 2xx: a server that refuses is fast. */
export function assertTaken({ answers }: Loaded, what: string): void {
  const refused = answers.filter(({ status }) => status < 200 || status > 299);
  if (refused.length === 0) return;
  throw new Error(`${what}: ${refused.length} of ${answers.length} were answered with ${refused[0]?.status}`);
}

export const perSecond = (count: number, { elapsedMs }: { elapsedMs: number }): number =>
  (count / elapsedMs) * 1_000;

/** One connection, kept open, one request at a time. */
class Line {
  #text = "";
  #answered: ((status: number) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => this.#failed?.(error));
    socket.on("close", () => this.#failed?.(new Error("the server closed the connection")));
  }

  static open(port: number): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(new Line(socket));
      });
    });
  }

  ask(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.socket.write(request);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#text += chunk.toString("latin1");
    const headEnd = this.#text.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = this.#text.slice(0, headEnd).toLowerCase();
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    const isWhole =
      length === undefined
        ? this.#text.endsWith("0\r\n\r\n") || / 204 /.test(head.slice(0, 13))
        : this.#text.length >= headEnd + 4 + Number(length);
    if (!isWhole) return;
    this.#text = "";
    const answered = this.#answered;
    this.#failed = undefined;
    answered?.(Number(head.slice(9, 12)));
  }
}
