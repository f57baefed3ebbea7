/** What the budgets are: read from the metrics, handed to the arithmetic, kept for the moment. */
import { type BoundSlo, errorBudgetOf, ownerOfSlo, slosOf } from "../../catalog/lookup.ts";
import { Gate } from "../../platform/gate.ts";
import type { Platform } from "../../platform/platform.ts";
import type { MetricsProviders } from "../../providers/metrics/instances.ts";
import { lineOf } from "./line.ts";
import { type MeasureParts, measureSlo } from "./measure.ts";
import { budgetStatus } from "./model.ts";
import { type BudgetLeftAt, momentsBefore, policyOf } from "./policy.ts";
import { budgetOfReadings, readingOf } from "./reading.ts";
import type { Budget, BudgetLine, SloReading, Slos } from "./types.ts";

/** In a storm of alerts one reading serves all of them for this long. */
const keepMs = 250;
const keptMax = 256;
/** Services of a whole list that are read at once: enough to be asked for in few questions, few enough to be in time. */
const servicesAtOnce = 40;
/** Longest an SLO of a list may take; nobody decides by it. */
const listDeadlineMs = 8_000;
/** Longest a line for a picture may take; nobody decides by it. */
const lineDeadlineMs = 5_000;

export function createSlosApi(
  platform: { catalogs: Pick<Platform["catalogs"], "current" | "digest">; log: Platform["log"] },
  providers: Pick<MetricsProviders, "of">,
  options: { deadlineMs?: number } = {},
): Slos {
  const { catalogs, log } = platform;
  const kept = new Map<string, Promise<Budget>>();
  const parts = (more: Partial<MeasureParts> = {}): MeasureParts => ({
    catalog: catalogs.current(),
    providers,
    log,
    ...options,
    ...more,
  });

  const readSlo = async (slo: BoundSlo, at: Date, more?: Partial<MeasureParts>): Promise<SloReading> => {
    const { measured, period, since, troubles, partials } = await measureSlo(parts(more), slo, at);
    const status = budgetStatus(
      {
        objectivePercent: slo.objective,
        windowMs: period.to.getTime() - period.from.getTime(),
        rows: more?.isPeriodOnly ? [] : slo.alerting,
        minBad: slo.minBad,
      },
      measured,
    );
    const owner = ownerOfSlo(catalogs.current(), slo);
    return readingOf(slo, status, {
      period,
      since,
      owner: "person" in owner ? owner.person.name : `team ${owner.team.name}`,
      partial: partials[0] ?? null,
      trouble: troubles[0] ?? null,
    });
  };

  const budgetOf = (service: string, at: Date): Promise<Budget> => {
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
  };

  const leftAt = async (service: string, at: Date): Promise<BudgetLeftAt> => {
    const slos = slosOf(catalogs.current(), service);
    const readings = await Promise.all(slos.map((slo) => readSlo(slo, at, { isPeriodOnly: true })));
    return { at, left: new Map(readings.map(({ slo, remaining }) => [slo, remaining])) };
  };

  return {
    budgetOf,

    async budgetsOf(services, at) {
      const gate = new Gate(servicesAtOnce);
      const asList = { isEstimate: true, deadlineMs: options.deadlineMs ?? listDeadlineMs };
      const read = async (service: string): Promise<Budget> => {
        const slos = slosOf(catalogs.current(), service);
        const readings = await Promise.all(slos.map((slo) => readSlo(slo, at, asList)));
        return budgetOfReadings(service, at, readings);
      };
      return Promise.all(services.map((service) => gate.pass(() => read(service))));
    },

    async policyOf(service, at) {
      const policy = errorBudgetOf(catalogs.current(), service);
      const [budget, ...earlier] = await Promise.all([
        budgetOf(service, at),
        ...momentsBefore(policy, at).map((moment) => leftAt(service, moment)),
      ]);
      return policyOf(policy, budget, earlier);
    },

    async linesOf(service, at) {
      const budget = await budgetOf(service, at);
      const lines = await Promise.all(
        slosOf(catalogs.current(), service).map((slo) => {
          const reading = budget.readings.find((candidate) => candidate.slo === slo.name);
          return reading && lineOf(parts({ deadlineMs: lineDeadlineMs }), slo, reading, budget.at);
        }),
      );
      return lines.filter((line): line is BudgetLine => line !== undefined);
    },
  };
}
