/**
 * Shares in a HAProxy map, to a hundredth of a percent: 10,000 numbers are dealt out to backends, and each request
 * draws one. The map holds, by number:
 *
 *     0:9899   shop_v41              numbers of requests that go to this backend
 *     9900:9999 shop_v42
 *     20002    shop_v43              at 0 %: a number that no request draws
 *     1000007  7.<digest>.R-12%3A3   the mark of the last change, number 7
 *
 * Pure. Source: HAProxy Configuration Manual 2.6, §7.3.1 `map_<match_type>`, §7.1.2 "Matching integers" (ranges).
 */
import type { TrafficVersion } from "./contract.ts";
import { elsewhere, type Held, type Mark, markText, shareOut } from "./haproxy-held.ts";

/** Numbers a request draws from: `rand(10000)`, or a counter modulo 10000. */
const numbers = 10_000;
const idleFrom = 20_000;
const markFrom = 1_000_000;

export interface MapBackend {
  readonly version: string;
  readonly backend: string;
}

/** What `show map` says: a pointer, the key and the value on each line. Where ranges overlap the first one counts. */
export function readMap(text: string, backends: readonly MapBackend[]): Held {
  const taken = new Array<string | undefined>(numbers).fill(undefined);
  const units = new Map<string, number>();
  let rawMark: string | undefined;
  for (const line of text.split("\n")) {
    const [, from, to = from, value] = /^0x[0-9a-f]+ (\d+)(?::(\d+))? (\S+)/.exec(line) ?? [];
    if (from === undefined || value === undefined) continue;
    if (Number(from) >= markFrom) {
      rawMark = value;
      continue;
    }
    units.set(value, units.get(value) ?? 0);
    for (let number = Number(from); number <= Math.min(Number(to), numbers - 1); number += 1) {
      if (taken[number] !== undefined) continue;
      taken[number] = value;
      units.set(value, (units.get(value) ?? 0) + 1);
    }
  }
  const versions = [...units].map(
    ([backend, share]): TrafficVersion => ({
      version: backends.find((one) => one.backend === backend)?.version ?? backend,
      weightPercent: share / 100,
      address: backend,
    }),
  );
  const left = taken.filter((value) => value === undefined).length;
  if (versions.length > 0 && left > 0)
    versions.push({ version: elsewhere, weightPercent: left / 100, address: null });
  return { versions, fields: {}, out: [], content: contentOf(versions), rawMark };
}

/** In the order of the names, so that processes agree whatever the order of their entries. */
function contentOf(versions: readonly TrafficVersion[]): string {
  return versions
    .map(({ address, weightPercent }) => `${address ?? elsewhere}=${Math.round(weightPercent * 100)}`)
    .sort()
    .join(",");
}

export type MapEntry = readonly [key: string, value: string];

/** The whole map that gives the versions their shares. */
export function mapEntries(versions: readonly TrafficVersion[], mark: Mark | undefined): MapEntry[] {
  const placed = versions.filter(({ address }) => address !== null);
  const shares = shareOut(placed.map(({ weightPercent }) => Math.round(weightPercent * 100)));
  let next = 0;
  const entries = placed.map(({ address }, index): MapEntry => {
    const share = shares[index] ?? 0;
    const first = next;
    next += share;
    const key = share === 0 ? String(idleFrom + index) : `${first}:${next - 1}`;
    return [key, address ?? ""];
  });
  if (mark === undefined) return entries;
  const held = placed.map((one, index) => ({ ...one, weightPercent: (shares[index] ?? 0) / 100 }));
  return [...entries, [markKey(mark.serial), markText(mark, contentOf(held))]];
}

export function markKey(serial: number): string {
  return String(markFrom + serial);
}

/** Content that {@link mapEntries} would make, to see whether it stands already. */
export function mapContent(versions: readonly TrafficVersion[]): string {
  return contentOf(versions);
}
