/** Names and spans as Prometheus writes them, and the labels by which an alert is known as ours. Pure. */

/** Label that names the SLO on everything generated; one of the catalog's names. */
export const sloLabel = "quarterdeck_slo";

/** Names of the rules' series, by window. */
export const series = {
  events: (window: string) => `slo:events:rate${window}`,
  errors: (window: string) => `slo:errors:rate${window}`,
  ratio: (window: string) => `slo:errors:ratio_rate${window}`,
  sliceEvents: (length: string) => `slo:slice_events:rate${length}`,
  sliceErrors: (length: string) => `slo:slice_errors:rate${length}`,
  sliceIsBad: (length: string) => `slo:slice_bad:bool${length}`,
} as const;

export const alertNames = { burn: "SloErrorBudgetBurn", missing: "SloMetricsMissing" } as const;

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;

/** 5400000 is `1h30m`; to the millisecond. Source: prometheus.io, "Querying basics", time durations. */
export function promDuration(durationMs: number): string {
  let leftMs = Math.round(durationMs);
  let text = "";
  for (const [unit, unitMs] of units) {
    const count = Math.floor(leftMs / unitMs);
    if (count > 0) text += `${count}${unit}`;
    leftMs -= count * unitMs;
  }
  return text === "" ? "0s" : text;
}

/** Number in an expression: 12 digits, so that no float's dust moves a limit. */
export const numberText = (value: number): string => String(Number(value.toPrecision(12)));

/** Words in an annotation: braces in them are no template. Source: prometheus.io, "Template reference". */
export const templateText = (words: string): string =>
  words.replaceAll(/\{\{|\}\}/g, (braces) => `{{ "${braces}" }}`);
