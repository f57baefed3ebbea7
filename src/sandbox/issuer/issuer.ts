/**
 * The local identity provider: the part of OpenID Connect that signing in to the console takes, for the people of the
 * local workspace. Who they are needs no password, because whoever sits at this machine may act for any of them; all
 * else is as with a real one: code, PKCE, nonce, signed ID token, single use. Sources: OpenID Connect Core 1.0,
 * Discovery 1.0; RFC 6749, 7636, 9207.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { sendPage } from "../../platform/http/server.ts";
import { readBody, sendJson } from "../workspace/http.ts";
import { picker } from "./page.ts";

/** Where the workspace answers for it. */
export const issuerPath = "/workspace/oidc";

export interface LocalPerson {
  id: string;
  realName: string;
  title: string;
  email: string;
}

export interface IssuerOptions {
  /** Its address as it names itself, without a slash at the end. */
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** The one address codes are handed to. */
  redirectUri: string;
  /** Slack team of all its people. */
  teamId: string;
  people: readonly LocalPerson[];
  now: () => Date;
  /** Tests make it lie. */
  alter?: ((claims: Record<string, unknown>) => Record<string, unknown>) | undefined;
}

/** Who sits at the browser, by the workspace's cookie. */
export interface Seat {
  userId: string;
  /** Comes back with the form in which somebody says who they are. */
  csrf: string;
}

export interface LocalIssuer {
  /** `path`: what follows the issuer's own address. */
  handle(path: string, req: IncomingMessage, res: ServerResponse, seat: Seat | undefined): Promise<void>;
}

interface Code {
  personId: string;
  nonce: string | undefined;
  challenge: string;
  authSec: number;
  expiresMs: number;
}

const codeLifeMs = 60_000;
const tokenLifeSec = 300;
const codesMax = 1_000;
const signedBy = "ES256";

export async function createLocalIssuer(options: IssuerOptions): Promise<LocalIssuer> {
  const { issuer } = options;
  const keys = await generateKeyPair(signedBy);
  const jwk: JWK = { ...(await exportJWK(keys.publicKey)), kid: "local", alg: signedBy, use: "sig" };
  const codes = new Map<string, Code>();

  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [signedBy],
    scopes_supported: ["openid", "email", "profile"],
    token_endpoint_auth_methods_supported: ["client_secret_post"],
    code_challenge_methods_supported: ["S256"],
    prompt_values_supported: ["login", "none"],
    authorization_response_iss_parameter_supported: true,
  };

  const toClient = (res: ServerResponse, answer: Record<string, string | undefined>): void => {
    const to = new URL(options.redirectUri);
    for (const [name, value] of Object.entries({ ...answer, iss: issuer }))
      if (value !== undefined) to.searchParams.set(name, value);
    res.writeHead(303, { location: to.href, "cache-control": "no-store" }).end();
  };

  const authorize = async (req: IncomingMessage, res: ServerResponse, seat: Seat | undefined) => {
    const query = new URL(req.url ?? "/", issuer).searchParams;
    const refusal = refusalOf(query, options);
    // An unknown client or address is told here: a code or an error sent there would be sent to anybody.
    if (refusal?.tellHere)
      return sendJson(res, 400, { error: refusal.error, error_description: refusal.why });
    const state = query.get("state") ?? undefined;
    if (refusal) return toClient(res, { error: refusal.error, error_description: refusal.why, state });
    const nowMs = options.now().getTime();
    let personId = seat?.userId;
    if (req.method === "POST") {
      const form = new URLSearchParams((await readBody(req)).toString("utf8"));
      if (!seat || !isSame(form.get("csrf") ?? "", seat.csrf))
        return sendJson(res, 403, { error: "access_denied", error_description: "not from this page" });
      personId = form.get("person") ?? "";
    } else if (query.get("prompt") === "login" || personId === undefined)
      return sendPage(res, 200, picker({ query, people: options.people, seat }));
    const person = options.people.find(({ id }) => id === personId);
    if (!person) return toClient(res, { error: "access_denied", state });
    const code = randomBytes(24).toString("base64url");
    codes.set(code, {
      personId: person.id,
      nonce: query.get("nonce") ?? undefined,
      challenge: query.get("code_challenge") as string,
      authSec: Math.floor(nowMs / 1_000),
      expiresMs: nowMs + codeLifeMs,
    });
    for (const [old] of codes) if (codes.size > codesMax) codes.delete(old);
    toClient(res, { code, state });
  };

  const token = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const form = new URLSearchParams((await readBody(req)).toString("utf8"));
    const field = (name: string) => form.get(name) ?? "";
    const refused = (status: number, error: string) =>
      sendJson(res, status, { error }, { pragma: "no-cache" });
    if (field("client_id") !== options.clientId || !isSame(field("client_secret"), options.clientSecret))
      return refused(401, "invalid_client");
    if (field("grant_type") !== "authorization_code") return refused(400, "unsupported_grant_type");
    const code = codes.get(field("code"));
    codes.delete(field("code"));
    const nowMs = options.now().getTime();
    if (!code || nowMs >= code.expiresMs || field("redirect_uri") !== options.redirectUri)
      return refused(400, "invalid_grant");
    if (!isSame(challengeOf(field("code_verifier")), code.challenge)) return refused(400, "invalid_grant");
    const claims = {
      ...claimsOf(options, code),
      iat: Math.floor(nowMs / 1_000),
      exp: Math.floor(nowMs / 1_000) + tokenLifeSec,
    };
    const idToken = await new SignJWT(options.alter?.(claims) ?? claims)
      .setProtectedHeader({ alg: signedBy, kid: "local" })
      .sign(keys.privateKey);
    sendJson(res, 200, {
      access_token: randomBytes(24).toString("base64url"),
      token_type: "Bearer",
      expires_in: tokenLifeSec,
      id_token: idToken,
    });
  };

  return {
    async handle(path, req, res, seat) {
      if (path === "/.well-known/openid-configuration") return sendJson(res, 200, metadata);
      if (path === "/jwks") return sendJson(res, 200, { keys: [jwk] });
      if (path === "/authorize") return authorize(req, res, seat);
      if (path === "/token" && req.method === "POST") return token(req, res);
      sendJson(res, 404, { error: "not_found" });
    },
  };
}

interface Refusal {
  error: string;
  why: string;
  tellHere: boolean;
}

function refusalOf(query: URLSearchParams, options: IssuerOptions): Refusal | undefined {
  if (query.get("client_id") !== options.clientId)
    return { error: "invalid_client", why: "there is no such client", tellHere: true };
  if (query.get("redirect_uri") !== options.redirectUri)
    return { error: "invalid_request", why: `redirect_uri must be ${options.redirectUri}`, tellHere: true };
  if (query.get("response_type") !== "code")
    return { error: "unsupported_response_type", why: "only code", tellHere: false };
  if (!query.get("scope")?.split(" ").includes("openid"))
    return { error: "invalid_scope", why: "openid is missing", tellHere: false };
  if (query.get("code_challenge_method") !== "S256" || !query.get("code_challenge"))
    return { error: "invalid_request", why: "PKCE by S256 is needed", tellHere: false };
  return undefined;
}

function claimsOf(options: IssuerOptions, { personId, nonce, authSec }: Code): Record<string, unknown> {
  const person = options.people.find(({ id }) => id === personId);
  return {
    iss: options.issuer,
    sub: personId,
    aud: options.clientId,
    auth_time: authSec,
    ...(nonce === undefined ? {} : { nonce }),
    "https://slack.com/team_id": options.teamId,
    "https://slack.com/user_id": personId,
    name: person?.realName,
    email: person?.email,
    email_verified: true,
  };
}

const challengeOf = (verifier: string): string => createHash("sha256").update(verifier).digest("base64url");

function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
