/** What the budgets are: read from the metrics, handed to the arithmetic, kept for the moment. */
import { slosOf } from "../../catalog/lookup.ts";
import type { Slo } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import type { MetricsProviders } from "../../providers/metrics/instances.ts";
import { measureSlo } from "./measure.ts";
import { budgetStatus } from "./model.ts";
import { budgetOfReadings, readingOf } from "./reading.ts";
import type { Budget, SloReading, Slos } from "./types.ts";

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
    const { measured, period, troubles, partials } = await measureSlo(
      { catalog: catalogs.current(), providers, log },
      slo,
      at,
    );
    const status = budgetStatus(
      {
        objectivePercent: slo.objective,
        windowMs: period.to.getTime() - period.from.getTime(),
        rows: slo.alerting,
        minBad: slo.minBad,
      },
      measured,
    );
    return readingOf(slo, status, { period, partial: partials[0] ?? null, trouble: troubles[0] ?? null });
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
