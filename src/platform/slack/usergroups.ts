import type { UsergroupMembers } from "../authz.ts";
import type { Clock } from "../clock.ts";
import type { SlackApi } from "./client.ts";
import type { GroupRead } from "./group-changes.ts";

const trustMs = 60_000;

/** Members of user groups, remembered a minute; asked afresh, it fails when Slack cannot say. `seen` hears of each read. */
export function createUsergroups(
  slack: SlackApi,
  clock: Clock,
  seen: (read: GroupRead) => void,
): UsergroupMembers {
  const remembered = new Map<string, { until: number; users: readonly string[] }>();
  return async (team, group, { isFresh }) => {
    const key = `${team}:${group}`;
    const known = remembered.get(key);
    const readAt = clock.now();
    const now = readAt.getTime();
    if (known && !isFresh && known.until > now) return known.users;
    try {
      const { users } = await slack.call<{ users: string[] }>("usergroups.users.list", { usergroup: group });
      remembered.set(key, { until: now + trustMs, users });
      seen({ team, group, users, readAt });
      return users;
    } catch (error) {
      if (isFresh) throw error;
      return known?.users ?? [];
    }
  };
}
