/** The sign of life that goes out: whoever waits for it pages when it stays away. */

/** Milliseconds between two, a little less than a minute so that a look that is late skips none. */
export const beatEveryMs = 55_000;
const deadlineMs = 10_000;

/**
 * One POST without redirects; any 2xx is taken. Services that wait for such signs take a POST with any body (Healthchecks
 * docs, "Pinging API"; Dead Man's Snitch docs, "Check-in"; Grafana OnCall docs, "Heartbeat monitoring").
 *
 * @returns what went wrong, without the address, which is a secret of its own; undefined when it was taken
 */
export async function sendHeartbeat(url: string, body: Record<string, unknown>): Promise<string | undefined> {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "quarterdeck" },
      body: JSON.stringify(body),
      redirect: "manual",
      signal: AbortSignal.timeout(deadlineMs),
    });
    await answer.body?.cancel();
    return answer.ok ? undefined : `it was answered with HTTP ${answer.status}`;
  } catch (error) {
    const { name, cause } = error as { name?: string; cause?: { code?: string } };
    if (name === "TimeoutError") return `it was not answered within ${deadlineMs / 1_000} s`;
    return `it could not be sent: ${cause?.code ?? name ?? "unknown"}`;
  }
}
