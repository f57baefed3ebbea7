import pino from "pino";
import type { Log } from "../../src/platform/log.ts";

/** A log that keeps its lines, so that a test can say what must not be in them. */
export function keptLog(): Log & { lines: string[] } {
  const lines: string[] = [];
  return Object.assign(pino({ level: "debug" }, { write: (line: string) => void lines.push(line) }), {
    lines,
  });
}
