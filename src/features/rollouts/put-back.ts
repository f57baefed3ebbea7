/**
 * A version that was reverted and gets traffic again within ten minutes: the revert did not hold, whoever gave it back
 * (what heals by itself, a pipeline, a person). Pure.
 */
import type { ManagedBy, TrafficState } from "../../providers/traffic/contract.ts";
import { weightText } from "./words.ts";

export interface PutBack {
  /** False once the version has nothing again. */
  readonly isStanding: boolean;
  readonly sinceMs: number;
  /** `v42 has 10 % again` */
  readonly sentence: string;
  /** How often it was taken back again. */
  readonly restored: number;
}

export const stayForMs = 10 * 60_000;
export const lookEveryMs = 10_000;
/** Times it is taken back from what heals by itself; a person who gives it back is not fought. */
export const restoredMax = 3;

/** What the version has again, in words; undefined when it has nothing, or a late call of ours gave it. */
export function putBackIn(
  { id, version, owner }: { id: string; version: string; owner?: ManagedBy | undefined },
  { versions, changedBy, managedBy }: TrafficState,
): string | undefined {
  const share = versions.find((one) => one.version === version)?.weightPercent ?? 0;
  // A late call of ours is taken back where it is noticed.
  if (share === 0 || changedBy?.startsWith(`${id}:`)) return undefined;
  const who = changedBy ? ` by ${changedBy}` : (managedBy ?? owner) ? ", probably by what manages it" : "";
  return `${version} has ${weightText(share)} % again${who}`;
}

export interface PutBackStep {
  readonly putBack: PutBack;
  readonly news: "began" | "ended" | undefined;
  readonly isToRestore: boolean;
}

/** What a look makes of what is known so far; `sentence` undefined: the version has nothing. */
export function nextPutBack(
  known: PutBack | undefined,
  sentence: string | undefined,
  isManaged: boolean,
  now: Date,
): PutBackStep | undefined {
  const standing = known?.isStanding ? known : undefined;
  if (sentence === undefined)
    return standing && { putBack: { ...standing, isStanding: false }, news: "ended", isToRestore: false };
  const restored = known?.restored ?? 0;
  return {
    putBack: { isStanding: true, sinceMs: standing?.sinceMs ?? now.getTime(), sentence, restored },
    news: standing ? undefined : "began",
    isToRestore: isManaged && restored < restoredMax,
  };
}
