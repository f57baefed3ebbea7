import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import type { Catalog } from "../../catalog/schema.ts";
import type { Decision, Refusal } from "../refusal.ts";
import { allow, refusalText, refuse } from "../refusal.ts";
import type { SecretBox } from "../secretbox.ts";
import { cookiesOf, homePath, localPath, type Sessions } from "../sessions.ts";
import { personOfClaims } from "../signin/person.ts";
import {
  type IdentityProvider,
  type Pending,
  ProviderUnreachable,
  pendingLifeMs,
} from "../signin/provider.ts";
import { type Limits, sendTooMany } from "./limits.ts";
import { escapeHtml, page } from "./page.ts";
import { type Handle, redirect, sendPage } from "./server.ts";

interface Parts {
  sessions: Sessions;
  /** Undefined where none is set: then a single-use link signs in. */
  identity: IdentityProvider | undefined;
  box: SecretBox;
  catalog: () => Catalog;
  /** Where people reach us, without a slash at the end. */
  publicUrl: string;
  limits: Limits;
  now: () => Date;
}

/**
 * `/sign-in` leads to the identity provider, which leads back to `/sign-in/callback`. What must be the same on both ways
 * is in a sealed cookie of this browser, so that nobody is signed in by an answer to somebody else's question, and
 * nothing is kept here of people who never come back.
 */
export function signInHandler(parts: Parts): Handle {
  return async (req, res, url) => {
    if (!/^\/sign-in(\/|$)/.test(url.pathname)) return false;
    const address = parts.limits.addressOf(req);
    const waitSec = parts.limits.look("failure", address) ?? parts.limits.take("stranger", address);
    if (waitSec !== undefined) {
      req.resume();
      sendTooMany(res, waitSec, "page");
      return true;
    }
    const token = url.searchParams.get("token");
    if (url.pathname === "/sign-in/done") res.writeHead(204, { "cache-control": "no-store" }).end();
    else if (url.pathname === "/sign-in/callback") await comeBack(parts, req, res, url);
    else if (url.pathname !== "/sign-in") return false;
    else if (token !== null) await byLink(parts, token, req, res);
    else await goThere(parts, req, res, url);
    return true;
  };
}

async function goThere(parts: Parts, req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
  const { identity } = parts;
  const isFresh = url.searchParams.get("fresh") === "1";
  if (!identity) {
    if (!isFresh) return sendPage(res, 200, signInFirst(undefined));
    const body =
      "<p>This is confirmed at an identity provider, and none is set. A platform engineer sets <code>OIDC_ISSUER</code>, <code>OIDC_CLIENT_ID</code> and <code>OIDC_CLIENT_SECRET</code>.</p>";
    return sendPage(res, 501, page("No identity provider is set", body));
  }
  const own = new URL(parts.publicUrl);
  // Cookies are by name of the host: who came by the other name of this machine goes on by ours.
  if (own.hostname === "127.0.0.1" && req.headers.host === `localhost:${own.port}`)
    return redirect(res, own.origin + url.pathname + url.search);
  const hint = url.searchParams.get("hint") ?? "";
  try {
    const begun = await identity.begin({
      next: localPath(url.searchParams.get("next") ?? homePath),
      isFresh,
      hint: /^[\w.@+-]{1,100}$/.test(hint) ? hint : undefined,
      now: parts.now(),
    });
    res.appendHeader("set-cookie", remember(parts, begun.pending));
    redirect(res, begun.url.href);
  } catch (error) {
    if (!(error instanceof ProviderUnreachable)) throw error;
    sendPage(res, 503, away(error));
  }
}

async function comeBack(parts: Parts, req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
  const pending = remembered(parts, req);
  try {
    const decided = await signIn(parts, pending, req, res, url);
    // Kept only where it may still be needed: another sign-in of this browser may be on its way.
    if (decided.ok || decided.refusal.rule !== "sign-in-begun-here")
      res.appendHeader("set-cookie", cookie(parts, "", 0));
    if (decided.ok) redirect(res, localPath(decided.value.next));
    else {
      // Any page can send a browser here without a cookie of ours: that is no guess, and costs nobody the sign-in.
      if (decided.refusal.rule !== "sign-in-begun-here")
        parts.limits.take("failure", parts.limits.addressOf(req));
      sendPage(res, statusOf[decided.refusal.rule] ?? 403, notSignedIn(decided.refusal, pending));
    }
  } catch (error) {
    if (!(error instanceof ProviderUnreachable)) throw error;
    sendPage(res, 503, away(error));
  }
}

const statusOf: Readonly<Record<string, number>> = { "sign-in-begun-here": 400, "sign-in-once": 400 };

async function signIn(
  parts: Parts,
  pending: Pending | undefined,
  req: IncomingMessage,
  res: ServerResponse,
  url: URL,
): Promise<Decision<{ next: string }>> {
  const { identity, sessions } = parts;
  if (!identity || !pending || url.searchParams.get("state") !== pending.state)
    return refuse({
      rule: "sign-in-begun-here",
      message:
        "This sign-in was not begun in this browser, was begun again since, or took longer than ten minutes.",
      hint: "Start again.",
    });
  const proof = await identity.finish(url.search, pending);
  if (!proof.ok) return proof;
  const found = personOfClaims(parts.catalog(), proof.value.claims, identity.mapping);
  if (!found.ok) return found;
  const { groups, ...person } = found.value;
  const confirmedAt = notAhead(proof.value.authenticatedAt, parts.now());
  const isNew = await sessions.begin(res, person, {
    by: "oidc",
    confirmedAt,
    groups,
    once: pending.state,
    req,
  });
  return isNew
    ? allow({ next: pending.next })
    : refuse({ rule: "sign-in-once", message: "This sign-in was used before.", hint: "Start again." });
}

/** A provider whose clock is ahead makes no proof last longer. */
const notAhead = (at: Date | undefined, now: Date): Date | undefined => (at && at > now ? now : at);

const cookieName = (parts: Parts): string =>
  parts.publicUrl.startsWith("https:") ? "__Host-qd_sign_in" : "qd_sign_in";

/** Lax, because the way back comes from the provider's site. */
const cookie = (parts: Parts, value: string, maxAgeSec: number): string =>
  `${cookieName(parts)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSec}${parts.publicUrl.startsWith("https:") ? "; Secure" : ""}`;

const sealedAs = "sign-in";
const pendingSchema = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  next: z.string(),
  isFresh: z.boolean(),
  beganMs: z.number(),
});

const remember = (parts: Parts, pending: Pending): string =>
  cookie(
    parts,
    parts.box.seal(sealedAs, JSON.stringify(pending)).toString("base64url"),
    pendingLifeMs / 1_000,
  );

function remembered(parts: Parts, req: IncomingMessage): Pending | undefined {
  const sealed = cookiesOf(req)[cookieName(parts)];
  if (!sealed) return undefined;
  let pending: Pending;
  try {
    pending = pendingSchema.parse(JSON.parse(parts.box.open(sealedAs, Buffer.from(sealed, "base64url"))));
  } catch {
    // Not sealed by us: as good as none.
    return undefined;
  }
  return parts.now().getTime() - pending.beganMs < pendingLifeMs ? pending : undefined;
}

/** What somebody reads who is not signed in. `path`: where they were going, where a provider signs in. */
export function signInFirst(path: string | undefined): string {
  const byProvider = `<p><a class="button" href="/sign-in?next=${encodeURIComponent(path ?? homePath)}">Sign in</a></p>`;
  const byLink = "<p>Type <code>/ops sign-in</code> in Slack and follow the link it gives you.</p>";
  return page("Sign in first", path === undefined ? byLink : byProvider);
}

function notSignedIn(refusal: Refusal, pending: Pending | undefined): string {
  const again = pending?.isFresh ? `/sign-in?fresh=1&next=${encodeURIComponent(pending.next)}` : "/sign-in";
  return page(
    "You are not signed in",
    `<p>${escapeHtml(refusalText(refusal))}</p><p><a class="button" href="${escapeHtml(again)}">Start again</a></p>`,
  );
}

const away = (error: ProviderUnreachable): string =>
  page(
    "The identity provider does not answer",
    `<p>${escapeHtml(error.message)}.</p><p>Nobody can sign in until it does; who is signed in stays so. In Slack and by <code>quarterdeck ops</code> all goes on. For a platform engineer: ${escapeHtml(error.hint)}</p>`,
  );

/** GET shows a button and uses nothing up, so that link previews take nothing; POST signs in. */
async function byLink(
  { sessions, limits, publicUrl }: Parts,
  token: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  if (req.method !== "POST")
    return sendPage(
      res,
      200,
      page(
        "Sign in to Quarterdeck",
        `<form method="post" action="/sign-in?token=${encodeURIComponent(token)}"><button class="primary">Sign in</button></form><p>The link works once, for two minutes.</p>`,
      ),
    );
  req.resume();
  // A page of another site would have people act in the session of whoever made it; programs name no origin.
  const { origin, host } = req.headers;
  if (origin !== undefined && origin !== new URL(publicUrl).origin && origin !== `http://${host}`)
    return sendPage(
      res,
      403,
      page(
        "You are not signed in",
        "<p>Another site sent you here. Open the link that Quarterdeck gave you, and press there.</p>",
      ),
    );
  const used = await sessions.useLink(token, req, res);
  if (used) return redirect(res, localPath(used.next));
  limits.take("failure", limits.addressOf(req));
  const body =
    "<p>A sign-in link works once, for two minutes. Ask for a new one: <code>/ops sign-in</code>.</p>";
  sendPage(res, 410, page("This link is used up", body));
}
