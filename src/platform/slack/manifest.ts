import { botEvents, scopes } from "./scopes.ts";

export interface ManifestOptions {
  /** Where Slack reaches us, without a slash at the end. */
  publicUrl: string;
  /** Socket Mode: Slack is called by us, no address is needed. */
  isSocketMode: boolean;
  /** Shown while somebody types `/ops`. */
  usageHint: string;
}

/** The Slack app as Slack takes it at "Create from manifest". Source: Slack docs, "App manifest reference". */
export function slackManifest({
  publicUrl,
  isSocketMode,
  usageHint,
}: ManifestOptions): Record<string, unknown> {
  const url = `${publicUrl}/slack/events`;
  const address = (name: string) => (isSocketMode ? {} : { [name]: url });
  return {
    display_information: {
      name: "Quarterdeck",
      description: "ChatOps for on-call teams",
      background_color: "#1d2c3b",
    },
    features: {
      bot_user: { display_name: "quarterdeck", always_online: true },
      slash_commands: [
        {
          command: "/ops",
          ...address("url"),
          description: "What your team does on call; try: help",
          usage_hint: usageHint,
          // Mentions arrive as ids, so that a person is never a name somebody else may take.
          should_escape: true,
        },
      ],
    },
    oauth_config: { scopes: { bot: scopes.map(({ scope }) => scope) } },
    settings: {
      event_subscriptions: { ...address("request_url"), bot_events: botEvents.map(({ event }) => event) },
      interactivity: { is_enabled: true, ...address("request_url") },
      org_deploy_enabled: false,
      socket_mode_enabled: isSocketMode,
      token_rotation_enabled: false,
    },
  };
}
