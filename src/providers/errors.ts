/** What went wrong outside, in the words a caller decides by. */
export const providerCodes = [
  "unreachable",
  "unauthorised",
  "not_found",
  "conflict",
  "rejected",
  "timeout",
  "in_progress",
] as const;
export type ProviderCode = (typeof providerCodes)[number];

/**
 * A system outside did not do what was asked.
 *
 * - `unreachable` no connection, or it said to come back later: try again
 * - `unauthorised` our credentials or rights do not suffice: an administrator must act
 * - `not_found` the thing asked for is not there
 * - `conflict` something else stands where ours should
 * - `rejected` it understood and refused: trying again will not help
 * - `timeout` no answer in time: **the effect may have happened**, read back before trying again
 * - `in_progress` it took the order and is not there yet (pods are starting): ask again with the same input
 */
export class ProviderError extends Error {
  override readonly name = "ProviderError";

  constructor(
    readonly code: ProviderCode,
    message: string,
    readonly hint: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** It asks us to come back later, and did nothing of what was asked. */
export class RateLimited extends ProviderError {
  constructor(
    message: string,
    hint: string,
    /** How long it asks us to stay away; milliseconds. */
    readonly retryAfterMs: number,
  ) {
    super("unreachable", message, hint);
  }
}

/** The network's own word for a call that failed, such as ` (ECONNREFUSED)`; never an address. */
export function networkWord(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]+$/.test(code) ? ` (${code})` : "";
}
