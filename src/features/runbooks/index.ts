/**
 * Runbooks: what to do, with the numbers of now in it, opened where people talk. `/ops runbook`.
 * Owns: verifications and what readers said of a runbook; the texts are files. Pages about: nothing.
 */
import { personBySlack } from "../../catalog/lookup.ts";
import type { Feature, SummaryLine } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { openLibrary } from "./library.ts";
import { runbookMigrations } from "./migrations.ts";
import { chooseRunbook, noVoices, ownerOf, trustOf } from "./model.ts";
import { runbookPage } from "./page.ts";
import type { Room, RunbookRooms } from "./room.ts";
import { runbookCommands } from "./slack.ts";
import { readVoices } from "./store.ts";
import { trustText } from "./words.ts";

export { lintRunbooks } from "./lint.ts";
export { runbookMigrations } from "./migrations.ts";

const keepDays = 1_200;

export interface Runbooks {
  /** Name of the runbook that would open for each alert; undefined where none would. */
  namesFor(
    alerts: readonly { service: string | null; alert: string; groupId: string }[],
  ): Promise<readonly (string | undefined)[]>;
}

export function createRunbooks(platform: Platform, rooms: RunbookRooms): Feature & { api: Runbooks } {
  const room: Room = { platform, rooms, library: openLibrary(platform.settings.RUNBOOKS_PATH) };

  /** Those I answer for and somebody calls outdated. */
  const mine = async (actor: Actor): Promise<readonly SummaryLine[]> => {
    const catalog = platform.catalogs.current();
    const me = personBySlack(catalog, actor.team, actor.person);
    const { runbooks } = await room.library.shelf();
    const owned = runbooks.filter(
      (runbook) => me && ownerOf(runbook, catalog)?.people.some(({ id }) => id === me.id),
    );
    const voices = await readVoices(
      platform.database.db,
      owned.map(({ name }) => name),
    );
    return owned.flatMap((runbook) => {
      const trust = trustOf(runbook, voices.get(runbook.name) ?? noVoices, catalog, platform.clock.now());
      return trust.state === "outdated"
        ? [{ rank: 60, text: `Your runbook \`${escapeText(runbook.name)}\`: ${trustText(trust, catalog)}` }]
        : [];
    });
  };

  const namesFor: Runbooks["namesFor"] = async (alerts) => {
    const catalog = platform.catalogs.current();
    const { runbooks } = await room.library.shelf();
    const groups = await rooms.alerts.readGroups(
      platform.database.db,
      alerts.map(({ groupId }) => groupId),
    );
    const labelsOf = new Map(groups.map(({ id, labels }) => [id, labels]));
    return alerts.map(({ service, alert, groupId }) => {
      const wanted = { service: service ?? undefined, alert, labels: labelsOf.get(groupId) };
      const chosen = chooseRunbook(runbooks, wanted, catalog);
      return chosen.ok ? chosen.value.name : undefined;
    });
  };

  return {
    api: { namesFor },
    name: "runbooks",
    about: "What to do, with the numbers of now in it, opened where people talk.",
    commands: runbookCommands(room),
    routes: [runbookPage(room)],
    summaries: { mine },
    migrations: runbookMigrations,
    retention: [
      { table: "runbook_verifications", column: "at", keepDays },
      { table: "runbook_marks", column: "at", keepDays },
    ],
  };
}
