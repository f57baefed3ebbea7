import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks `probe` again and again until it answers something other than undefined.
 * Measured on the monotonic clock: setting the machine's time neither shortens nor prolongs it.
 *
 * @returns the answer, or undefined when `deadlineMs` passed first
 */
export async function poll<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  deadlineMs: number,
  everyMs = 50,
): Promise<T | undefined> {
  const startedMs = performance.now();
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() - startedMs >= deadlineMs) return undefined;
    await pause(everyMs);
  }
}
