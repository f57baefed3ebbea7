/** Monday, 09:00 in the organisation's zone: each team's channel gets its digest, once. */
import { sql } from "kysely";
import { channel, owningTeam, slackIdOf } from "../../catalog/lookup.ts";
import { systemActor } from "../../platform/people.ts";
import type { Job } from "../../platform/rings/runner.ts";
import type { TicketRecord } from "../tickets/index.ts";
import { digestCard } from "./cards.ts";
import { type Digest, digestOf, lastMonday, lateMs, weekName, windowStart } from "./digest.ts";
import { pagingSources } from "./observed.ts";
import { pagePath, type QualityRoom, runbookFinder } from "./room.ts";

export const digestJob = "quality.digest";

export function createDigestJob(room: QualityRoom): Job {
  const { platform, rooms } = room;
  const { database, catalogs, clock, log } = platform;
  return {
    name: digestJob,
    about: "Tells each team on Monday what its alerts were worth.",
    lane: "bulk",
    leaseSec: 120,
    async run() {
      const catalog = catalogs.current();
      const zone = catalog.organisation.timezone;
      const monday = lastMonday(clock.now(), zone);
      if (clock.now().getTime() - monday.getTime() > lateMs) return undefined;
      // Named by the week it is about, not by the one it is told in.
      const week = weekName(new Date(monday.getTime() - 7 * 86_400_000), zone);
      const told = await toldTeams(week);
      const teams = catalog.teams.filter(({ name }) => !told.has(name));
      if (teams.length === 0) return undefined;
      const records = await rooms.tickets.records(windowStart(monday), monday);
      const firings = await rooms.alerts.firingsOf(database.db, windowStart(monday), monday, zone);
      const hasRunbook = await runbookFinder(room, records);
      for (const team of teams) {
        const declared = channel(catalog, team.alertChannel);
        const target = declared && slackIdOf(declared, platform.slackTeam());
        if (target === undefined) {
          log.warn(
            { team: team.name },
            "the team's alertChannel is not in this Slack team; it gets no digest",
          );
          continue;
        }
        const own = records.filter((record: TicketRecord) => record.team === team.name);
        const observed = catalog.services
          .filter(({ team: owner, mode }) => owner === team.name && mode === "observe")
          .map(({ name }) => name);
        const fired = firings.filter(({ service }) => owningTeam(catalog, service ?? "").name === team.name);
        const scene = { team: team.name, fired, observed, paging: pagingSources(catalog) };
        await tell(digestOf(scene, own, hasRunbook, monday), week, target);
      }
      return undefined;
    },
  };

  async function toldTeams(week: string): Promise<ReadonlySet<string>> {
    const { rows } = await sql<{
      team: string;
    }>`select team from quality_digests where week = ${week}`.execute(database.db);
    return new Set(rows.map(({ team }) => team));
  }

  async function tell(digest: Digest, week: string, target: string): Promise<void> {
    await database.tx(async (tx) => {
      const { rows } = await sql`
        insert into quality_digests (team, week, told_at, cards)
        values (${digest.team}, ${week}, ${tx.now}, ${digest.cards})
        on conflict do nothing returning team`.execute(tx.trx);
      const isQuiet = Object.values(digest.counts).every((count) => count === 0);
      if (rows.length === 0 || isQuiet) return;
      tx.say({
        key: `digest:${digest.team}:${week}`,
        channel: target,
        ...digestCard(digest, week, `${platform.publicUrl}${pagePath}`),
      });
      tx.audit({
        actor: systemActor,
        action: "quality.told",
        subject: digest.team,
        reason: week,
        detail: { cards: digest.cards, pages: digest.pages, counts: digest.counts },
      });
    });
  }
}
