/** The budget left over the window, with what went out meanwhile. Pure. */
import type { ErrorBudgetPolicy } from "../../catalog/schema.ts";
import { type ChartMarker, type ChartSpec, seriesMax } from "../../platform/charts.ts";
import { chartMarks, type Marker, withoutMarked } from "../markers/index.ts";
import type { BudgetLine, Change } from "./types.ts";

/** More marks than this are a hedge. */
const markersMax = 12;

/** Undefined where no budget is known. */
export function budgetChart(
  service: string,
  lines: readonly BudgetLine[],
  {
    changes,
    markers,
    policy,
    zone,
  }: { changes: readonly Change[]; markers: readonly Marker[]; policy: ErrorBudgetPolicy; zone: string },
): ChartSpec | undefined {
  const shown = lines.filter(({ points }) => points.length > 0).slice(0, seriesMax);
  if (shown.length === 0) return undefined;
  const fromMs = Math.min(...shown.map(({ from }) => from.getTime()));
  const toMs = Math.max(...shown.map(({ to }) => to.getTime()));
  const approval = policy.levels.find(({ action }) => action === "approval");
  return {
    title: `${service}: error budget left`,
    unit: "%",
    valueMax: 100,
    fromMs,
    toMs,
    zone,
    series: shown.map(({ slo, points }) => ({
      label: slo.startsWith(`${service}-`) ? slo.slice(service.length + 1) : slo,
      role: "other" as const,
      points: points.map(({ at, left }) => ({
        atMs: at.getTime(),
        value: left === null ? null : left * 100,
      })),
    })),
    markers: markersOf(service, changes, markers, { fromMs, toMs }),
    ...(approval ? { limit: { value: approval.leftPercent, label: "a lead approves below" } } : {}),
  };
}

/** What went out and no marker tells of, the newest, with the markers; of another service with its name. */
function markersOf(
  service: string,
  changes: readonly Change[],
  markers: readonly Marker[],
  span: { fromMs: number; toMs: number },
): ChartMarker[] {
  const own = withoutMarked(
    changes.filter((change) => change.service === service),
    markers,
  );
  const others = changes.filter((change) => change.service !== service);
  const changed = [...own, ...others]
    .filter(({ at }) => at.getTime() >= span.fromMs)
    .map(
      ({ at, service: changed, version, change }): ChartMarker => ({
        atMs: at.getTime(),
        label: changed === service ? version : `${changed} ${version}`,
        kind: change === "deploy" ? "deploy" : "event",
      }),
    );
  return [...changed, ...chartMarks(markers, span)]
    .sort((one, other) => one.atMs - other.atMs)
    .slice(-markersMax);
}
