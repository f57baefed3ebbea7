import pino, { type Logger } from "pino";

export type Log = Logger;

/** Paths that never reach a log line, whatever a caller passes. */
const redactPaths = [
  "token",
  "*.token",
  "password",
  "*.password",
  "secret",
  "*.secret",
  "authorization",
  "*.authorization",
  "headers.authorization",
  "response_url",
  "*.response_url",
  "connectionString",
  "*.connectionString",
];

/** JSON lines on stderr, so that stdout stays for what a command prints. */
export function createLog(level: string, bindings: Record<string, unknown> = {}): Log {
  return pino(
    { level, base: { ...bindings }, redact: { paths: redactPaths, censor: "[redacted]" } },
    pino.destination(2),
  );
}
