/** What a chart shows, as plain JSON: a message keeps it until it is drawn. Times are epoch milliseconds. */

export interface ChartPoint {
  readonly atMs: number;
  /** null: no data here; the line is broken. */
  readonly value: number | null;
}

export interface ChartSeries {
  readonly label: string;
  /** Sets colour and dash, so that canary and stable look the same on every chart. */
  readonly role: "canary" | "stable" | "other";
  /** Oldest first. */
  readonly points: readonly ChartPoint[];
}

export interface ChartMarker {
  readonly atMs: number;
  /** Short: `10 %`, `v42`. Left out of the picture, with its line kept, where there is no room. */
  readonly label: string;
  readonly kind: "step" | "deploy" | "event";
}

export interface ChartSpec {
  readonly title: string;
  /** Behind every number: `%`, `ms`, `req/s`; empty for a count. */
  readonly unit: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** IANA name for the time axis. Default UTC. */
  readonly zone?: string;
  /** At most `seriesMax`; more are refused. */
  readonly series: readonly ChartSeries[];
  readonly markers?: readonly ChartMarker[];
  /** A horizontal line such as an objective or a ceiling. */
  readonly limit?: { readonly value: number; readonly label: string };
  /** What no value can exceed, such as 100 of a share; the axis ends there. */
  readonly valueMax?: number;
  /** Points further apart than this are not joined. Default three times the usual distance. */
  readonly gapAfterMs?: number;
}
