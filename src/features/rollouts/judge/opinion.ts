import type { Reason } from "./types.ts";

/** What one signal says: its reading, and why to go back or to wait, if it says so. */
export interface Opinion<R> {
  readonly reading: R;
  readonly halts: readonly Reason[];
  readonly holds: readonly Reason[];
  readonly mentions: readonly Reason[];
  readonly tests: readonly Test[];
}

/** One of the tests alpha is split over: its E counts with its part. */
export interface Test {
  readonly code: "ceiling" | "relative-harm";
  readonly signal: string;
  /** As compared with the limit: boosted up to it. */
  readonly e: number;
  /** Without the boost, for what asks for less than the limit. */
  readonly plainE: number;
  readonly part: number;
  readonly hasData: boolean;
  /** `errors 31 % vs 0.1 % stable (9 of 29)`, with what it passed; written only where somebody reads it. */
  readonly words: () => string;
}
