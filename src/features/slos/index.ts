/**
 * SLOs: how much failing a service may do, how much it did, and whether its users hurt now. `/ops slo`.
 * Owns: the level of the error budget policy that was told last; budgets are read from the metrics when asked. Pages
 * about: nothing; others page by its answer.
 */
import type { Feature, MetricLine } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import type { MetricsProviders } from "../../providers/metrics/instances.ts";
import type { Markers } from "../markers/index.ts";
import { sloConsole } from "./console.ts";
import { watchLevels } from "./levels.ts";
import { sloMigrations } from "./migrations.ts";
import { sloPages } from "./pages.ts";
import { createSlosApi } from "./service.ts";
import { sloCommand, sloSpec } from "./slack.ts";
import type { Budget, Changes, SloReading, Slos } from "./types.ts";
import { mark, usersLine, whyLines } from "./words.ts";

export { sloOfAlert } from "./binding.ts";
export { sloMigrations } from "./migrations.ts";
export { exportOpenSlo } from "./openslo/export.ts";
export { importOpenSlo } from "./openslo/import.ts";
export { type BudgetPolicy, policyOf } from "./policy.ts";
export { rulesOf, type SloRules } from "./rules.ts";
export { createSlosApi } from "./service.ts";
export { tableHead, tableRows, windowTextOf } from "./table.ts";
export type * from "./types.ts";
export { usersLine } from "./words.ts";

/**
 * One reading of all budgets serves every figure of a scrape. It is kept ten times as long as it took, so that reading
 * hundreds of services leaves the metrics system time for others.
 */
const figuresKeep = { leastMs: 1_000, timesTook: 10 };

export function createSlos(
  platform: Platform,
  providers: MetricsProviders,
  rooms: { deploys: Changes; markers: Pick<Markers, "between"> },
): { feature: Feature; api: Slos } {
  const { catalogs, clock } = platform;
  const api = createSlosApi(platform, providers);
  const room = { platform, slos: api, ...rooms };

  let figures: { untilMs: number; budgets: Promise<readonly Budget[]> } | undefined;
  const allBudgets = (): Promise<readonly Budget[]> => {
    const now = clock.now();
    if (figures && now.getTime() < figures.untilMs) return figures.budgets;
    const services = [...new Set(catalogs.current().slos.map(({ service }) => service))];
    const reading = { untilMs: Number.POSITIVE_INFINITY, budgets: api.budgetsOf(services, now) };
    figures = reading;
    const keep = () => {
      const tookMs = clock.now().getTime() - now.getTime();
      reading.untilMs = now.getTime() + Math.max(figuresKeep.leastMs, figuresKeep.timesTook * tookMs);
    };
    void reading.budgets.then(keep, keep);
    return reading.budgets;
  };
  const measured =
    (read: (reading: SloReading) => number | null | undefined): MetricLine["read"] =>
    async () => {
      if (catalogs.digest() === "none") return [];
      return (await allBudgets()).flatMap(({ service, readings }) =>
        readings.flatMap((reading) => {
          const value = read(reading);
          return value === null || value === undefined
            ? []
            : [{ labels: { service, slo: reading.slo }, value }];
        }),
      );
    };

  const feature: Feature = {
    name: "slos",
    about: "How much failing a service may do, how much it did, and whether its users hurt now.",
    commands: [{ spec: sloSpec, run: sloCommand(room) }],
    routes: sloPages(room),
    jobs: [
      {
        name: "slos.levels",
        about: "Tells a service's channel when its error budget asks for something else than before.",
        lane: "bulk",
        leaseSec: 120,
        run: () => watchLevels(room),
      },
    ],
    schedules: [{ job: "slos.levels", everySec: 300 }],
    migrations: sloMigrations,
    retention: [{ table: "slo_levels", column: "since", keepDays: 1_200 }],
    console: sloConsole(platform),
    summaries: {
      async status(service) {
        const budget = await api.budgetOf(service, clock.now());
        if (budget.readings.length === 0) return [];
        return [{ rank: budget.users === "hurting" ? 5 : 20, text: `${mark(budget)} ${usersLine(budget)}` }];
      },
      async why(thing) {
        if (!("service" in thing)) return [];
        const now = clock.now();
        const budget = await api.budgetOf(thing.service, now);
        if (budget.readings.length === 0) return [];
        const policy = await api.policyOf(thing.service, now);
        const asked = `Changes: ${escapeText(policy.words, 300)}`;
        return [`${mark(budget)} ${usersLine(budget)}`, ...whyLines(budget), asked].map((text, index) => ({
          rank: 20 + index,
          text,
        }));
      },
    },
    metrics: [
      {
        name: "quarterdeck_slo_budget_left_ratio",
        help: "Share of the SLO window's error budget left; negative when overspent; absent when not known.",
        type: "gauge",
        read: measured(({ remaining }) => remaining),
      },
      {
        name: "quarterdeck_slo_burn_rate",
        help: "Burn rate of the firing row, else of the shortest one; 1 spends the budget in exactly the window.",
        type: "gauge",
        read: measured(({ burn }) => burn),
      },
      {
        name: "quarterdeck_slo_paging",
        help: "1 while a page row of the SLO fires.",
        type: "gauge",
        read: measured(({ severity }) => (severity === "page" ? 1 : 0)),
      },
    ],
  };
  return { feature, api };
}
