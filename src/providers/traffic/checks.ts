/** What every engine checks of what it is asked, before it asks anybody. */
import { ProviderError } from "../errors.ts";
import { idempotencyKeyPattern, type TrafficSnapshot, type TrafficTarget } from "./contract.ts";

/** @throws {ProviderError} `rejected` */
export function checkKey(idempotencyKey: string): void {
  if (idempotencyKeyPattern.test(idempotencyKey)) return;
  throw new ProviderError(
    "rejected",
    "idempotencyKey is not 1 to 200 visible ASCII characters",
    "Use ids and step names, such as R-12:step-1.",
  );
}

/** @throws {ProviderError} `rejected` for a snapshot of another engine, service or environment */
export function checkSnapshot(engine: string, target: TrafficTarget, snapshot: TrafficSnapshot): void {
  for (const [field, expected] of [
    ["engine", engine],
    ["service", target.service],
    ["environment", target.environment],
  ] as const) {
    if (snapshot[field] === expected) continue;
    throw new ProviderError(
      "rejected",
      `The snapshot's ${field} is ${snapshot[field]}, not ${expected}`,
      "Take the snapshot that was recorded for this service and environment.",
    );
  }
}

/** For a POSIX shell. */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
