/** What is told of Quarterdeck itself: in `/ops`, and as metrics. */
import type { MetricLine, Summaries } from "../../platform/feature.ts";
import { dateToken, escapeText } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import { alarmText } from "./cards.ts";
import { conditions } from "./model.ts";
import { readState, standingAlarms, watchTables } from "./store.ts";

export function watchSummaries({ database }: Pick<Platform, "database">): Summaries {
  return {
    async mine() {
      const alarms = await standingAlarms(database.db);
      return alarms.map(({ saw, openedAt }) => ({
        rank: 5,
        text: `🔴 ${escapeText(alarmText(saw))}, since ${dateToken(openedAt)}`,
      }));
    },
  };
}

export function watchMetrics({ database, clock }: Pick<Platform, "database" | "clock">): MetricLine[] {
  const age = (at: Date): number => (clock.now().getTime() - at.getTime()) / 1_000;
  return [
    {
      name: "quarterdeck_watch_well",
      help: "1 while a condition is seen to be well, 0 while it is not and no heartbeat goes out.",
      type: "gauge",
      async read() {
        const found = (await readState(database.db))?.findings ?? [];
        return conditions.flatMap((condition) => {
          const seen = found.find((one) => one.condition === condition);
          return seen ? [{ labels: { condition }, value: seen.isWell ? 1 : 0 }] : [];
        });
      },
    },
    {
      name: "quarterdeck_watch_look_age_seconds",
      help: "Seconds since a web process last looked at Quarterdeck itself.",
      type: "gauge",
      async read() {
        const state = await readState(database.db);
        return state ? [{ value: age(state.lookedAt) }] : [];
      },
    },
    {
      name: "quarterdeck_heartbeat_age_seconds",
      help: "Seconds since a heartbeat was taken; absent while none was, or the last was not.",
      type: "gauge",
      async read() {
        const state = await readState(database.db);
        return state?.beatAt ? [{ value: age(state.beatAt) }] : [];
      },
    },
    {
      name: "quarterdeck_watch_alarms",
      help: "Troubles of Quarterdeck's own that last, by condition.",
      type: "gauge",
      async read() {
        const alarms = await standingAlarms(database.db);
        return conditions.map((condition) => ({
          labels: { condition },
          value: alarms.filter((alarm) => alarm.condition === condition).length,
        }));
      },
    },
    {
      name: "quarterdeck_watchdog_missing",
      help: "1 for a declared watchdog that stopped coming, 0 for one that comes.",
      type: "gauge",
      async read() {
        const rows = await watchTables(database.db)
          .selectFrom("watch_dogs")
          .select(["name", "missing_since"])
          .execute();
        return rows.map(({ name, missing_since }) => ({
          labels: { watchdog: name },
          value: missing_since === null ? 0 : 1,
        }));
      },
    },
  ];
}
