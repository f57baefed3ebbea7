type Absent = undefined | null | false;
export type Ask<T> = () => Promise<T | Absent> | T | Absent;

/**
 * Asks again and again until the answer is neither undefined, null nor false; the last error or answer is told when
 * the deadline passes. For what another process or loop brings about and no event tells.
 */
export async function until<T>(what: string, ask: Ask<T>, deadlineMs = 20_000): Promise<T> {
  const endMs = Date.now() + deadlineMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > endMs)
      throw new Error(
        `waited ${deadlineMs} ms for ${what}; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
        { cause: last },
      );
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
