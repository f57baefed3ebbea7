/** The calls of Slack that user groups need, and what their refusals mean. Source: Slack docs, `usergroups.*`. */
import type { SlackApi } from "../../platform/slack/client.ts";
import { SlackError } from "../../platform/slack/client.ts";
import { ProviderError, RateLimited } from "../errors.ts";

export interface UsergroupApi {
  /** Throws `not_found` when there is no such group. */
  isEnabled(group: string, signal?: AbortSignal): Promise<boolean>;
  members(group: string, signal?: AbortSignal): Promise<string[]>;
  /** Replaces the whole list; Slack refuses an empty one. */
  setMembers(group: string, users: readonly string[], signal?: AbortSignal): Promise<void>;
  disable(group: string, signal?: AbortSignal): Promise<void>;
}

export interface UsergroupAddress {
  /** The instance, for messages. */
  who: string;
  slack: Pick<SlackApi, "call">;
  /** Each request ends by then, in milliseconds. */
  deadlineMs: number;
}

export function createUsergroupApi({ who, slack, deadlineMs }: UsergroupAddress): UsergroupApi {
  const call = async <T>(
    method: string,
    args: Record<string, unknown>,
    given: AbortSignal | undefined,
  ): Promise<T> => {
    const deadline = AbortSignal.timeout(deadlineMs);
    const signal = given === undefined ? deadline : AbortSignal.any([deadline, given]);
    const late = new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(timedOut(who, method)), { once: true });
    });
    try {
      return await Promise.race([slack.call<T>(method, args), late]);
    } catch (error) {
      throw error instanceof SlackError ? refusalOf(who, error) : error;
    }
  };
  return {
    async isEnabled(group, signal) {
      const { usergroups } = await call<{ usergroups: { id: string; date_delete?: number }[] }>(
        "usergroups.list",
        { include_disabled: true },
        signal,
      );
      const found = usergroups.find(({ id }) => id === group);
      if (found === undefined)
        throw new ProviderError("not_found", `${who} has no user group ${group}`, hints.no_such_subteam.hint);
      return (found.date_delete ?? 0) === 0;
    },
    members: async (group, signal) => {
      const args = { usergroup: group, include_disabled: true };
      return (await call<{ users: string[] }>("usergroups.users.list", args, signal)).users;
    },
    setMembers: async (group, users, signal) => {
      await call("usergroups.users.update", { usergroup: group, users: users.join(",") }, signal);
    },
    disable: async (group, signal) => {
      await call("usergroups.disable", { usergroup: group }, signal);
    },
  };
}

const timedOut = (who: string, method: string): ProviderError =>
  new ProviderError(
    "timeout",
    `${who} did not answer ${method} in time`,
    "It may have been done; it is looked for before it is asked again.",
  );

const adminsOnly = {
  code: "unauthorised",
  hint: "The workspace lets admins alone change user groups: allow everyone (Settings, Permissions, User groups), or name a user token of an admin by tokenEnv",
} as const;
const paid = { code: "rejected", hint: "User groups need a paid plan of Slack." } as const;
const guest = {
  code: "rejected",
  hint: "A guest of one channel, or who left, cannot be in a user group; take them out of the group by hand.",
} as const;

const hints = {
  permission_denied: adminsOnly,
  restricted_action: adminsOnly,
  not_allowed_token_type: adminsOnly,
  missing_scope: {
    code: "unauthorised",
    hint: "Update the app from `quarterdeck manifest`, then install it again: usergroups:read and usergroups:write.",
  },
  no_such_subteam: {
    code: "not_found",
    hint: "Check usergroup in the role's terms: the S… id of its workspace.",
  },
  plan_upgrade_required: paid,
  paid_teams_only: paid,
  invalid_users: guest,
  user_is_ultra_restricted: guest,
  unknown_method: {
    code: "rejected",
    hint: "This workspace cannot do that with user groups; do it by hand.",
  },
} as const satisfies Record<string, { code: "unauthorised" | "rejected" | "not_found"; hint: string }>;

function refusalOf(who: string, { method, trouble }: SlackError): ProviderError {
  if (trouble.kind === "rate_limited")
    return new RateLimited(
      `${who} asks to come back later (${method})`,
      "It is asked again by itself.",
      trouble.retryAfterSec * 1_000,
    );
  const message = `${who} refused ${method}: ${trouble.code}`;
  if (trouble.kind === "unreachable")
    return new ProviderError("unreachable", message, "It is asked again by itself.");
  if (trouble.kind === "rejected")
    return new ProviderError("unauthorised", message, "Check the bot token: quarterdeck doctor.");
  const known = Object.hasOwn(hints, trouble.code) ? hints[trouble.code as keyof typeof hints] : undefined;
  return new ProviderError(known?.code ?? "rejected", message, known?.hint ?? "The code names the cause.");
}
