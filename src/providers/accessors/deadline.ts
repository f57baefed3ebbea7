import type { Accessor, CallOptions } from "./contract.ts";

/**
 * Each call to an accessor ends by the deadline, however many requests it makes. `list` is left out: it reads page
 * after page, and nobody waits for it.
 */
export function withDeadline(accessor: Accessor, deadlineMs: number): Accessor {
  const ending = (call: CallOptions | undefined): CallOptions => {
    const deadline = AbortSignal.timeout(deadlineMs);
    return {
      ...call,
      signal: call?.signal === undefined ? deadline : AbortSignal.any([deadline, call.signal]),
    };
  };
  const { prepare } = accessor;
  return {
    ...accessor,
    plan: (intent, call) => accessor.plan(intent, ending(call)),
    ...(prepare && { prepare: (intent, call) => prepare(intent, ending(call)) }),
    grant: (intent, idempotencyKey, call) => accessor.grant(intent, idempotencyKey, ending(call)),
    verify: (ref, call) => accessor.verify(ref, ending(call)),
    revoke: (ref, call) => accessor.revoke(ref, ending(call)),
  };
}
