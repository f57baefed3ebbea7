import type { Catalog } from "../../catalog/schema.ts";
import type { Settings } from "../../config/config.ts";
import { type SlackApi, SlackError } from "../../platform/slack/client.ts";
import { scopes } from "../../platform/slack/scopes.ts";
import { reasonOf } from "../world.ts";
import { type Finding, failed, notProven, ok } from "./finding.ts";

interface Parts {
  slack: SlackApi;
  settings: Settings;
  catalog: Catalog | undefined;
  /** The local workspace of `start` instead of real Slack. */
  isLocal: boolean;
}

interface AuthTest {
  team: string;
  team_id: string;
  user: string;
  response_metadata?: { scopes?: string[] };
}

const tokenCures: Record<string, string> = {
  invalid_auth: "Copy the bot token (xoxb-…) again from your Slack app, OAuth & Permissions.",
  not_authed: "Set SLACK_BOT_TOKEN.",
  account_inactive: "The app was removed from the workspace: install it again and copy the new token.",
  token_revoked: "The token was revoked: install the app again and copy the new one.",
};

export async function checkSlack(parts: Parts): Promise<Finding[]> {
  const { slack, catalog } = parts;
  let who: AuthTest;
  try {
    who = await slack.call<AuthTest & Record<string, unknown>>("auth.test", {});
  } catch (error) {
    const code = codeOf(error);
    return [
      failed(
        "Slack token",
        `Slack says ${code}`,
        tokenCures[code] ?? "Check the network to slack.com; meanwhile cards are late, nothing is lost.",
      ),
    ];
  }
  return [
    ok("Slack token", `${who.user} in ${who.team} (${who.team_id})`),
    ...(catalog ? [servedTeam(catalog, who)] : []),
    scopesOf(parts, who.response_metadata?.scopes),
    secretSet(parts),
    ...(catalog ? await channelsOf(slack, catalog, who.team_id) : []),
    ...(catalog ? await groupsOf(slack, catalog, who.team_id) : []),
  ];
}

const codeOf = (error: unknown): string =>
  error instanceof SlackError && "code" in error.trouble ? error.trouble.code : reasonOf(error);

function servedTeam(catalog: Catalog, who: AuthTest): Finding {
  const { slackTeams } = catalog.organisation;
  return slackTeams.includes(who.team_id)
    ? ok("Slack workspace", `${who.team_id} is in the catalog`)
    : failed(
        "Slack workspace",
        `the token is of ${who.team_id}, the catalog serves ${slackTeams.join(", ")}`,
        "Put the workspace's id into organisation.slackTeams, or use the token of a workspace that is there.",
      );
}

function scopesOf({ isLocal }: Parts, given: readonly string[] | undefined): Finding {
  if (given === undefined || isLocal)
    return notProven(
      "Slack scopes",
      isLocal ? "the local workspace has none" : "Slack did not say which ones the token has",
    );
  const missing = scopes.filter(({ scope }) => !given.includes(scope));
  const more = given.filter((scope) => !scopes.some((known) => known.scope === scope));
  if (missing.length > 0)
    return failed(
      "Slack scopes",
      `missing: ${missing.map(({ scope, why }) => `${scope} (${why.replace(/\.$/, "")})`).join("; ")}`,
      "Update the app from `quarterdeck manifest` (App Manifest), then install it again.",
    );
  return ok(
    "Slack scopes",
    `all ${scopes.length}${more.length > 0 ? `; not needed: ${more.join(", ")}` : ""}`,
  );
}

function secretSet({ settings, isLocal }: Parts): Finding {
  if (isLocal) return ok("Slack signing", "the local workspace signs with a secret of its own");
  if (settings.SLACK_APP_TOKEN)
    return ok("Slack signing", "Socket Mode (SLACK_APP_TOKEN): Quarterdeck calls Slack");
  if (settings.SLACK_SIGNING_SECRET)
    return notProven(
      "Slack signing",
      "SLACK_SIGNING_SECRET is set; only a press shows that it is the right one",
    );
  return failed(
    "Slack signing",
    "SLACK_SIGNING_SECRET is not set",
    "It stands under Basic Information of your Slack app. With SLACK_APP_TOKEN (Socket Mode) it is not needed.",
  );
}

async function channelsOf(slack: SlackApi, catalog: Catalog, team: string): Promise<Finding[]> {
  const found = await Promise.all(
    catalog.channels.map(async (channel): Promise<Finding> => {
      const system = `Channel ${channel.name}`;
      const id = channel.slack[team];
      if (!id)
        return failed(system, `has no id in ${team}`, `Add slack: { ${team}: C… } to it in the catalog.`);
      try {
        const { channel: there } = await slack.call<{
          channel: { name?: string; is_member?: boolean; is_archived?: boolean };
        }>("conversations.info", { channel: id });
        if (there.is_archived)
          return failed(system, `${id} is archived`, "Name another channel in the catalog.");
        if (there.is_member === false)
          return failed(system, `the bot is not in #${there.name}`, `There: /invite @quarterdeck`);
        return ok(system, `#${there.name}, the bot is in it`);
      } catch (error) {
        const code = codeOf(error);
        return failed(
          system,
          `${id}: Slack says ${code}`,
          code === "channel_not_found"
            ? "Check the id in the catalog; in a private channel, invite the bot first: /invite @quarterdeck"
            : "Check the scopes above.",
        );
      }
    }),
  );
  return inOneLine("Channels", found);
}

async function groupsOf(slack: SlackApi, catalog: Catalog, team: string): Promise<Finding[]> {
  const found = await Promise.all(
    catalog.teams.flatMap(({ name, slackUsergroup }) => {
      const group = slackUsergroup?.[team];
      if (!group) return [];
      const system = `User group of ${name}`;
      return [
        slack.call<{ users: string[] }>("usergroups.users.list", { usergroup: group }).then(
          ({ users }): Finding => ok(system, `${group}, ${users.length} members`),
          (error: unknown): Finding =>
            failed(system, `${group}: Slack says ${codeOf(error)}`, "Check the group's id in the catalog."),
        ),
      ];
    }),
  );
  return inOneLine("User groups", found);
}

/** What is well is one line; what is not, one line each. */
function inOneLine(system: string, found: readonly Finding[]): Finding[] {
  const bad = found.filter(({ state }) => state !== "ok");
  const good = found.length - bad.length;
  return [...(good > 0 ? [ok(system, `${good} of ${found.length} well`)] : []), ...bad];
}
