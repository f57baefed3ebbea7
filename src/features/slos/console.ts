/** Error budgets on the console's first pages: what was told last, so that no page waits for the metrics. */
import { errorBudgetOf } from "../../catalog/lookup.ts";
import type { ConsoleParts, SummaryLine } from "../../platform/feature.ts";
import { dateToken, escapeText, link } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import { asks, type KeptLevel, levelMarks } from "./policy.ts";
import { keptLevels } from "./store.ts";

const ranks: Readonly<Record<KeptLevel["level"], number>> = {
  freeze: 5,
  approval: 10,
  careful: 20,
  ship: 60,
};

export function sloConsole(platform: Pick<Platform, "database" | "catalogs" | "publicUrl">): ConsoleParts {
  const lineOf = (service: string, { level, since }: KeptLevel): SummaryLine => {
    const page = link(`${platform.publicUrl}/slo/${encodeURIComponent(service)}`, service);
    const asked = asks(level, errorBudgetOf(platform.catalogs.current(), service));
    return {
      rank: ranks[level],
      text: `${levelMarks[level]} Error budget of ${page}: ${escapeText(asked)}, since ${dateToken(since, "date_time")}`,
    };
  };
  const levels = () => keptLevels(platform.database.db);
  return {
    going: {
      title: "Error budgets",
      path: "/slo",
      async lines() {
        const declared = new Set(platform.catalogs.current().slos.map(({ service }) => service));
        return [...(await levels())]
          .filter(([service, { level }]) => level !== "ship" && declared.has(service))
          .map(([service, level]) => lineOf(service, level))
          .sort((a, b) => a.rank - b.rank);
      },
    },
    async status(service) {
      const kept = (await levels()).get(service);
      return kept ? [lineOf(service, kept)] : [];
    },
  };
}
