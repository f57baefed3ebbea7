/** Asks the metrics systems what the catalog declares, each question under its own deadline. */
import { metricLabelsOf, service as serviceOf, signalsOf } from "../../catalog/lookup.ts";
import type { Signal } from "../../catalog/schema.ts";
import { underDeadline } from "../../platform/deadline.ts";
import type { Platform } from "../../platform/platform.ts";
import { refusalText } from "../../platform/refusal.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { LabelMatchers } from "../../providers/metrics/contract.ts";
import type { MetricsProviders } from "../../providers/metrics/instances.ts";
import { countQueryOf, queryOf, valueText, versionMatcher } from "./model.ts";
import type { SignalCounts, SignalReading, SignalSeries, Signals } from "./types.ts";

type Bound = Signal & { provider: string };

export function createSignalsApi(
  platform: Pick<Platform, "catalogs" | "log">,
  providers: MetricsProviders,
): Signals {
  const { catalogs, log } = platform;

  const declared = (service: string): readonly Bound[] => signalsOf(catalogs.current(), service);
  const find = (service: string, name: string): Bound => {
    const found = declared(service).find((signal) => signal.name === name);
    if (found) return found;
    const known = declared(service).map((signal) => signal.name);
    throw new ProviderError(
      "not_found",
      `${service} has no signal ${name}`,
      known.length > 0 ? `It has ${known.join(", ")}` : "Declare signals for it in the catalog",
    );
  };
  const versionLabel = (service: string): string =>
    serviceOf(catalogs.current(), service)?.versionLabel ?? "version";
  const labelsOf = (service: string, versions?: readonly string[]): LabelMatchers => ({
    ...metricLabelsOf(catalogs.current(), service),
    ...(versions ? { [versionLabel(service)]: versionMatcher(versions) } : {}),
  });

  const readOne = async (
    service: string,
    signal: Bound,
    options: Parameters<Signals["read"]>[1],
  ): Promise<SignalReading> => {
    const { at, windowSec, version } = options;
    const deadlineMs = Math.min(signal.deadline, options.deadlineMs ?? signal.deadline);
    try {
      const answer = await underDeadline(deadlineMs, (abort) =>
        providers.of(signal.provider).instant(queryOf(signal), {
          at,
          windowSec,
          labels: labelsOf(service, version === undefined ? undefined : [version]),
          signal: abort,
        }),
      );
      if (answer === "late") return { signal, at, state: "late", deadlineMs };
      const [reading] = answer;
      if (!reading) return { signal, at, state: "missing", why: "nothing was measured" };
      if (reading.value === null) return { signal, at, state: "missing", why: reading.message };
      const text = `${reading.isAtLeast ? "≥ " : ""}${valueText(reading.value, signal.unit)}`;
      return { signal, at, state: "ok", value: reading.value, text, isPartial: reading.partial !== null };
    } catch (error) {
      if (error instanceof ProviderError) {
        if (error.code === "timeout") return { signal, at, state: "late", deadlineMs };
        return { signal, at, state: "missing", why: `${error.message}. ${error.hint}` };
      }
      // One signal's trouble must not take the others from somebody who is looking for a cause.
      log.error({ err: error, service, signal: signal.name }, "a signal could not be read");
      return { signal, at, state: "missing", why: "it could not be read; the log says more" };
    }
  };

  const mustBeInTime = async <T>(signal: Bound, ask: (abort: AbortSignal) => Promise<T>): Promise<T> => {
    const answer = await underDeadline(signal.deadline, ask);
    if (answer !== "late") return answer as T;
    throw new ProviderError(
      "timeout",
      `${signal.name} gave no answer within ${signal.deadline} ms`,
      "Look at its metrics system, or raise the signal's deadline in the catalog",
    );
  };

  return {
    async read(service, options) {
      const { names } = options;
      const wanted = names ? names.map((name) => find(service, name)) : declared(service);
      return await Promise.all(wanted.map((signal) => readOne(service, signal, options)));
    },

    async series(service, name, { from, to, stepSec, versions }): Promise<SignalSeries[]> {
      const signal = find(service, name);
      const { series } = await mustBeInTime(signal, (abort) =>
        providers.of(signal.provider).range(queryOf(signal), {
          from,
          to,
          stepSec,
          by: versions ? versionLabel(service) : undefined,
          labels: labelsOf(service, versions),
          signal: abort,
        }),
      );
      const pointsOf = (group: string | null) => series.find((line) => line.group === group)?.points ?? [];
      return versions
        ? versions.map((version) => ({ signal, label: version, points: pointsOf(version) }))
        : [{ signal, label: service, points: pointsOf(null) }];
    },

    async buckets(service, name, { at, windowSec, version }) {
      const signal = find(service, name);
      if (signal.kind !== "quantile")
        throw new ProviderError(
          "rejected",
          `${name} is a ${signal.kind} and has no buckets`,
          "Ask a quantile",
        );
      return await mustBeInTime(signal, (abort) =>
        providers.of(signal.provider).buckets(signal.histogram, {
          at,
          windowSec,
          labels: labelsOf(service, [version]),
          signal: abort,
        }),
      );
    },

    async counts(service, name, { from, to, versions, slowAbove }): Promise<SignalCounts> {
      const signal = find(service, name);
      const query = countQueryOf(signal, slowAbove);
      if (!query.ok)
        throw new ProviderError("rejected", refusalText({ ...query.refusal, hint: "" }), query.refusal.hint);
      const answer = await mustBeInTime(signal, (abort) =>
        providers.of(signal.provider).counts(query.value, {
          from,
          to,
          by: versionLabel(service),
          labels: labelsOf(service, versions),
          signal: abort,
        }),
      );
      const byVersion = new Map(
        answer.bins.flatMap(({ group, bad, total }) =>
          group === null ? [] : [[group, { bad, total }] as const],
        ),
      );
      const troubles = [answer.partial, answer.invalid].filter((text) => text !== null);
      return { signal, from, to, byVersion, partial: troubles.length > 0 ? troubles.join("; ") : null };
    },

    async values(service, name, { at, windowSec, versions }) {
      const signal = find(service, name);
      const readings = await mustBeInTime(signal, (abort) =>
        providers.of(signal.provider).instant(queryOf(signal), {
          at,
          windowSec,
          by: versionLabel(service),
          labels: labelsOf(service, versions),
          signal: abort,
        }),
      );
      return new Map(
        readings.flatMap(({ group, value }) =>
          group === null || value === null ? [] : [[group, value] as const],
        ),
      );
    },

    lagMs: (service, name) => providers.lagMs(find(service, name).provider),
  };
}
