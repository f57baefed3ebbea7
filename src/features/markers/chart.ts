/** Markers on a chart. Pure. */
import type { ChartMarker } from "../../platform/charts.ts";
import type { Marker } from "./model.ts";

/** More than this are a hedge. */
const marksMax = 12;
/** What a marker and a deploy tell within this time is one thing. */
const sameMs = 60_000;

/** Oldest first. Where there are too many, steps go first, then the oldest. */
export function chartMarks(markers: readonly Marker[], { fromMs, toMs }: { fromMs: number; toMs: number }) {
  const inSpan = markers.filter(({ at }) => at.getTime() >= fromMs && at.getTime() <= toMs);
  const kept = inSpan.length > marksMax ? inSpan.filter(({ kind }) => kind !== "step") : inSpan;
  return [...kept]
    .sort((one, other) => one.at.getTime() - other.at.getTime())
    .slice(-marksMax)
    .map(markOf);
}

function markOf({ kind, version, percent, at }: Marker): ChartMarker {
  const atMs = at.getTime();
  switch (kind) {
    case "started":
    case "deployed":
      return { atMs, label: version, kind: "deploy" };
    case "step":
      return { atMs, label: percent === null ? version : `${percent} %`, kind: "step" };
    case "promoted":
      return { atMs, label: `${version} promoted`, kind: "event" };
    case "reverted":
      return { atMs, label: "reverted", kind: "event" };
    case "rolled-back":
      return { atMs, label: `back to ${version}`, kind: "event" };
  }
}

/** Changes that no marker tells of. */
export const withoutMarked = <Change extends { version: string; at: Date }>(
  changes: readonly Change[],
  markers: readonly Marker[],
): Change[] =>
  changes.filter(
    ({ version, at }) =>
      !markers.some(
        (marker) => marker.version === version && Math.abs(marker.at.getTime() - at.getTime()) <= sameMs,
      ),
  );
