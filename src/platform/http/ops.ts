import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import type { Catalog } from "../../catalog/schema.ts";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import type { Dispatcher } from "../dispatch.ts";
import type { Inbox, IncomingPayload } from "../inbox.ts";
import { type Names, plainReply } from "../messages/plain.ts";
import { refusalText } from "../refusal.ts";
import { waitForAnswer } from "./answers.ts";
import { type Limits, sendTooMany } from "./limits.ts";
import { BodyTooLarge, type Handle, readBody, sendJson } from "./server.ts";

/** A terminal's person, by (team, id). */
export interface Operator {
  /** Of the token: two people never share a request id. */
  tokenId: string;
  team: string;
  person: string;
}

interface Parts {
  /** Answers whom a token belongs to. `isLoopback`: the request came from this machine. */
  authenticate(token: string, isLoopback: boolean): Promise<Operator | undefined>;
  dispatcher: Dispatcher;
  inbox: Inbox;
  db: Db;
  clock: Clock;
  catalog: () => Catalog;
  limits: Limits;
  /** Milliseconds an answer is waited for before the terminal is told to ask again. */
  waitMs?: number | undefined;
}

const bodyBytesMax = 16_000;

const askSchema = z.strictObject({
  line: z.string().max(4_000),
  /** Made by the terminal: the same request sent twice is done once. */
  id: z.uuid(),
});

/**
 * The terminal's door, for when Slack is down: `POST /api/ops` `{ line, id }` and `GET /api/ops/<inbox id>`, with
 * `Authorization: Bearer …`. Same grammar, rights, inbox and audit as Slack. Answers `{ done: true, ok, text }`, or 202
 * `{ done: false, id }` while it is being done.
 */
export function opsHandler(parts: Parts): Handle {
  return async (req, res, url) => {
    const known = /^\/api\/ops(?:\/([0-9a-f-]{36}))?$/.exec(url.pathname);
    if (!known) return false;
    const method = known[1] === undefined ? "POST" : "GET";
    if (req.method !== method) {
      res.setHeader("allow", method);
      sendJson(res, 405, { error: "method_not_allowed", message: `This is asked by ${method}.` });
      return true;
    }
    const { limits } = parts;
    const operator = await operatorOf(parts, req);
    const waitSec = operator
      ? limits.take("person", `${operator.team}/${operator.person}`)
      : limits.take("token", limits.addressOf(req));
    if (waitSec !== undefined) {
      req.resume();
      sendTooMany(res, waitSec, "json");
      return true;
    }
    if (!operator) {
      req.resume();
      sendJson(res, 401, {
        error: "unauthenticated",
        message:
          "No valid token. A platform engineer makes one: quarterdeck token create ops --person <Slack id>.",
      });
      return true;
    }
    if (known[1] === undefined) await ask(parts, operator, req, res);
    else await answerOf(parts, operator, known[1], req, res);
    return true;
  };
}

async function operatorOf(parts: Parts, req: IncomingMessage): Promise<Operator | undefined> {
  const token = /^Bearer (\S+)$/i.exec(req.headers.authorization ?? "")?.[1];
  if (token === undefined) return undefined;
  return parts.authenticate(token, isLoopback(req));
}

/** Not through a proxy: one on this machine would make everybody local. */
const isLoopback = (req: IncomingMessage): boolean =>
  /^(127\.|::1$|::ffff:127\.)/.test(req.socket.remoteAddress ?? "") &&
  req.headers["x-forwarded-for"] === undefined &&
  req.headers.forwarded === undefined;

async function ask(
  parts: Parts,
  operator: Operator,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const asked = await readAsk(req);
  if ("status" in asked) return sendJson(res, asked.status, { error: asked.error, message: asked.message });
  const actor = { team: operator.team, person: operator.person, door: "terminal" as const };
  const checked = await parts.dispatcher.check(actor, asked.line, parts.clock.now());
  if (!checked.ok)
    return sendJson(res, 200, {
      done: true,
      ok: false,
      text: refusalText(checked.refusal),
      rule: checked.refusal.rule,
    });
  const payload: IncomingPayload = {
    line: asked.line,
    door: "terminal",
    // What a command says beside its answer reaches the person directly.
    channel: operator.person,
  };
  const { id } = await parts.inbox.receive({
    kind: "command",
    dedup: `terminal:${operator.tokenId}:${asked.id}`,
    team: operator.team,
    person: operator.person,
    payload,
  });
  await answerOf(parts, operator, id, req, res);
}

async function readAsk(
  req: IncomingMessage,
): Promise<z.output<typeof askSchema> | { status: number; error: string; message: string }> {
  try {
    const parsed = askSchema.safeParse(JSON.parse((await readBody(req, bodyBytesMax)).toString("utf8")));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    return {
      status: 400,
      error: "unreadable",
      message: `${issue?.path.join(".") || "body"}: ${issue?.message}`,
    };
  } catch (error) {
    if (error instanceof BodyTooLarge) return { status: 413, error: "too_large", message: error.message };
    if (error instanceof SyntaxError)
      return { status: 400, error: "unreadable", message: `The body is not JSON: ${error.message}` };
    throw error;
  }
}

async function answerOf(
  parts: Parts,
  operator: Operator,
  id: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const asked = await waitForAnswer(parts, operator, id, () => req.socket.destroyed);
  switch (asked.state) {
    case "unknown":
      return sendJson(res, 404, { error: "not_found", message: `You asked nothing with id ${id}.` });
    case "done": {
      const text = plainReply(asked, namesOf(parts.catalog(), operator.team));
      return sendJson(res, 200, { done: true, ok: asked.ok, text, id });
    }
    case "pending":
      return req.socket.destroyed ? undefined : sendJson(res, 202, { done: false, id });
  }
}

function namesOf(catalog: Catalog, team: string): Names {
  return {
    person: (id) => catalog.people.find(({ slack }) => slack[team] === id)?.id,
    channel: (id) => catalog.channels.find(({ slack }) => slack[team] === id)?.name,
  };
}
