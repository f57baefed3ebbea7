import { connect } from "node:net";
import { type ProviderCode, ProviderError } from "../errors.ts";
import type { TrafficCall } from "./contract.ts";

/** Bytes of a reply; `show stat` of some thousand servers stays far below. */
const replyBytesMax = 16 * 1024 * 1024;

/** Characters of one line to HAProxy, whose buffer holds 16,384 by default (tune.bufsize). */
const lineLengthMax = 8_000;

/**
 * One HAProxy process through its runtime API: a line of commands per connection, the reply until it closes.
 * Source: HAProxy Management Guide 2.6, §9.3 "Unix Socket commands".
 */
export class HaproxyProcess {
  constructor(
    /** `unix:/run/haproxy/admin.sock` or `tcp:10.0.0.5:9999`. */
    readonly socket: string,
    private readonly deadline: CallDeadline,
  ) {}

  /** The reply to one command, without the blank line at its end. Refusals come as text, like any reply. */
  ask(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const { signal } = this.deadline;
      const connection = connect(addressOf(this.socket));
      const callOff = () => connection.destroy(new Error("called off"));
      if (signal.aborted) callOff();
      signal.addEventListener("abort", callOff, { once: true });
      const chunks: Buffer[] = [];
      let bytes = 0;
      connection.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > replyBytesMax) connection.destroy(new Error(`More than ${replyBytesMax} bytes.`));
        else chunks.push(chunk);
      });
      connection.on("error", (error) => reject(this.#noAnswer(error)));
      connection.on("end", () => {
        connection.end();
        resolve(Buffer.concat(chunks).toString("utf8").trimEnd());
      });
      connection.on("close", () => {
        signal.removeEventListener("abort", callOff);
        reject(this.#noAnswer(new Error("closed before the reply's end")));
      });
      connection.write(`${command}\n`);
    });
  }

  /** Commands that reply with nothing when they were carried out, in order, in as few connections as fit. */
  async tell(commands: readonly string[]): Promise<void> {
    for (const line of linesOf(commands)) {
      const reply = await this.ask(line);
      if (reply.trim() !== "") throw this.refused(reply);
    }
  }

  /** @throws {ProviderError} `unauthorised` unless this socket may change weights */
  async assertAdmin(): Promise<void> {
    const level = await this.ask("show cli level");
    if (level.trim() === "admin") return;
    throw new ProviderError(
      "unauthorised",
      `The socket ${this.socket} has level ${/^\w+$/.test(level.trim()) ? level.trim() : "unknown"}, not admin`,
      "Give it `level admin` on its `stats socket` line in HAProxy's global section.",
    );
  }

  /** What a reply in place of the expected one means. */
  refused(reply: string): ProviderError {
    const words = reply.trim().split("\n")[0]?.slice(0, 200) ?? "";
    const [, code, hint] = refusals.find(([pattern]) => pattern.test(reply)) ?? [
      undefined,
      "rejected" as const,
      "Compare the service's traffic in the catalog with HAProxy's configuration.",
    ];
    return new ProviderError(code, `HAProxy at ${this.socket} refused: ${words}`, hint);
  }

  #noAnswer(cause: Error): ProviderError {
    if (cause instanceof ProviderError) return cause;
    if (this.deadline.signal.aborted) {
      return new ProviderError(
        "timeout",
        `HAProxy at ${this.socket} did not answer within ${this.deadline.deadlineMs} ms`,
        "The change may have happened; read the weights before trying again.",
        cause,
      );
    }
    if ("code" in cause && (cause.code === "EACCES" || cause.code === "EPERM")) {
      return new ProviderError(
        "unauthorised",
        `The socket ${this.socket} may not be opened by this user`,
        "Give Quarterdeck's user the group of the `stats socket` line (`user`, `group`, `mode 660`).",
        cause,
      );
    }
    return new ProviderError(
      "unreachable",
      `HAProxy at ${this.socket} cannot be reached`,
      "Is it running, with this `stats socket`? User traffic of a running HAProxy goes on with its last weights.",
      cause,
    );
  }
}

/** HAProxy says what is wrong in words only. */
const refusals: readonly (readonly [RegExp, ProviderCode, string])[] = [
  [/Permission denied/, "unauthorised", "Give the socket `level admin` in HAProxy's global section."],
  [
    /Unknown map identifier/,
    "rejected",
    "Name the map in a `use_backend` line of HAProxy's configuration, exactly as in the catalog.",
  ],
  [
    /Version number out of range/,
    "conflict",
    "Somebody changed the map at the same moment; read and try again.",
  ],
  [/Can't find backend|No such backend|No such server/, "not_found", "Add it to HAProxy's configuration."],
  [/static LB algorithm/, "rejected", "Set `balance roundrobin` in this backend."],
  [/Unknown command/, "rejected", "HAProxy 2.4 or later is needed."],
];

export interface CallDeadline {
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** One deadline over everything that one call asks of all processes. */
export function deadlineOf({ deadlineMs, signal }: TrafficCall): CallDeadline {
  const deadline = AbortSignal.timeout(deadlineMs);
  return { deadlineMs, signal: signal ? AbortSignal.any([deadline, signal]) : deadline };
}

function addressOf(socket: string): { path: string } | { host: string; port: number } {
  if (socket.startsWith("unix:")) return { path: socket.slice("unix:".length) };
  const [, host = "", port = ""] = /^tcp:(.*):(\d+)$/.exec(socket) ?? [];
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** The socket as socat names it. */
export function socatAddressOf(socket: string): string {
  return socket.startsWith("unix:") ? `UNIX-CONNECT:${socket.slice(5)}` : `TCP:${socket.slice(4)}`;
}

function linesOf(commands: readonly string[]): string[] {
  const lines: string[] = [];
  for (const command of commands) {
    const last = lines.at(-1);
    if (last === undefined || last.length + command.length >= lineLengthMax) lines.push(command);
    else lines[lines.length - 1] = `${last};${command}`;
  }
  return lines;
}
