/** How a version behaves, in the terms of the server's arguments. */
export interface ShopVersion {
  readonly version: string;
  readonly what: string;
  /** Share of requests that end in a real 500, 0 to 1. */
  readonly errorRatio: number;
  /** Milliseconds on top of the usual work. */
  readonly delayMs: number;
}

/** The versions of the demo service: what is stable, and three that a rollout may try. */
export const shopVersions: readonly ShopVersion[] = [
  { version: "v41", what: "stable", errorRatio: 0.001, delayMs: 0 },
  { version: "v42", what: "good", errorRatio: 0.001, delayMs: 0 },
  { version: "v43", what: "more errors", errorRatio: 0.3, delayMs: 0 },
  { version: "v44", what: "slower", errorRatio: 0.001, delayMs: 150 },
];
