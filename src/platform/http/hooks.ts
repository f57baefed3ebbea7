import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Clock } from "../clock.ts";
import type { Hook } from "../feature.ts";
import type { Limits } from "./limits.ts";
import { BodyTooLarge, type Handle, readBody, sendJson } from "./server.ts";

/** Largest webhook body taken, in bytes: as much as GitHub sends; ten thousand alerts of one group are about nine million. */
export const hookBytesMax = 25_000_000;
/** The same before it is known who sends it: a signature can only be checked once the body is there. */
const unprovenBytesMax = 10_000_000;

/**
 * `POST /hooks/<source>` and, for hooks with a path, `/hooks/<source>/<path>`; both take the source's tokens. The token comes as `Authorization: Bearer …`, as basic password, as `?token=` for senders
 * that can send no header, or in the header the hook names; a hook may take its sender's signature instead. 401
 * stores nothing; 413 past the limit, which the hook is told of; 503 when it cannot be kept now.
 */
export function hookHandler(parts: {
  hooks: () => readonly Hook[];
  authenticate: (source: string, token: string) => Promise<{ id: string; team: string } | undefined>;
  clock: Clock;
  limits: Pick<Limits, "take">;
}): Handle {
  return async (req, res, url) => {
    const [, source, path] = /^\/hooks\/([a-z0-9._-]{1,63})(?:\/([a-z-]{1,63}))?$/i.exec(url.pathname) ?? [];
    if (source === undefined) return false;
    if (req.method !== "POST") {
      res.setHeader("allow", "POST");
      sendJson(res, 405, { error: "method_not_allowed", message: "Webhooks are sent by POST." });
      return true;
    }
    const hook = parts.hooks().find((candidate) => candidate.source === source && candidate.path === path);
    const token = hook && tokenOf(req, url, hook.tokenHeader);
    const owner = token ? await parts.authenticate(source, token) : undefined;
    // A sender that is told to come back does so on 503; on 429 Alertmanager gives the alert up.
    const waitSec = owner && parts.limits.take("hook", owner.id);
    if (waitSec !== undefined) {
      req.resume();
      res.setHeader("retry-after", waitSec);
      const message = `${source} sends more than is taken from one token. Send it again in ${waitSec} s.`;
      sendJson(res, 503, { error: "too_many_requests", message });
      return true;
    }
    const refuse = (why: string): true => {
      req.resume();
      sendJson(res, 401, { error: "unauthenticated", message: why });
      return true;
    };
    const noToken = `No valid token for ${source}. Create one: quarterdeck token create ${source} --team <team>.`;
    // Without a signature to look for, a body from nobody is not even read.
    if (!hook || (!owner && !hook.authenticate)) return refuse(noToken);
    let body: Buffer;
    try {
      body = await readBody(req, owner ? hookBytesMax : unprovenBytesMax);
    } catch (error) {
      if (!(error instanceof BodyTooLarge)) throw error;
      if (owner) await hook.tooLarge?.({ source, bytesMax: hookBytesMax, receivedAt: parts.clock.now() });
      res.setHeader("connection", "close");
      sendJson(res, 413, { error: "too_large", message: error.message });
      return true;
    }
    const attempt = { headers: req.headers, body, receivedAt: parts.clock.now() };
    const proof = (await hook.authenticate?.(attempt)) ?? { state: "unsigned" };
    if (proof.state === "refused") return refuse(`Not proven to come from ${source}: ${proof.why}.`);
    const team = proof.state === "proven" ? proof.team : owner?.team;
    if (team === undefined)
      return refuse(noToken.replace("No valid token for", "Neither a signature nor a valid token for"));
    const answer = await hook.handle({ ...attempt, source, team, tokenId: owner?.id ?? null });
    sendJson(res, answer.status, answer.body ?? { ok: answer.status < 300 });
    return true;
  };
}

function tokenOf(req: IncomingMessage, url: URL, tokenHeader: string | undefined): string | undefined {
  const own = tokenHeader === undefined ? undefined : req.headers[tokenHeader];
  if (typeof own === "string") return own;
  const [scheme, value] = req.headers.authorization?.split(" ", 2) ?? [];
  if (scheme?.toLowerCase() === "bearer") return value;
  if (scheme?.toLowerCase() === "basic" && value)
    return Buffer.from(value, "base64").toString("utf8").split(":").slice(1).join(":");
  return url.searchParams.get("token") ?? undefined;
}

export function equalText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
