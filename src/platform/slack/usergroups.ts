import type { UsergroupMembers } from "../authz.ts";
import type { Clock } from "../clock.ts";
import type { SlackApi } from "./client.ts";

const trustMs = 60_000;

/** Members of user groups, remembered a minute; asked afresh, it fails when Slack cannot say. */
export function createUsergroups(slack: SlackApi, clock: Clock): UsergroupMembers {
  const remembered = new Map<string, { until: number; users: readonly string[] }>();
  return async (team, group, { isFresh }) => {
    const key = `${team}:${group}`;
    const known = remembered.get(key);
    const now = clock.now().getTime();
    if (known && !isFresh && known.until > now) return known.users;
    try {
      const { users } = await slack.call<{ users: string[] }>("usergroups.users.list", { usergroup: group });
      remembered.set(key, { until: now + trustMs, users });
      return users;
    } catch (error) {
      if (isFresh) throw error;
      return known?.users ?? [];
    }
  };
}
