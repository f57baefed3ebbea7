/**
 * Runs until asked to end (SIGINT, SIGTERM), then stops in order. A second signal does not hurry it: stopping has
 * deadlines of its own.
 */
export async function untilAsked(stop: () => Promise<void>, say: (line: string) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
  });
  say("Stopping: intake, jobs, Slack, Postgres.");
  await stop();
  say("Stopped.");
}
