/**
 * Who may talk to the workspace. It can grant real access, so: only this machine, only under this machine's
 * name, and only from its own page or from a program that holds the token.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export interface Knock {
  remoteAddress: string | undefined;
  host: string | undefined;
  method: string;
  origin: string | undefined;
  /** Sec-Fetch-Site: browsers say where a request comes from; programs say nothing. */
  fetchSite: string | undefined;
  /** A proxy says that it passes this on for somebody; one that says nothing cannot be told. */
  isForwarded: boolean;
}

/** Whether a proxy's header stands on a request. Sources: RFC 7239; RFC 9110, section 7.6.3. */
export const isForwarded = (headers: IncomingHttpHeaders): boolean =>
  ["x-forwarded-for", "forwarded", "x-real-ip", "via"].some((name) => headers[name] !== undefined);

/** Why this request is turned away, or undefined when it may come in. */
export function guardRefusal(knock: Knock): string | undefined {
  if (!isLoopbackAddress(knock.remoteAddress)) return "the local workspace answers this machine only";
  if (knock.isForwarded) return "the local workspace answers this machine only, and nobody through a proxy";
  if (!isLoopbackHost(knock.host)) return "Host must be localhost, 127.0.0.1 or [::1]";
  if (isSafe(knock.method)) return undefined;
  if (knock.origin !== undefined && knock.origin !== `http://${knock.host}`) {
    return "Origin is not the workspace's own";
  }
  const site = knock.fetchSite;
  if (site !== undefined && site !== "same-origin") return "sent by another site";
  return undefined;
}

/** The workspace stands in for Slack on one machine; anywhere else it would be an open door. */
export function workspaceRefusal(role: string, hasSlackToken: boolean): string | undefined {
  if (role !== "start" && role !== "demo")
    return `the local workspace does not run in ${role}: give a Slack token`;
  if (hasSlackToken)
    return "a Slack token is set, so people talk through Slack; unset it for the local workspace";
  return undefined;
}

export function isSafe(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false;
  const v4 = address.startsWith("::ffff:") ? address.slice(7) : address;
  return v4 === "::1" || /^127(?:\.\d{1,3}){3}$/.test(v4);
}

function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/.test(host);
}

export const sessionCookie = "quarterdeck_workspace";

/** Signs who a browser acts as, so that a restart forgets nobody. The key is derived, never the secret itself. */
export class Sessions {
  readonly #key: Buffer;

  constructor(secret: string) {
    this.#key = createHmac("sha256", secret).update("quarterdeck local workspace session").digest();
  }

  /** Cookie value for acting as this person. */
  issue(userId: string): string {
    const body = `${userId}.${randomBytes(12).toString("base64url")}`;
    return `${body}.${this.#mac("cookie", body)}`;
  }

  /** The acting person, or undefined for a cookie that is missing, forged or of someone unknown. */
  read(cookieHeader: string | undefined): { userId: string; value: string } | undefined {
    const value = cookieValue(cookieHeader, sessionCookie);
    const [userId, nonce, mac] = (value ?? "").split(".");
    if (!value || !userId || !nonce || !mac) return undefined;
    return isSame(mac, this.#mac("cookie", `${userId}.${nonce}`)) ? { userId, value } : undefined;
  }

  /** The token that has to come with every unsafe request of this session. */
  csrfToken(value: string): string {
    return this.#mac("csrf", value);
  }

  isCsrfToken(value: string, token: string | undefined): boolean {
    return token !== undefined && isSame(token, this.csrfToken(value));
  }

  setCookie(value: string): string {
    return `${sessionCookie}=${value}; Path=/; HttpOnly; SameSite=Strict`;
  }

  #mac(use: string, text: string): string {
    return createHmac("sha256", this.#key).update(`${use}:${text}`).digest("base64url");
  }
}

function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? "").split(";")) {
    const [key, ...rest] = part.trim().split("=");
    if (key === name) return rest.join("=");
  }
  return undefined;
}

function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
