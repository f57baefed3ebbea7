/** What goes wrong on purpose. */
export interface Fault {
  /** Share of requests that end in a 500, 0 to 1. */
  readonly errorRatio: number;
  /** Milliseconds each answer takes longer. */
  readonly delayMs: number;
}

export type ReadFault = { ok: true; fault: Fault; forSec: number | null } | { ok: false; message: string };

const delayMsMax = 60_000;
const forSecMax = 86_400;

/** Reads `{ errorRatio?, delayMs?, forSec? }`; what is left out is 0, and without `forSec` it stays on. */
export function readFault(text: string): ReadFault {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { ok: false, message: "The body must be JSON: { errorRatio, delayMs, forSec? }" };
  }
  const { errorRatio = 0, delayMs = 0, forSec = null, ...others } = Object(body) as Record<string, unknown>;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) return { ok: false, message: `${unknown} is not a field of a fault` };
  if (!isBetween(errorRatio, 0, 1)) return { ok: false, message: "errorRatio must be a number from 0 to 1" };
  if (!isBetween(delayMs, 0, delayMsMax)) {
    return { ok: false, message: `delayMs must be a number from 0 to ${delayMsMax}` };
  }
  if (forSec !== null && !isBetween(forSec, 0.001, forSecMax)) {
    return { ok: false, message: `forSec must be a number above 0, ${forSecMax} at most` };
  }
  return { ok: true, fault: { errorRatio, delayMs }, forSec };
}

function isBetween(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && value >= least && value <= most;
}
