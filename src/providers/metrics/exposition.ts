/**
 * Reads what a process says on `/metrics`: Prometheus text 0.0.4 and OpenMetrics 1.0 text.
 * Sources: prometheus.io "Exposition formats"; OpenMetrics specification, "ABNF".
 */

export type ExpositionFormat = "prometheus" | "openmetrics";

export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** May be NaN or infinite: the text may say so. */
  readonly value: number;
  /** Epoch milliseconds, where the text gives a time. */
  readonly timestampMs?: number;
}

export interface Exposition {
  readonly samples: readonly ExposedSample[];
  /** By metric (family) name: counter, gauge, histogram, summary, untyped, unknown, … */
  readonly types: ReadonlyMap<string, string>;
}

export type ExpositionCode = "truncated" | "malformed" | "too-many-samples";

const hints: Record<ExpositionCode, string> = {
  truncated: "the body was cut off: raise the scrape timeout or lower the number of series",
  malformed: "open the URL by hand; it may answer with a page that is no metrics text",
  "too-many-samples": "drop labels with many values at the source, or scrape fewer metrics",
};

/** The text cannot be trusted as a whole; no part of it is used. */
export class ExpositionError extends Error {
  override readonly name = "ExpositionError";
  readonly hint: string;

  constructor(
    readonly code: ExpositionCode,
    readonly line: number,
    problem: string,
  ) {
    super(`metrics text, line ${line}: ${problem}`);
    this.hint = hints[code];
  }
}

/** Samples read from one text at most, so that one process cannot fill the memory. */
const samplesMaxDefault = 100_000;

/** The format that a Content-Type header announces; anything but OpenMetrics reads as Prometheus text. */
export function formatOf(contentType: string | undefined): ExpositionFormat {
  return contentType?.trim().toLowerCase().startsWith("application/openmetrics-text")
    ? "openmetrics"
    : "prometheus";
}

/**
 * @param text the whole body
 * @throws ExpositionError truncated (no final line feed, or no `# EOF` in OpenMetrics), malformed, too-many-samples
 */
export function parseExposition(
  text: string,
  format: ExpositionFormat,
  samplesMax: number = samplesMaxDefault,
): Exposition {
  const lines = text.split("\n");
  const isComplete = lines.pop() === "";
  const samples: ExposedSample[] = [];
  const types = new Map<string, string>();
  let isEnded = false;
  for (const [i, raw] of [
    ...lines,
    ...(isComplete ? [] : [text.slice(text.lastIndexOf("\n") + 1)]),
  ].entries()) {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    const number = i + 1;
    if (isEnded) throw new ExpositionError("malformed", number, "there is text after # EOF");
    if (line.trim() === "") continue;
    if (format === "openmetrics" && line === "# EOF") {
      isEnded = true;
    } else if (line.startsWith("#")) {
      const [, name, type] = /^#\s+TYPE\s+(\S+)\s+(\S+)\s*$/.exec(line) ?? [];
      if (name && type) types.set(name, type);
    } else {
      if (samples.length >= samplesMax) {
        throw new ExpositionError("too-many-samples", number, `more than ${samplesMax} samples`);
      }
      samples.push(readSample(line, number, format));
    }
  }
  if (format === "openmetrics" && !isEnded) {
    throw new ExpositionError("truncated", lines.length, "# EOF is missing");
  }
  // A last line without its end may be half a number: 12 of 1234.
  if (format === "prometheus" && !isComplete) {
    throw new ExpositionError("truncated", lines.length + 1, "the last line has no line feed");
  }
  return { samples, types };
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
/** One label and what follows it: a comma, or nothing before the brace. */
const label = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|(?=\}))/y;

function readSample(line: string, number: number, format: ExpositionFormat): ExposedSample {
  const name = metricName.exec(line)?.[0];
  if (!name) throw new ExpositionError("malformed", number, "no metric name at the start");
  let at = name.length;
  while (line[at] === " " || line[at] === "\t") at += 1;
  const labels: Record<string, string> = Object.create(null);
  if (line[at] === "{") {
    at = readLabels(line, at + 1, number, labels);
  }
  // In OpenMetrics an exemplar follows the value after " # "; nothing here reads it.
  const rest = format === "openmetrics" ? (line.slice(at).split(" # ")[0] ?? "") : line.slice(at);
  const [value = "", time, ...more] = rest.trim().split(/[ \t]+/);
  if (more.length > 0)
    throw new ExpositionError("malformed", number, `unexpected "${more[0]}" after the time`);
  const sample = { name, labels: { ...labels }, value: readNumber(value, number) };
  if (time === undefined) return sample;
  const given = readNumber(time, number);
  if (!Number.isFinite(given)) throw new ExpositionError("malformed", number, `"${time}" is no time`);
  return { ...sample, timestampMs: format === "openmetrics" ? given * 1000 : given };
}

/** Fills `into` and returns the position after the closing brace. */
function readLabels(line: string, from: number, number: number, into: Record<string, string>): number {
  let at = from;
  for (;;) {
    const close = /\s*\}/y;
    close.lastIndex = at;
    if (close.test(line)) return close.lastIndex;
    label.lastIndex = at;
    const [, key, value] = label.exec(line) ?? [];
    if (key === undefined || value === undefined) {
      throw new ExpositionError("malformed", number, `cannot read the labels from column ${at + 1}`);
    }
    if (key in into) throw new ExpositionError("malformed", number, `label "${key}" is given twice`);
    into[key] = value.replace(/\\(.)/g, (whole, c: string) =>
      c === "n" ? "\n" : c === "\\" || c === '"' ? c : whole,
    );
    at = label.lastIndex;
  }
}

/** Numbers as Go writes them: +Inf, -Inf and NaN are words, which JavaScript spells differently. */
export function parseMetricNumber(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^nan$/i.test(text)) return Number.NaN;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
  if (!infinite) return undefined;
  return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function readNumber(text: string, line: number): number {
  const value = parseMetricNumber(text);
  if (value === undefined) throw new ExpositionError("malformed", line, `"${text}" is no number`);
  return value;
}
