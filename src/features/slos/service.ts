/** Reads an SLO's windows from the metrics system and hands them to the arithmetic. */
import { metricLabelsOf, slosOf } from "../../catalog/lookup.ts";
import type { Slo } from "../../catalog/schema.ts";
import { underDeadline } from "../../platform/deadline.ts";
import type { Platform } from "../../platform/platform.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { CountAnswer, CountQuery } from "../../providers/metrics/contract.ts";
import type { MetricsProviders } from "../../providers/metrics/instances.ts";
import { budgetStatus, type EventCounts } from "./model.ts";
import { budgetOfReadings, readingOf } from "./reading.ts";
import type { Budget, SloReading, Slos } from "./types.ts";

/** Longest a budget may take: whoever decides on it waits for it. */
const readDeadlineMs = 2_000;
/** In a storm of alerts one reading serves all of them for this long. */
const keepMs = 250;
const keptMax = 256;

export function createSlosApi(
  platform: Pick<Platform, "catalogs" | "log">,
  providers: MetricsProviders,
): Slos {
  const { catalogs, log } = platform;
  const kept = new Map<string, Promise<Budget>>();

  const readSlo = async (slo: Slo & { provider: string }, at: Date): Promise<SloReading> => {
    const troubles: string[] = [];
    const partials: string[] = [];
    const labels = metricLabelsOf(catalogs.current(), slo.service);
    const query = queryOf(slo);

    const countOver = async (windowMs: number): Promise<CountAnswer | null> => {
      try {
        const answer = await underDeadline(readDeadlineMs, (signal) =>
          providers.of(slo.provider).counts(query, {
            from: new Date(at.getTime() - windowMs),
            to: at,
            labels,
            signal,
          }),
        );
        if (answer !== "late") return answer;
        troubles.push(`no answer within ${readDeadlineMs} ms`);
      } catch (error) {
        if (!(error instanceof ProviderError))
          log.error({ err: error, slo: slo.name }, "an SLO could not be read");
        troubles.push(
          error instanceof ProviderError ? `${error.message}. ${error.hint}` : "it could not be read",
        );
      }
      return null;
    };
    const countsIn = (answer: CountAnswer | null): EventCounts | null => {
      if (answer?.partial) partials.push(answer.partial);
      if (answer?.invalid) troubles.push(answer.invalid);
      const bin = answer?.invalid ? undefined : answer?.bins[0];
      return bin ? { bad: bin.bad, total: bin.total } : null;
    };

    const lengths = [...new Set(slo.alerting.flatMap(({ short, long }) => [short, long]))];
    const [period, ...windows] = await Promise.all([slo.window.rolling, ...lengths].map(countOver));
    const periodCounts = countsIn(period ?? null);
    const oldest = period?.oldestSampleAt;
    const status = budgetStatus(
      {
        objectivePercent: slo.objective,
        windowMs: slo.window.rolling,
        rows: slo.alerting,
        minBad: slo.minBad,
      },
      {
        period: periodCounts && {
          counts: periodCounts,
          elapsedMs: oldest
            ? Math.min(slo.window.rolling, at.getTime() - oldest.getTime())
            : slo.window.rolling,
        },
        windows: new Map(lengths.map((length, index) => [length, countsIn(windows[index] ?? null)])),
      },
    );
    if (troubles.length === 0 && status.state === "unknown" && !oldest) {
      troubles.push("its metrics have no samples");
    }
    return readingOf(slo, status, partials[0] ?? null, troubles[0] ?? null);
  };

  return {
    budgetOf(service, at) {
      const moment = new Date(Math.floor(at.getTime() / keepMs) * keepMs);
      const key = `${catalogs.digest()} ${moment.getTime()} ${service}`;
      const known = kept.get(key);
      if (known) return known;
      const budget = Promise.all(slosOf(catalogs.current(), service).map((slo) => readSlo(slo, moment))).then(
        (readings) => budgetOfReadings(service, moment, readings),
      );
      kept.set(key, budget);
      for (const oldest of kept.keys()) {
        if (kept.size <= keptMax) break;
        kept.delete(oldest);
      }
      return budget;
    },
  };
}

/** The bad and all events that spend an SLO's budget. */
export function queryOf({ indicator }: Slo): CountQuery {
  switch (indicator.kind) {
    case "ratio":
      return { kind: "ratio", total: indicator.total, bad: indicator.bad, good: indicator.good };
    case "latency":
      return { kind: "slower-than", histogram: indicator.histogram, bound: indicator.threshold };
  }
}
