/** Whether a version may get (more) traffic: its processes serve, and its warm-up requests are answered in time. */
import type { WarmUp } from "../../catalog/schema.ts";
import type { VersionHealth } from "../../providers/traffic/contract.ts";
import { type Aim, trafficDeadlineMs } from "./target.ts";

export type Warmth = { readonly isWarm: true } | { readonly isWarm: false; readonly why: string };

const warm: Warmth = { isWarm: true };
/** Requests under way at the same time: a version that has just begun is not to be overrun. */
const atOnce = 5;
/** For all of them; well within a job's lease. */
const allWithinMs = 15_000;

/** Throws ProviderError where the engine cannot say how the version is. */
export async function warmthOf(
  aim: Aim,
  version: string,
  warmUp: WarmUp | undefined,
  isFirst: boolean,
): Promise<Warmth> {
  const address = aim.addressOf(version);
  const health = await aim.engine.health(aim.target, version, { deadlineMs: trafficDeadlineMs });
  const isUp = health.state === "serving" || health.state === "unknown";
  // Asked for the first weight it starts the processes, and says how far it is.
  if (!isUp && isFirst && aim.engine.startsVersions) return warm;
  if (!isUp) return { isWarm: false, why: notReady(version, health) };
  return warmUp && address !== null ? askAll(version, address, warmUp) : warm;
}

function notReady(version: string, { state, ready, wanted, detail }: VersionHealth): string {
  const count = ready === null || wanted === null ? "" : `, ${ready} of ${wanted} ready`;
  return `${version} is ${state === "crash-looping" ? "crashing again and again" : state}${count}${detail ? `: ${detail}` : ""}`;
}

async function askAll(version: string, address: string, warmUp: WarmUp): Promise<Warmth> {
  const { requests, withinMs } = warmUp;
  const all = warmUp.path.flatMap((path) => Array.from({ length: requests }, () => path));
  const end = AbortSignal.timeout(allWithinMs);
  for (let next = 0; next < all.length; next += atOnce) {
    const answers = await Promise.all(
      all.slice(next, next + atOnce).map((path) => ask(new URL(path, address), withinMs, end)),
    );
    const failed = answers.find((answer) => answer !== undefined);
    if (failed === undefined) continue;
    const well = next + answers.filter((answer) => answer === undefined).length;
    return {
      isWarm: false,
      why: `${version} is warming up, ${well} of ${all.length} requests answered in time: ${failed}`,
    };
  }
  return warm;
}

/** Undefined when it was answered as it should be, else what happened. */
async function ask(url: URL, withinMs: number, end: AbortSignal): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(withinMs);
  try {
    const answer = await fetch(url, { redirect: "manual", signal: AbortSignal.any([timeout, end]) });
    await answer.arrayBuffer();
    return answer.status < 400 ? undefined : `${url.pathname} answered ${answer.status}`;
  } catch {
    return timeout.aborted || end.aborted
      ? `${url.pathname} took longer than ${withinMs} ms`
      : `${url.pathname} took no connection`;
  }
}
