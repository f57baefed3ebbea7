/** Deploy markers: what they are, and when one that was not taken outside is told again. Pure. */
import type { MarkerKind } from "../../catalog/schema.ts";
import type { MarkerNotice } from "../../providers/markers/contract.ts";

export interface Marker {
  readonly id: string;
  readonly service: string;
  readonly environment: string;
  readonly kind: MarkerKind;
  /** Version that gets traffic by it; of a revert the one that has it again. */
  readonly version: string;
  /** Version it is taken from, where one is known. */
  readonly from: string | null;
  /** Share of traffic the version has from then on, where it is known. */
  readonly percent: number | null;
  /** `R-12`, `D-7`. */
  readonly thing: string;
  readonly at: Date;
}

export type NewMarker = Omit<Marker, "id" | "from" | "percent"> & {
  readonly from?: string | undefined;
  readonly percent?: number | undefined;
};

/** Once per thing, kind and share, however often it is marked. */
export const keyOf = ({ thing, kind, percent }: NewMarker): string =>
  [thing, kind, ...(percent === undefined ? [] : [percent])].join(":");

/** What happened longer ago is kept and told nobody: it was told by others when it was news. */
export const newsMs = 86_400_000;

/** From its beginning on, one is tried this long. */
export const giveUpAfterMs = 86_400_000;

const secondMs = 1_000;
const minuteMs = 60 * secondMs;

/** Waits between attempts; the last one again and again. In the manner of Standard Webhooks, "Deliverability". */
const waitsMs = [5 * secondMs, 30 * secondMs, 2 * minuteMs, 10 * minuteMs, 30 * minuteMs, 60 * minuteMs];

/**
 * When the next attempt is due after so many failed ones; jittered by a tenth, and not before a system that asks to be
 * left alone wants it.
 */
export function retryAt(now: Date, attempts: number, random: number, notBeforeMs = 0): Date {
  const wait = waitsMs[Math.min(attempts, waitsMs.length) - 1] ?? waitsMs[0] ?? 0;
  return new Date(now.getTime() + Math.max(notBeforeMs, Math.round(wait * (0.9 + 0.2 * random))));
}

export function noticeOf(marker: Marker, publicUrl: string): MarkerNotice {
  const { kind, thing, at } = marker;
  const hasPage = kind !== "deployed" && kind !== "rolled-back";
  return {
    id: marker.id,
    kind,
    service: marker.service,
    environment: marker.environment,
    version: marker.version,
    from: marker.from,
    percent: marker.percent,
    thing,
    at: at.toISOString(),
    url: hasPage && publicUrl !== "" ? `${publicUrl}/console/rollouts/${thing}` : null,
  };
}
