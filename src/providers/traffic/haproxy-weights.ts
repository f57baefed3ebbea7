/**
 * Whole weights of servers that give versions their shares. HAProxy's weights go from 0 to 256, so with M servers of
 * one version at w and N of the other at W the share M·w/(M·w + N·W) comes in steps. Pure.
 * Source: HAProxy Configuration Manual 2.6, §5.2 "weight".
 */
import { ProviderError } from "../errors.ts";
import { shareOut } from "./haproxy-held.ts";

const weightMax = 256;

export interface ServerGroup {
  readonly version: string;
  readonly weightPercent: number;
  /** All of them get the version's weight. */
  readonly servers: readonly string[];
  /** Servers that take traffic now: those taken out of service do not count. */
  readonly usable: number;
}

/**
 * The smallest weights that make the shares, to the hundredth of a percent.
 * @throws {ProviderError} `rejected` where none do, with the nearest share that can be had
 */
export function weightsFor(groups: readonly ServerGroup[]): Map<string, number> {
  const perServer = groups.map(({ weightPercent, usable }) => (usable === 0 ? 0 : weightPercent / usable));
  const stopped = groups.find(({ weightPercent, usable }) => weightPercent > 0 && usable === 0);
  if (stopped !== undefined)
    throw new ProviderError(
      "conflict",
      `Every server of ${stopped.version}, which has ${stopped.weightPercent} %, was taken out of service`,
      "Give one back with `set server … state ready`.",
    );
  const greatest = Math.max(...perServer);
  let best: { weights: number[]; error: number } | undefined;
  for (let scale = 1; scale <= weightMax && best?.error !== 0; scale += 1) {
    // Whoever is to have something has at least the smallest weight.
    const weights = perServer.map((share) =>
      share === 0 ? 0 : Math.max(1, Math.round((scale * share) / greatest)),
    );
    const error = errorOf(groups, weights);
    if (best === undefined || error < best.error) best = { weights, error };
  }
  const shares = shareOut(
    (best?.weights ?? []).map((weight, index) => weight * (groups[index]?.usable ?? 0)),
  );
  const isReached = groups.every(
    ({ weightPercent }, index) => shares[index] === Math.round(weightPercent * 100),
  );
  if (best === undefined || !isReached) throw notReached(groups, shares);
  const { weights } = best;
  return new Map(
    groups.flatMap(({ servers }, index) => servers.map((server) => [server, weights[index] ?? 0] as const)),
  );
}

/** Percentage points that the worst share is off; 0 below what arithmetic tells apart. */
function errorOf(groups: readonly ServerGroup[], weights: readonly number[]): number {
  const strength = groups.map(({ usable }, index) => usable * (weights[index] ?? 0));
  const sum = strength.reduce((total, one) => total + one, 0);
  const errors = groups.map(({ weightPercent }, index) =>
    Math.abs((100 * (strength[index] ?? 0)) / sum - weightPercent),
  );
  const worst = Math.max(...errors);
  return worst < 1e-9 ? 0 : worst;
}

function notReached(groups: readonly ServerGroup[], nearest: readonly number[]): ProviderError {
  const wanted = groups.map(({ version, weightPercent }) => `${version} ${weightPercent} %`).join(", ");
  const reached = groups
    .map(({ version }, index) => `${version} ${(nearest[index] ?? 0) / 100} %`)
    .join(", ");
  const counts = groups.map(({ usable }) => usable).join(" and ");
  return new ProviderError(
    "rejected",
    `The weights of ${counts} servers cannot make ${wanted}; nearest: ${reached}`,
    "Take a share that can be had, or set shares by a map, which goes to 0.01 %.",
  );
}
