import { timingSafeEqual } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Hook } from "../feature.ts";
import { BodyTooLarge, type Handle, readBody, sendJson } from "./server.ts";

/** Largest webhook body taken. */
export const hookBytesMax = 5_000_000;

/**
 * `POST /hooks/<source>`. The token comes as `Authorization: Bearer …`, as basic password, or as `?token=` for
 * senders that can send no header. 401 stores nothing; 413 past the limit; 503 when it cannot be kept now.
 */
export function hookHandler(parts: {
  hooks: () => readonly Hook[];
  authenticate: (source: string, token: string) => Promise<{ id: string; team: string } | undefined>;
  clock: Clock;
}): Handle {
  return async (req, res, url) => {
    const source = /^\/hooks\/([a-z0-9_-]{1,63})$/.exec(url.pathname)?.[1];
    if (source === undefined) return false;
    if (req.method !== "POST") {
      res.setHeader("allow", "POST");
      sendJson(res, 405, { error: "method_not_allowed", message: "Webhooks are sent by POST." });
      return true;
    }
    const token = tokenOf(req.headers.authorization, url);
    const owner = token ? await parts.authenticate(source, token) : undefined;
    const hook = parts.hooks().find((candidate) => candidate.source === source);
    if (!owner || !hook) {
      req.resume();
      sendJson(res, 401, {
        error: "unauthenticated",
        message: `No valid token for ${source}. Create one: quarterdeck token create ${source} --team <team>.`,
      });
      return true;
    }
    let body: Buffer;
    try {
      body = await readBody(req, hookBytesMax);
    } catch (error) {
      if (!(error instanceof BodyTooLarge)) throw error;
      res.setHeader("connection", "close");
      sendJson(res, 413, { error: "too_large", message: error.message });
      return true;
    }
    const answer = await hook.handle({
      source,
      team: owner.team,
      tokenId: owner.id,
      headers: req.headers,
      body,
      receivedAt: parts.clock.now(),
    });
    sendJson(res, answer.status, answer.body ?? { ok: answer.status < 300 });
    return true;
  };
}

function tokenOf(authorization: string | undefined, url: URL): string | undefined {
  const [scheme, value] = authorization?.split(" ", 2) ?? [];
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
