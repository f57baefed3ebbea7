import type { Backend } from "./routes.ts";

/**
 * Which backend serves the next request.
 *
 * A Weyl sequence with the golden ratio: x(n) = frac(start + n/φ), in 32-bit integers, cut into one interval
 * per backend. Shares are exact to a few hundredths of a percent over thousands of requests, far closer than
 * chance (sd 0.5 points at 50 % over 10,000). A round-robin would be as exact, but gives a client that
 * alternates between two addresses always the same one on the canary; here every subsequence taken at a fixed
 * distance keeps the shares. Source: H. Weyl 1916 (equidistribution); Knuth, TAOCP 3, §6.4 (golden ratio).
 */
const range = 2 ** 32;
const goldenStep = 2_654_435_769;

/** Weights are kept in hundredths of a percent, the finest share the router knows. */
export const weightUnitsTotal = 10_000;

export function weightUnits(weight: number): number {
  return Math.round(weight * 100);
}

export interface Balancer {
  pick(): Picked;
  /** The version whose interval a place lies in, 0 to 9999. */
  at(place: number): Backend;
}

export interface Picked {
  readonly backend: Backend;
  /** Hundredth of a percent that was drawn: at the same weights the same version. */
  readonly place: number;
}

/** Backends must sum to 100 %, as `readReplacement` guarantees. `position` is shared by successive weights. */
export function createBalancer(backends: readonly Backend[], position: Position): Balancer {
  let sumUnits = 0;
  const taking = backends.filter((backend) => weightUnits(backend.weight) > 0);
  const slots = taking.map((backend) => {
    sumUnits += weightUnits(backend.weight);
    return { backend, upper: sumUnits };
  });
  const last = slots.at(-1)?.backend;
  if (last === undefined) throw new RangeError("A route needs a backend with a weight above 0.");
  const at = (place: number) => slots.find((slot) => place < slot.upper)?.backend ?? last;
  return {
    at,
    pick() {
      const place = Math.floor((position.next() / range) * weightUnitsTotal);
      return { backend: at(place), place };
    },
  };
}

/** Where a service stands in the sequence; it goes on when the weights change. */
export class Position {
  #at: number;

  constructor(start: number) {
    this.#at = start >>> 0;
  }

  next(): number {
    this.#at = (this.#at + goldenStep) >>> 0;
    return this.#at;
  }
}
