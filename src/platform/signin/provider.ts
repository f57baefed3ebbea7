import type { Configuration } from "openid-client";
import type { Log } from "../log.ts";
import { allow, type Decision, refuse } from "../refusal.ts";
import type { Secret } from "../secret.ts";
import type { Claims, PersonMapping } from "./person.ts";

export interface ProviderSettings {
  issuer: string;
  clientId: string;
  clientSecret: Secret<string>;
  scopes: string;
  mapping: PersonMapping;
}

/** What must be remembered, in this browser alone, between the way to the provider and the way back. */
export interface Pending {
  state: string;
  nonce: string;
  verifier: string;
  next: string;
  isFresh: boolean;
  /** Milliseconds since 1970 when it began. */
  beganMs: number;
}

export interface Proof {
  claims: Claims;
  /** When the person proved to the provider who they are, by its word. */
  authenticatedAt: Date | undefined;
}

interface ClientCheck {
  hasPkce: boolean;
  /** Undefined: its answer does not tell. */
  takesClient: boolean | undefined;
  /** In the provider's word. */
  code: string;
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly mapping: PersonMapping;
  /** Where the browser goes, and what to remember. `hint`: whom the provider may offer first. */
  begin(asked: { next: string; isFresh: boolean; hint?: string | undefined; now: Date }): Promise<{
    url: URL;
    pending: Pending;
  }>;
  /** Trades the code for a proof; `search` is the query the browser came back with. */
  finish(search: string, pending: Pending): Promise<Decision<Proof>>;
  /** Reads what the provider says of itself and shows it our client. Throws {@link ProviderUnreachable}. */
  check(): Promise<ClientCheck>;
}

/** Seconds the provider's clock may differ from ours. */
export const skewSec = 30;
/** The way to the provider and back takes no longer than this. */
export const pendingLifeMs = 10 * 60_000;
const callTimeoutSec = 10;
/** Keys and addresses are read anew after this; a key not known yet is looked for at once. */
const discoveredLifeMs = 3_600_000;

export class ProviderUnreachable extends Error {
  readonly code = "identity_provider_unreachable";
  readonly hint: string;
  constructor(issuer: string, cause: unknown) {
    const why = cause instanceof Error ? deepest(cause).message : String(cause);
    super(`The identity provider ${issuer} cannot be asked: ${why}`, { cause });
    this.hint = `OIDC_ISSUER must be its address as it writes it itself, and ${issuer.replace(/\/$/, "")}/.well-known/openid-configuration must answer here.`;
  }
}

const deepest = (error: Error): Error => (error.cause instanceof Error ? deepest(error.cause) : error);

/**
 * Authorization code with PKCE, state and nonce. Source: OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9700.
 * The ID token's signature is checked although it comes by TLS from the provider itself.
 */
export function createIdentityProvider(
  settings: ProviderSettings,
  parts: { redirectUri: string; log: Log; now: () => Date },
): IdentityProvider {
  let known: { configuration: Promise<Configuration>; readAtMs: number } | undefined;

  const read = async (): Promise<Configuration> => {
    const client = await import("openid-client");
    const issuer = new URL(settings.issuer);
    const secret = settings.clientSecret.reveal();
    try {
      return await client.discovery(
        issuer,
        settings.clientId,
        { client_secret: secret, [client.clockTolerance]: skewSec },
        // A provider that lists no ways takes HTTP Basic. Source: OpenID Connect Discovery 1.0, section 3.
        (server, ...rest) =>
          (server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"]).includes(
            "client_secret_basic",
          )
            ? client.ClientSecretBasic(secret)(server, ...rest)
            : client.ClientSecretPost(secret)(server, ...rest),
        {
          timeout: callTimeoutSec,
          execute: [
            client.enableNonRepudiationChecks,
            ...(isLoopback(issuer) ? [client.allowInsecureRequests] : []),
          ],
        },
      );
    } catch (error) {
      throw new ProviderUnreachable(settings.issuer, error);
    }
  };

  const configuration = (): Promise<Configuration> => {
    const nowMs = parts.now().getTime();
    if (known && nowMs - known.readAtMs < discoveredLifeMs) return known.configuration;
    const made = { configuration: read(), readAtMs: nowMs };
    known = made;
    made.configuration.catch(() => {
      if (known === made) known = undefined;
    });
    return made.configuration;
  };

  return {
    issuer: settings.issuer,
    mapping: settings.mapping,
    async begin({ next, isFresh, hint, now }) {
      const client = await import("openid-client");
      const at = await configuration();
      const verifier = client.randomPKCECodeVerifier();
      const pending: Pending = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier,
        next,
        isFresh,
        beganMs: now.getTime(),
      };
      const url = client.buildAuthorizationUrl(at, {
        redirect_uri: parts.redirectUri,
        scope: settings.scopes,
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        ...(isFresh ? { prompt: "login", max_age: "0" } : {}),
        ...(hint === undefined ? {} : { login_hint: hint }),
      });
      return { url, pending };
    },
    async finish(search, pending) {
      const client = await import("openid-client");
      const at = await configuration();
      try {
        const tokens = await client.authorizationCodeGrant(at, new URL(parts.redirectUri + search), {
          pkceCodeVerifier: pending.verifier,
          expectedState: pending.state,
          expectedNonce: pending.nonce,
          idTokenExpected: true,
          // With max_age the provider must say when it asked the person; how long ago is judged below.
          ...(pending.isFresh ? { maxAge: pendingLifeMs / 1_000 } : {}),
        });
        const claims: Claims = { ...tokens.claims() };
        const authSec = claims.auth_time;
        return provenSince(pending, {
          claims,
          authenticatedAt: typeof authSec === "number" ? new Date(authSec * 1_000) : undefined,
        });
      } catch (error) {
        parts.log.warn({ err: error, issuer: settings.issuer }, "a sign-in could not be finished");
        if (error instanceof client.AuthorizationResponseError) return notSignedIn(error.error);
        if (error instanceof client.ResponseBodyError) return notTraded(error.error);
        if (error instanceof client.ClientError && error.code !== undefined && !unreachable.has(error.code))
          return notTrusted(error.code);
        throw new ProviderUnreachable(settings.issuer, error);
      }
    },
    async check() {
      const client = await import("openid-client");
      const at = await configuration();
      const hasPkce = at.serverMetadata().supportsPKCE();
      try {
        const never = { code: "never-given", redirect_uri: parts.redirectUri, code_verifier: "0".repeat(43) };
        await client.genericGrantRequest(at, "authorization_code", never);
        return { hasPkce, takesClient: undefined, code: "it took a code it never gave" };
      } catch (error) {
        // Slack says no with 200 and no token in it.
        if (error instanceof client.ClientError && error.code !== undefined && !unreachable.has(error.code))
          return { hasPkce, takesClient: undefined, code: plainCode(error.code) };
        if (!(error instanceof client.ResponseBodyError))
          throw new ProviderUnreachable(settings.issuer, error);
        const takesClient = refusedClient.has(error.error)
          ? false
          : refusedCode.has(error.error) || undefined;
        return { hasPkce, takesClient, code: plainCode(error.error) };
      }
    },
  };
}

/** Source: RFC 6749, section 5.2. */
const refusedClient = new Set(["invalid_client", "unauthorized_client"]);
const refusedCode = new Set(["invalid_grant"]);

const unreachable = new Set(["OAUTH_TIMEOUT", "OAUTH_ABORT"]);

const isLoopback = ({ protocol, hostname }: URL): boolean =>
  protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(hostname);

/** A fresh sign-in counts only when the provider asked the person after it began. */
function provenSince(pending: Pending, proof: Proof): Decision<Proof> {
  const earliestMs = pending.beganMs - skewSec * 1_000;
  if (!pending.isFresh || (proof.authenticatedAt && proof.authenticatedAt.getTime() >= earliestMs))
    return allow(proof);
  return refuse({
    rule: "fresh-sign-in",
    message: "The identity provider did not ask you again who you are.",
    hint: "It must take prompt=login and max_age=0 and say when in auth_time. Try again; if it stays so, tell a platform engineer.",
  });
}

const notSignedIn = (error: string): Decision<never> =>
  refuse({
    rule: "signed-in-at-provider",
    message: `The identity provider did not sign you in (${plainCode(error)}).`,
    hint: "Start again; your provider's administrator can say why.",
  });

const notTraded = (error: string): Decision<never> =>
  refuse({
    rule: "sign-in-trusted",
    message: `The identity provider did not take what it had given (${plainCode(error)}).`,
    hint: refusedClient.has(error)
      ? "A platform engineer checks OIDC_CLIENT_ID and OIDC_CLIENT_SECRET."
      : "A sign-in works once. Start again.",
  });

const notTrusted = (code: string): Decision<never> =>
  refuse({
    rule: "sign-in-trusted",
    message: `What the identity provider answered cannot be trusted (${plainCode(code)}), so nobody was signed in.`,
    hint: "Start again; if it stays so, a platform engineer finds the reason in the log.",
  });

/** Codes come from outside. */
const plainCode = (code: string): string => code.replace(/[^\w.-]/g, "").slice(0, 60) || "no reason given";
