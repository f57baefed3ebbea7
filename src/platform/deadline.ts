/**
 * Asks and gives up after `deadlineMs`, whether or not the asked one heeds its signal. What it does after that is
 * nobody's any more, its failure included.
 */
export async function underDeadline<T>(
  deadlineMs: number,
  ask: (abort: AbortSignal) => Promise<T>,
): Promise<T | "late"> {
  const giveUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => {
      resolve("late");
      giveUp.abort(new Error(`no answer within ${deadlineMs} ms`));
    }, deadlineMs);
  });
  const asked = ask(giveUp.signal);
  asked.catch(() => undefined);
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
