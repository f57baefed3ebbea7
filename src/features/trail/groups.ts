/** Tells a team's leads that its Slack user group has other people than it had. */
import { slackIdOf } from "../../catalog/lookup.ts";
import { auditUrl } from "../../platform/audit/link.ts";
import { type Block, card, dateToken, escapeText, mention } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";

interface Change {
  team: string;
  usergroup: string;
  added: readonly string[];
  removed: readonly string[];
  at: Date;
}

const peopleShown = 20;

const peopleText = (people: readonly string[]): string =>
  people.length === 0
    ? "nobody"
    : [
        ...people.slice(0, peopleShown).map(mention),
        ...(people.length > peopleShown ? [`${people.length - peopleShown} more`] : []),
      ].join(", ");

export function groupCard(
  change: Change,
  teamNames: readonly string[],
  publicUrl: string,
): { text: string; blocks: Block[] } {
  const { usergroup, added, removed, at } = change;
  const teams = teamNames.map((name) => escapeText(name)).join(" and ");
  return card({
    mark: added.length > 0 ? "🟠" : "⚪",
    headline: `${teams} · user group changed in Slack: ${added.length} added, ${removed.length} removed`,
    context: [`group ${escapeText(usergroup)}`, `seen ${dateToken(at, "date_time")}`],
    auditUrl: auditUrl(publicUrl, usergroup),
    facts: [
      ["Added", peopleText(added)],
      ["Removed", peopleText(removed)],
    ],
    last:
      added.length > 0
        ? `Who was added may what members of ${teams} may. If that is wrong, take them out of the group in Slack: it counts within a minute, for approvals at once.`
        : undefined,
  });
}

export async function tellGroupChange(
  platform: Pick<Platform, "database" | "catalogs" | "publicUrl" | "slackTeam">,
  id: string,
): Promise<void> {
  const catalog = platform.catalogs.current();
  await platform.database.tx(async (tx) => {
    const change = await tx.trx
      .selectFrom("usergroup_changes")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    if (!change) return;
    const byChannel = new Map<string, string[]>();
    for (const { name, slackUsergroup, leadsChannel } of catalog.teams) {
      if (slackUsergroup?.[change.team] !== change.usergroup) continue;
      const declared = catalog.channels.find((channel) => channel.name === leadsChannel);
      const channel = declared && slackIdOf(declared, platform.slackTeam());
      if (channel !== undefined) byChannel.set(channel, [...(byChannel.get(channel) ?? []), name]);
    }
    for (const [channel, names] of byChannel)
      tx.say({
        key: `group:${id}:${channel}`,
        channel,
        ...groupCard(change, names, platform.publicUrl),
      });
  });
}

/** Reads every group that the catalog names, so that a change is seen though nobody asks for anything. */
export async function readGroups(platform: Pick<Platform, "catalogs" | "usergroups">): Promise<void> {
  if (platform.catalogs.digest() === "none") return;
  const groups = new Map(
    platform.catalogs
      .current()
      .teams.flatMap(({ slackUsergroup = {} }) =>
        Object.entries(slackUsergroup).map(([team, group]) => [`${team}:${group}`, { team, group }] as const),
      ),
  );
  for (const { team, group } of groups.values()) await platform.usergroups(team, group, { isFresh: false });
}
