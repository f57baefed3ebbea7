import { z } from "zod";
import { Gate } from "../../platform/gate.ts";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import { parseMetricNumber } from "./exposition.ts";

export interface PrometheusApiOptions {
  /** `http://prometheus:9090`, with the path prefix if there is one. */
  url: string;
  token?: Secret<string> | undefined;
  /** Each call ends by then, in milliseconds. */
  deadlineMs: number;
  fetch?: typeof fetch;
}

export interface PromSeries {
  labels: Readonly<Record<string, string>>;
  points: readonly { atMs: number; value: number }[];
}

export interface PromAnswer {
  series: readonly PromSeries[];
  /** Of a 200: the answer may be partial (Thanos, Mimir). */
  warnings: readonly string[];
}

const point = z.tuple([z.number(), z.string()]);
const answerSchema = z.object({
  status: z.literal("success"),
  data: z.discriminatedUnion("resultType", [
    z.object({
      resultType: z.literal("vector"),
      result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: point.optional() })),
    }),
    z.object({
      resultType: z.literal("matrix"),
      result: z.array(
        z.object({ metric: z.record(z.string(), z.string()), values: z.array(point).default([]) }),
      ),
    }),
    z.object({ resultType: z.literal("scalar"), result: point }),
    z.object({ resultType: z.literal("string"), result: point }),
  ]),
  warnings: z.array(z.string()).default([]),
});
const errorSchema = z.object({ errorType: z.string().optional(), error: z.string() });

/** Their limit is set below ours, so that Prometheus stops working for an answer nobody awaits. */
const timeoutShare = 0.9;
/**
 * Prometheus answers 20 queries at once and lets others wait; it has other callers than us.
 * Source: prometheus.io, `--query.max-concurrency`.
 */
const queriesAtOnce = 16;
/** An answer's size at most: a selector that fits everything must not fill our memory. */
const bodyBytesMax = 64 * 1024 * 1024;

/** Prometheus' HTTP API, v1. Source: prometheus.io, "HTTP API". */
export class PrometheusApi {
  readonly #gate = new Gate(queriesAtOnce);

  constructor(private readonly options: PrometheusApiOptions) {}

  /** `isBrief`: the answer is a few numbers, which packing would only delay. */
  query(
    expression: string,
    at: Date,
    signal?: AbortSignal,
    { isBrief = false }: { isBrief?: boolean } = {},
  ): Promise<PromAnswer> {
    const parameters = { query: expression, time: seconds(at) };
    return this.#gate.pass(() => this.#ask("query", parameters, signal, isBrief));
  }

  /** Both ends inclusive. */
  queryRange(
    expression: string,
    from: Date,
    to: Date,
    stepSec: number,
    signal?: AbortSignal,
  ): Promise<PromAnswer> {
    const parameters = { query: expression, start: seconds(from), end: seconds(to), step: String(stepSec) };
    return this.#gate.pass(() => this.#ask("query_range", parameters, signal));
  }

  async #ask(
    path: string,
    parameters: Record<string, string>,
    signal: AbortSignal | undefined,
    isBrief = false,
  ): Promise<PromAnswer> {
    const { url, token, deadlineMs } = this.options;
    const deadline = AbortSignal.timeout(deadlineMs);
    const timeoutMs = Math.max(1, Math.floor(deadlineMs * timeoutShare));
    let status: number;
    let text: string;
    try {
      const response = await (this.options.fetch ?? fetch)(`${url.replace(/\/+$/, "")}/api/v1/${path}`, {
        method: "POST",
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          ...(isBrief ? { "accept-encoding": "identity" } : {}),
          ...(token ? { authorization: `Bearer ${token.reveal()}` } : {}),
        },
        body: new URLSearchParams({ ...parameters, timeout: `${timeoutMs}ms` }).toString(),
        signal: signal ? AbortSignal.any([deadline, signal]) : deadline,
        redirect: "error",
      });
      status = response.status;
      text = await limitedText(response);
    } catch (error) {
      if (error instanceof ProviderError) throw error;
      if (deadline.aborted || signal?.aborted)
        throw new ProviderError(
          "timeout",
          `Prometheus at ${url} did not answer in time`,
          "Shorten the range, or raise the instance's deadline in the catalog",
          error,
        );
      throw new ProviderError(
        "unreachable",
        `Prometheus at ${url} cannot be reached`,
        "Check the url of the metrics instance in the catalog, and that Prometheus runs",
        error,
      );
    }
    return readAnswer(status, text, url);
  }
}

function readAnswer(status: number, text: string, url: string): PromAnswer {
  const body = asJson(text);
  if (status !== 200)
    throw refusal(status, errorSchema.safeParse(body).data?.error ?? text.slice(0, 200), url);
  const parsed = answerSchema.safeParse(body);
  if (!parsed.success)
    throw new ProviderError(
      "rejected",
      `What answers at ${url} is no Prometheus`,
      "Check the url of the metrics instance; it must lead to the server whose /api/v1/query answers",
      parsed.error,
    );
  const { data, warnings } = parsed.data;
  switch (data.resultType) {
    case "vector":
      return {
        warnings,
        series: data.result.map(({ metric, value }) => ({
          labels: metric,
          points: value ? points([value]) : [],
        })),
      };
    case "matrix":
      return {
        warnings,
        series: data.result.map(({ metric, values }) => ({ labels: metric, points: points(values) })),
      };
    case "scalar":
      return { warnings, series: [{ labels: {}, points: points([data.result]) }] };
    case "string":
      return { warnings, series: [] };
  }
}

function refusal(status: number, message: string, url: string): ProviderError {
  const said = `Prometheus at ${url}: ${message} (HTTP ${status})`;
  if (status === 401 || status === 403)
    return new ProviderError(
      "unauthorised",
      said,
      "Check the variable named by tokenEnv of the metrics instance",
    );
  if (status === 404)
    return new ProviderError(
      "not_found",
      said,
      "Check the url of the metrics instance, with its path prefix",
    );
  // 503 timeout and 499 canceled: the query ran too long. Source: prometheus.io, "HTTP API".
  if (status === 503 && /time|cancel/i.test(message))
    return new ProviderError(
      "timeout",
      said,
      "Shorten the range, or raise the instance's deadline in the catalog",
    );
  if (status === 499)
    return new ProviderError(
      "timeout",
      said,
      "Shorten the range, or raise the instance's deadline in the catalog",
    );
  if (status === 429 || status >= 500)
    return new ProviderError(
      "unreachable",
      said,
      "Look at Prometheus itself; the question may be asked again",
    );
  return new ProviderError("rejected", said, "Correct the signal's metric, labels or promql in the catalog");
}

function points(values: readonly (readonly [number, string])[]): { atMs: number; value: number }[] {
  return values.flatMap(([sec, text]) => {
    const value = parseMetricNumber(text);
    // NaN is "nothing to say"; one of them would make every sum NaN.
    return value === undefined || Number.isNaN(value) ? [] : [{ atMs: Math.round(sec * 1000), value }];
  });
}

async function limitedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bodyBytesMax)
      throw new ProviderError(
        "rejected",
        `Prometheus' answer is larger than ${bodyBytesMax} bytes`,
        "Narrow the signal's labels: they fit too many series",
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const seconds = (at: Date): string => (at.getTime() / 1000).toFixed(3);
