import type { Settings } from "../../config/config.ts";
import { Secret } from "../secret.ts";
import type { ProviderSettings } from "./provider.ts";

/** Slack names itself so. Source: https://slack.com/.well-known/openid-configuration */
const slackIssuer = "https://slack.com";

/** The identity provider of the environment; undefined where none is set and a link signs in. */
export function providerSettings(settings: Settings): ProviderSettings | undefined {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: secret } = settings;
  if (issuer === undefined || clientId === undefined || secret === undefined) return undefined;
  return {
    issuer,
    clientId,
    clientSecret: new Secret(secret),
    scopes: settings.OIDC_SCOPES,
    mapping: {
      by: settings.OIDC_PERSON ?? (issuer.replace(/\/$/, "") === slackIssuer ? "slack" : "email"),
      slackTeamClaim: settings.OIDC_SLACK_TEAM_CLAIM,
      slackUserClaim: settings.OIDC_SLACK_USER_CLAIM,
      groupsClaim: settings.OIDC_GROUPS_CLAIM,
    },
  };
}
