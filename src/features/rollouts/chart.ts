/** Canary against stable of the signal that matters most, with the steps marked. Pure. */
import type { ChartSeries, ChartSpec } from "../../platform/charts.ts";
import { chartMarks, type Marker } from "../markers/index.ts";
import type { CountedReading, SignalReading } from "./judge.ts";
import type { Rollout } from "./model.ts";
import type { Sample } from "./samples.ts";

const pointsMax = 60;

/** The counted signal nearest to stopping the rollout; advisory ones last. */
export function worstReading(readings: readonly SignalReading[]): CountedReading | undefined {
  const counted = readings.filter((reading): reading is CountedReading => reading.kind !== "gauge");
  const weight = (reading: CountedReading) =>
    reading.role === "advisory" ? -1 : reading.e / (reading.eLimit ?? Number.MAX_VALUE);
  return [...counted].sort((a, b) => weight(b) - weight(a))[0];
}

export function chartOf(
  rollout: Rollout,
  samples: readonly Sample[],
  markers: readonly Marker[] = [],
): ChartSpec | undefined {
  const because =
    rollout.state.is === "reverting" || rollout.state.is === "reverted" ? rollout.state.because : undefined;
  const decided = because?.cause === "breach" ? because.signal : undefined;
  const name = decided ?? worstReading(rollout.verdict?.signals ?? [])?.name;
  const own = samples.flatMap((sample) =>
    sample.signal === name && sample.kind === "counts" ? [sample] : [],
  );
  const [first] = own;
  const last = own.at(-1);
  if (!first || !last || name === undefined) return undefined;
  const perPoint = Math.ceil(own.length / pointsMax);
  const lines = {
    canary: [] as ChartSeries["points"][number][],
    stable: [] as ChartSeries["points"][number][],
  };
  for (let at = 0; at < own.length; at += perPoint) {
    const bins = own.slice(at, at + perPoint);
    const atMs = (bins.at(-1) ?? first).to.getTime();
    for (const side of ["canary", "stable"] as const) {
      const total = bins.reduce((sum, bin) => sum + bin[side].total, 0);
      const bad = bins.reduce((sum, bin) => sum + bin[side].bad, 0);
      lines[side].push({ atMs, value: total > 0 ? (100 * bad) / total : null });
    }
  }
  // The end comes a moment after the last reading, and belongs on the picture.
  const ends = markers.filter((marker) => marker.thing === rollout.id && !isOwnStep(marker, rollout));
  const span = {
    fromMs: first.from.getTime(),
    toMs: Math.max(last.to.getTime(), ...ends.map(({ at }) => at.getTime())),
  };
  return {
    title: `${rollout.service} ${name}: ${rollout.to} against ${rollout.from}`,
    unit: "%",
    ...span,
    series: [
      { label: rollout.to, role: "canary", points: lines.canary },
      { label: rollout.from, role: "stable", points: lines.stable },
    ],
    markers: [
      ...rollout.marks.map(({ atMs, weightPercent }) => ({
        atMs,
        label: `${weightPercent} %`,
        kind: "step" as const,
      })),
      ...chartMarks(
        markers.filter((marker) => !isOwnStep(marker, rollout)),
        span,
      ),
    ].sort((one, other) => one.atMs - other.atMs),
  };
}

/** Told by the rollout's own marks. */
const isOwnStep = ({ thing, kind }: Marker, { id }: Rollout): boolean =>
  thing === id && (kind === "started" || kind === "step");
