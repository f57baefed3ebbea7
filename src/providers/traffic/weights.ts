import type { TrafficVersion } from "./contract.ts";

export type Reweighed =
  | { ok: true; versions: TrafficVersion[] }
  | { ok: false; message: string; hint: string };

/**
 * The weights with `version` at `percent` and the rest shared by the others as they share it now, in hundredths of
 * a percent, the largest remainders first, so that the sum is exactly 100.
 */
export function reweigh(
  current: readonly TrafficVersion[],
  { version, address }: Pick<TrafficVersion, "version" | "address">,
  percent: number,
): Reweighed {
  if (!(percent >= 0 && percent <= 100) || Math.abs(percent * 100 - Math.round(percent * 100)) > 1e-6) {
    return {
      ok: false,
      message: `percent ${percent} is not a share`,
      hint: "Give 0 to 100, two decimals at most.",
    };
  }
  const others = current.filter((one) => one.version !== version);
  const restUnits = 10_000 - Math.round(percent * 100);
  const shares = shareOut(
    others.map((one) => Math.round(one.weightPercent * 100)),
    restUnits,
  );
  if (shares === undefined) {
    const names = others.map((one) => one.version).join(", ");
    return others.length === 0
      ? {
          ok: false,
          message: `${version} is the only version and takes 100 %`,
          hint: "Add another version first.",
        }
      : {
          ok: false,
          message: `percent ${percent} leaves ${restUnits / 100} % that none of ${names} has a claim to`,
          hint: "Give one of them its weight, or revert to a snapshot.",
        };
  }
  const kept = others.map((one, index) => ({ ...one, weightPercent: (shares[index] ?? 0) / 100 }));
  const changed = { version, address, weightPercent: (10_000 - restUnits) / 100 };
  const place = current.findIndex((one) => one.version === version);
  kept.splice(place < 0 ? kept.length : place, 0, changed);
  return { ok: true, versions: kept };
}

/** Whole units in proportion to the claims; undefined when there is something to share and nobody to claim it. */
export function shareOut(claims: readonly number[], units: number): number[] | undefined {
  if (units === 0) return claims.map(() => 0);
  // Whoever is alone gets it all, also from 0: the way back from 100 %.
  const weighed = claims.length === 1 ? [1] : claims;
  const sum = weighed.reduce((total, claim) => total + claim, 0);
  return sum === 0 ? undefined : inProportion(weighed, units);
}

/** Whole units in proportion to claims that sum to more than 0; the largest remainders get what is left. */
export function inProportion(claims: readonly number[], units: number): number[] {
  const sum = claims.reduce((total, claim) => total + claim, 0);
  const exact = claims.map((claim) => (units * claim) / sum);
  const shares = exact.map((value) => Math.floor(value + 1e-9));
  const left = units - shares.reduce((total, share) => total + share, 0);
  const byRemainder = exact
    .map((value, index) => ({ index, remainder: value - (shares[index] ?? 0) }))
    .sort((a, b) => b.remainder - a.remainder);
  for (const { index } of byRemainder.slice(0, left)) shares[index] = (shares[index] ?? 0) + 1;
  return shares;
}
