import { randomBytes } from "node:crypto";
import { Secret } from "../../platform/secret.ts";
import type { ProviderSettings } from "../../platform/signin/provider.ts";
import { localPeople, localTeam } from "../people.ts";
import { createLocalIssuer, type IssuerOptions, issuerPath, type LocalIssuer } from "./issuer.ts";

/** The local workspace's identity provider, and what Quarterdeck must know of it to sign people in there. */
export async function localSignIn(
  publicUrl: string,
  now: () => Date,
  alter?: IssuerOptions["alter"],
): Promise<{ issuer: LocalIssuer; provider: ProviderSettings }> {
  const url = publicUrl + issuerPath;
  const clientId = "quarterdeck";
  // Known to this process alone, and another one at each start.
  const clientSecret = randomBytes(24).toString("base64url");
  const issuer = await createLocalIssuer({
    issuer: url,
    clientId,
    clientSecret,
    redirectUri: `${publicUrl}/sign-in/callback`,
    teamId: localTeam,
    people: localPeople.users
      .filter(({ actAs }) => actAs)
      .map(({ id, realName, title, email }) => ({ id, realName, title, email })),
    now,
    alter,
  });
  return {
    issuer,
    provider: {
      issuer: url,
      clientId,
      clientSecret: new Secret(clientSecret),
      scopes: "openid email",
      mapping: {
        by: "slack",
        slackTeamClaim: "https://slack.com/team_id",
        slackUserClaim: "https://slack.com/user_id",
        groupsClaim: "groups",
      },
    },
  };
}
