/**
 * What our own export kept in annotations: exact where OpenSLO is not. It counts only while the document beside it
 * still says the same; somebody who edits the document means it. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { AlertingRow, Indicator } from "../../../catalog/schema.ts";
import { calendarUnits } from "../../../catalog/slo-windows.ts";
import { indicatorSchema } from "../../../catalog/slos.ts";
import { formatDuration } from "../../../platform/commands/time.ts";
import { annotation, conditionSpec, sliSpec, timeSlices, timeWindow } from "./export.ts";
import {
  type ConditionSpec,
  conditionSpecField,
  type Objective,
  type SliSpec,
  type TimeWindow,
  timeWindowField,
} from "./forms.ts";

export type Annotations = Readonly<Record<string, string>>;

const lengthMs = z.number().int().positive();
const windowSchema = z.union([
  z.strictObject({ rolling: lengthMs }),
  z.strictObject({ calendar: z.enum(calendarUnits), zone: z.string(), start: z.string() }),
]);
const slicesSchema = z.strictObject({ length: lengthMs, goodPercent: z.number() });
const rowsSchema = z.array(
  z.strictObject({ severity: z.enum(["page", "ticket"]), long: lengthMs, short: lengthMs, burn: z.number() }),
);
const labelsSchema = z.record(z.string(), z.string());

export function keptIndicator(annotations: Annotations, spec: SliSpec): Indicator | undefined {
  const indicator = read(annotations, annotation.indicator, indicatorSchema);
  const labels = read(annotations, annotation.serviceLabels, labelsSchema);
  return indicator && labels && isDeepStrictEqual(sliSpec(indicator, labels), spec) ? indicator : undefined;
}

/** In the form of the catalog's files. */
export function keptWindow(annotations: Annotations, stated: TimeWindow | undefined): object | undefined {
  const window = read(annotations, annotation.window, windowSchema);
  if (window === undefined || !isDeepStrictEqual(timeWindowField.safeParse(timeWindow(window)).data, stated))
    return undefined;
  return "rolling" in window ? { rolling: formatDuration(window.rolling) } : window;
}

export function keptSlices(annotations: Annotations, stated: Objective): object | undefined {
  const slices = read(annotations, annotation.slices, slicesSchema);
  if (slices === undefined) return undefined;
  const { timeSliceTarget, timeSliceWindow } = timeSlices(slices);
  const length = typeof timeSliceWindow === "number" ? timeSliceWindow * 60_000 : slices.length;
  return timeSliceTarget === stated.timeSliceTarget && length === stated.timeSliceWindow?.ms
    ? { length: formatDuration(slices.length), goodPercent: slices.goodPercent }
    : undefined;
}

export function keptRows(
  annotations: Annotations,
  stated: readonly ConditionSpec[],
): AlertingRow[] | undefined {
  const rows = read(annotations, annotation.rows, rowsSchema);
  const conditions = rows?.map((row) => conditionSpecField.safeParse(conditionSpec(row)).data);
  return isDeepStrictEqual(conditions, stated) ? rows : undefined;
}

function read<T>(annotations: Annotations, key: string, schema: z.ZodType<T>): T | undefined {
  const text = annotations[key];
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
