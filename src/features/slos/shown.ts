/** All that chat and console show of one service's budget, read together. */
import { environmentsOf, errorBudgetOf, slosOf } from "../../catalog/lookup.ts";
import type { ChartSpec } from "../../platform/charts.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Markers } from "../markers/index.ts";
import { budgetChart } from "./chart.ts";
import type { BudgetPolicy } from "./policy.ts";
import type { Budget, Change, Changes, Slos } from "./types.ts";

export interface SlosRoom {
  platform: Platform;
  slos: Slos;
  deploys: Changes;
  markers: Pick<Markers, "between">;
}

export interface ShownBudget {
  budget: Budget;
  policy: BudgetPolicy;
  chart: ChartSpec | undefined;
  /** What went out to the service and to what its SLOs depend on, newest first. */
  changes: readonly Change[];
}

export async function readShown(
  { platform, slos, deploys, markers: marked }: SlosRoom,
  service: string,
  at: Date,
  zone: string,
): Promise<ShownBudget> {
  const catalog = platform.catalogs.current();
  const [budget, policy, lines] = await Promise.all([
    slos.budgetOf(service, at),
    slos.policyOf(service, at),
    slos.linesOf(service, at),
  ]);
  const fromMs = Math.min(...lines.map(({ from }) => from.getTime()));
  const names = new Set([
    service,
    ...slosOf(catalog, service).flatMap(({ dependencies }) => dependencies ?? []),
  ]);
  const [environment] = environmentsOf(catalog, service);
  const [changes, markers] = Number.isFinite(fromMs)
    ? await Promise.all([
        deploys.recentChanges([...names], new Date(fromMs)),
        environment === undefined
          ? []
          : marked.between(platform.database.db, service, environment, new Date(fromMs), at),
      ])
    : [[], []];
  const policyInForce = errorBudgetOf(catalog, service);
  const chart = budgetChart(service, lines, { changes, markers, policy: policyInForce, zone });
  return { budget, policy, chart, changes };
}
