import type { Catalog } from "../../catalog/schema.ts";
import type { IdentityProvider } from "../../platform/signin/provider.ts";
import { type Finding, failed, notProven, notSet, ok } from "./finding.ts";

const system = "Sign-in";

/** Whether people can sign in to the console. Nobody is signed in; the client is shown to the provider with a code that was never given. */
export async function checkSignIn(
  identity: IdentityProvider | undefined,
  catalog: Catalog,
  isLocal: boolean,
): Promise<Finding> {
  if (!identity)
    return isLocal
      ? ok(system, "by the local workspace's own identity provider")
      : notSet(
          system,
          "no identity provider: `/ops sign-in` gives a link that works once, and what needs a fresh sign-in cannot be approved",
          "Set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.",
        );
  const { issuer, mapping } = identity;
  const known = catalog.people.filter((person) =>
    mapping.by === "email" ? person.email !== undefined : Object.keys(person.slack).length > 0,
  ).length;
  if (known === 0)
    return failed(
      system,
      `nobody in the catalog has ${mapping.by === "email" ? "an e-mail address" : "a Slack id"}, so nobody can sign in by ${issuer}`,
      "Declare it under people.",
    );
  try {
    const { hasPkce, takesClient, code } = await identity.check();
    const saw = `${issuer} answers${hasPkce ? ", PKCE" : ""}; ${known} of ${catalog.people.length} people are known by ${mapping.by === "email" ? "verified e-mail" : "Slack id"}`;
    if (takesClient === true) return ok(system, `${saw}; it takes our client`);
    if (takesClient === false)
      return failed(
        system,
        `${issuer} does not take our client (${code})`,
        "Check OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.",
      );
    return notProven(system, `${saw}; whether it takes our client shows at the first sign-in (${code})`);
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string };
    return failed(system, message, hint ?? "Check OIDC_ISSUER.");
  }
}
