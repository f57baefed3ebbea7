/**
 * Sticky requests: which of a route's versions a person or a tester keeps. Pure.
 *
 * - A header forces a version by its name, or by `canary` (the smallest share) or `stable` (the largest).
 * - A cookie keeps one of 10,000 places, each a hundredth of a percent; the versions have intervals of them in the
 *   route's order. Whoever is in the canary's stays there while it grows, people come over only as it does, and shares
 *   stay what the weights say. It says nothing about the person.
 *
 * Neither reaches a version at 0 %: one that was taken back gets nothing.
 */
import type { IncomingHttpHeaders } from "node:http";
import { weightUnitsTotal } from "./balance.ts";
import type { Backend, Read } from "./routes.ts";

export interface Sticky {
  readonly header?: string;
  readonly cookie?: string;
}

/** Days a browser keeps its place. */
const cookieDays = 30;

/** Token of RFC 9110 §5.6.2; in lower case, as Node names the headers it received. */
const headerPattern = /^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const cookiePattern = /^[A-Za-z0-9_.-]{1,100}$/;

/** Headers that mean something else already. */
const takenHeaders = ["host", "cookie", "authorization", "connection", "content-length", "transfer-encoding"];

export function readSticky(input: unknown): Read<Sticky | undefined> {
  const refuse = (field: string, message: string) => ({ ok: false, field, message }) as const;
  if (input === undefined || input === null) return { ok: true, value: undefined };
  if (typeof input !== "object" || Array.isArray(input)) return refuse("sticky", "must be an object");
  const unknownKey = Object.keys(input).find((key) => !["header", "cookie"].includes(key));
  if (unknownKey !== undefined) return refuse(`sticky.${unknownKey}`, "is not a way to be sticky");
  const { header, cookie } = input as { header?: unknown; cookie?: unknown };
  const name = typeof header === "string" ? header.toLowerCase() : header;
  if (
    name !== undefined &&
    !(typeof name === "string" && headerPattern.test(name) && !takenHeaders.includes(name))
  )
    return refuse("sticky.header", "must be the name of a header of your own, such as x-version");
  if (cookie !== undefined && !(typeof cookie === "string" && cookiePattern.test(cookie)))
    return refuse("sticky.cookie", "must be letters, digits, '.', '_' or '-', 100 at most");
  if (name === undefined && cookie === undefined) return { ok: true, value: undefined };
  return {
    ok: true,
    value: { ...(name === undefined ? {} : { header: name }), ...(cookie === undefined ? {} : { cookie }) },
  };
}

/** The version that a header forces; undefined when it names none that takes traffic. */
export function forcedBackend(
  backends: readonly Backend[],
  sticky: Sticky | undefined,
  headers: IncomingHttpHeaders,
): Backend | undefined {
  const named = sticky?.header === undefined ? undefined : headers[sticky.header];
  if (typeof named !== "string") return undefined;
  const taking = backends.filter(({ weight }) => weight > 0);
  const exact = taking.find(({ version }) => version === named);
  if (exact !== undefined) return exact;
  const least = (weight: number) => taking.findLast((one) => one.weight === weight);
  if (named === "canary") return least(Math.min(...taking.map(({ weight }) => weight)));
  if (named !== "stable") return undefined;
  const most = Math.max(...taking.map(({ weight }) => weight));
  return taking.find(({ weight }) => weight === most);
}

/** The place a cookie keeps, 0 to 9999; undefined without one, and for what is none. */
export function keptPlace(sticky: Sticky | undefined, cookieHeader: string | undefined): number | undefined {
  if (sticky?.cookie === undefined || cookieHeader === undefined) return undefined;
  for (const pair of cookieHeader.split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === sticky.cookie && value !== undefined && /^[0-9]{1,4}$/.test(value)) return Number(value);
  }
  return undefined;
}

/** `Secure` where the person came over TLS, which something in front of the router ended. */
export function placeCookie(name: string, place: number, isTls: boolean): string {
  const secure = isTls ? "; Secure" : "";
  return `${name}=${place % weightUnitsTotal}; Path=/; Max-Age=${cookieDays * 86_400}; HttpOnly; SameSite=Lax${secure}`;
}
