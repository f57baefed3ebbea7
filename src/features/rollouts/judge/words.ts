/** Numbers as people read them: short, never rounded to a lie. */

/** 0.314 → "31 %", 0.0012 → "0.12 %". */
export function percent(ratio: number): string {
  return `${short(ratio * 100)} %`;
}

/** Two significant figures below 10, whole numbers above, no exponent up to a million. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : String(value);
  const size = Math.abs(value);
  if (size >= 1e6) return value.toExponential(1).replace("e+", "e");
  if (size >= 10) return String(Math.round(value));
  if (size > 0 && size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(2)));
}

/** A share of traffic in percent, as finely as it can be split: 12.5 → "12.5", 99.99 → "99.99". */
export const weightText = (weightPercent: number): string => String(Number(weightPercent.toFixed(2)));

/** 94 → "94 s", 600 → "10 min", 5400 → "1.5 h". */
export function seconds(sec: number): string {
  if (sec < 120) return `${Math.round(sec)} s`;
  return sec < 7200 ? `${Math.round(sec / 60)} min` : `${short(sec / 3600)} h`;
}
