/**
 * SLOs: how much failing a service may do, how much it did, and whether its users hurt now. `/ops slo`.
 * Owns nothing: budgets are read from the metrics when asked. Pages about: nothing; others page by its answer.
 */
import { z } from "zod";
import { arg, argsOf, defineCommand } from "../../platform/commands/spec.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { CommandContext, Feature, MetricLine, Reply } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import type { MetricsProviders } from "../../providers/metrics/instances.ts";
import { createSlosApi } from "./service.ts";
import type { Budget, SloReading, Slos } from "./types.ts";
import { burnText, mark, percentText, usersLine, whyLines } from "./words.ts";

export { sloOfAlert } from "./binding.ts";
export { exportOpenSlo } from "./openslo/export.ts";
export { importOpenSlo } from "./openslo/import.ts";
export { type BudgetPolicy, policyOf } from "./policy.ts";
export { rulesOf, type SloRules } from "./rules.ts";
export type * from "./types.ts";
export { usersLine } from "./words.ts";

export const sloSpec = defineCommand({
  name: "slo",
  args: z.object({ service: arg.service().optional() }),
  role: "anyone",
  acts: false,
  summary: "How much error budget is left, how fast it burns, and whether users hurt.",
  example: "slo shop",
});

export function createSlos(platform: Platform, providers: MetricsProviders): { feature: Feature; api: Slos } {
  const { catalogs, clock } = platform;
  const api = createSlosApi(platform, providers);
  const budgets = (services: readonly string[], at: Date): Promise<Budget[]> =>
    Promise.all(services.map((name) => api.budgetOf(name, at)));
  const withSlos = (): string[] => [...new Set(catalogs.current().slos.map(({ service }) => service))];

  const slo = async ({ line }: CommandContext): Promise<Decision<Reply>> => {
    const { service } = argsOf(sloSpec, line);
    const found = await budgets(service ? [service.service] : withSlos(), clock.now());
    if (found.every(({ readings }) => readings.length === 0)) {
      const what = service ? `${escapeText(service.service)} has no SLO` : "The catalog has no SLO yet";
      return allow({ text: `${what}. Declare one under \`slos\` in the catalog.` });
    }
    return allow({ text: found.map(tableOf).join("\n\n") });
  };

  const measured =
    (read: (reading: SloReading) => number | null | undefined): MetricLine["read"] =>
    async () => {
      if (catalogs.digest() === "none") return [];
      const found = await budgets(withSlos(), clock.now());
      return found.flatMap(({ service, readings }) =>
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
    commands: [{ spec: sloSpec, run: slo }],
    summaries: {
      async status(service) {
        const budget = await api.budgetOf(service, clock.now());
        if (budget.readings.length === 0) return [];
        return [{ rank: budget.users === "hurting" ? 5 : 20, text: `${mark(budget)} ${usersLine(budget)}` }];
      },
      async why(thing) {
        if (!("service" in thing)) return [];
        const budget = await api.budgetOf(thing.service, clock.now());
        if (budget.readings.length === 0) return [];
        return [`${mark(budget)} ${usersLine(budget)}`, ...whyLines(budget)].map((text, index) => ({
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

function tableOf(budget: Budget): string {
  const rows = budget.readings.map((reading) =>
    [
      `\`${reading.slo}\``,
      reading.state,
      `objective ${reading.objectivePercent} % over ${formatDuration(reading.windowMs)}`,
      `budget left ${reading.remaining === null ? "unknown" : percentText(reading.remaining)}`,
      `burn ${reading.burn === undefined ? "unknown" : burnText(reading.burn)}`,
      ...(reading.why === undefined ? [] : [escapeText(reading.why, 200)]),
    ].join(" · "),
  );
  return [`${mark(budget)} *${escapeText(budget.service)}* ${usersLine(budget)}`, ...rows].join("\n");
}
