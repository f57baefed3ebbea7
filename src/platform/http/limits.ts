import type { IncomingMessage, ServerResponse } from "node:http";
import { BlockList, isIP } from "node:net";
import { page } from "./page.ts";
import { sendJson, sendPage } from "./server.ts";

/** How much is answered to one sender. Each web process counts for itself: what is counted must cost less than it saves. */
interface Budget {
  /** Requests at once after a rest. */
  burst: number;
  perMinute: number;
}

export type Counted =
  /** Whoever is known, whatever door they use: console, API, terminal. */
  | "person"
  /** Who is not known yet, by address. */
  | "stranger"
  /** Sign-ins that were refused, by address: guessing gets slow long before it gets anywhere. */
  | "failure"
  /** Tokens that were refused, by address: apart, so that a program with an old one keeps nobody from signing in. */
  | "token"
  /** Webhooks of a known token: far above a storm of alerts, because one that is turned away may be lost. */
  | "hook";

/** @param perPerson setting REQUESTS_PER_MINUTE */
const budgetsFor = (perPerson: number): Readonly<Record<Counted, Budget>> => ({
  person: { burst: perPerson, perMinute: perPerson },
  stranger: { burst: 120, perMinute: 120 },
  failure: { burst: 30, perMinute: 10 },
  token: { burst: 30, perMinute: 10 },
  hook: { burst: 60_000, perMinute: 60_000 },
});

/** Senders remembered; past it the one that was quiet the longest is forgotten, which only gives it a full budget. */
const sendersMax = 20_000;

interface Bucket {
  left: number;
  atMs: number;
}

export interface Limits {
  /** Takes one request from a sender's budget. Answers undefined, or in how many seconds there is one again. */
  take(counted: Counted, sender: string): number | undefined;
  /** As {@link take}, without taking. */
  look(counted: Counted, sender: string): number | undefined;
  /** Address a request comes from: a proxy's word counts only where the proxy is declared. */
  addressOf(req: IncomingMessage): string;
}

export function createLimits(parts: {
  perPerson: number;
  proxies: readonly string[];
  now: () => Date;
}): Limits {
  const budgets = budgetsFor(parts.perPerson);
  const buckets = new Map<string, Bucket>();
  const declared = blockListOf(parts.proxies);

  const filled = (counted: Counted, key: string): Bucket => {
    const { burst, perMinute } = budgets[counted];
    const atMs = parts.now().getTime();
    const before = buckets.get(key) ?? { left: burst, atMs };
    // A clock that goes back gives nothing and takes nothing.
    const restedMs = Math.max(0, atMs - before.atMs);
    return {
      left: Math.min(burst, before.left + (restedMs * perMinute) / 60_000),
      atMs: Math.max(atMs, before.atMs),
    };
  };
  const waitSec = (counted: Counted, left: number): number | undefined =>
    left >= 1 ? undefined : Math.ceil(((1 - left) * 60) / budgets[counted].perMinute);

  return {
    look: (counted, sender) => waitSec(counted, filled(counted, `${counted}:${sender}`).left),
    take(counted, sender) {
      const key = `${counted}:${sender}`;
      const bucket = filled(counted, key);
      const wait = waitSec(counted, bucket.left);
      // Map keeps the order of insertion: what was asked last stands last.
      buckets.delete(key);
      buckets.set(key, wait === undefined ? { ...bucket, left: bucket.left - 1 } : bucket);
      if (buckets.size > sendersMax) buckets.delete(buckets.keys().next().value as string);
      return wait;
    },
    addressOf: (req) => addressBehind(req, declared),
  };
}

/** Addresses and networks; config has checked them. */
function blockListOf(proxies: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of proxies) {
    const [address = "", bits] = entry.split("/");
    const isV6 = isIP(address) === 6;
    list.addSubnet(address, Number(bits ?? (isV6 ? 128 : 32)), isV6 ? "ipv6" : "ipv4");
  }
  return list;
}

/** The last address that no declared proxy vouches for; what stands left of it anybody may have written. */
function addressBehind(req: IncomingMessage, proxies: BlockList): string {
  const told = String(req.headers["x-forwarded-for"] ?? "").split(",");
  let address = plain(req.socket.remoteAddress ?? "unknown");
  while (isDeclared(address, proxies)) {
    const before = told.pop()?.trim();
    if (before === undefined || isIP(plain(before)) === 0) break;
    address = plain(before);
  }
  return address;
}

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

const isDeclared = (address: string, proxies: BlockList): boolean => {
  const version = isIP(address);
  return version !== 0 && proxies.check(address, version === 6 ? "ipv6" : "ipv4");
};

/** Answers that it was too much, as a page or, for programs, as JSON. Source: RFC 6585, section 4. */
export function sendTooMany(res: ServerResponse, waitSec: number, as: "page" | "json"): void {
  res.setHeader("retry-after", waitSec);
  const message = `These are more requests than are answered in a minute. Wait ${waitSec} s, then go on.`;
  if (as === "json") sendJson(res, 429, { error: "too_many_requests", message, retryAfterSec: waitSec });
  else
    sendPage(
      res,
      429,
      page(
        "Too many requests",
        `<p>${message} Nothing that was asked before is lost; Slack and webhooks go on.</p>`,
      ),
    );
}
