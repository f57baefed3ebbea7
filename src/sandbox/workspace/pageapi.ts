/**
 * What the page talks to, and an automated driver as well. All bodies are JSON.
 *
 * - `GET  /workspace/api/session` → `{ user, token }` and the cookie. Send the token as `x-csrf-token` with every POST.
 * - `POST /workspace/api/act-as` `{ user }` → `{ ok, user, token }` and a new cookie.
 * - `GET  /workspace/api/state?channel=C…&thread=TS` → what this person sees ({@link screenOf}).
 * - `GET  /workspace/api/events` → server-sent events `{ version }`, one per change.
 * - `POST /workspace/api/send` `{ channel, text, thread_ts? }`: `/ops …` is a slash command, `@quarterdeck …` a mention.
 * - `POST /workspace/api/action` `{ channel, ts, action_id, block_id?, value? }`, or `{ view_id, action_id, block_id?,
 *   value?, values? }` inside a modal. `value`: an option's value, a user id, a date; a list where many can be chosen.
 * - `POST /workspace/api/view` `{ view_id, values: { [block_id]: { [action_id]: value } } }` submits a modal.
 * - `POST /workspace/api/view-close` `{ view_id }`, `POST /workspace/api/read` `{ channel }`.
 *
 * A deed answers `{ ok: true, ack }` with what the app acknowledged, or `{ ok: false, error, message, ack? }`;
 * `error` is `operation_timeout` when the app took over 3 seconds.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { press, send } from "./deeds.ts";
import type { Desk } from "./desk.ts";
import { dismiss, pressInView, submit } from "./forms.ts";
import type { Sessions } from "./guard.ts";
import { parseObject, readBody, sendJson } from "./http.ts";
import { type Json, textOf, type WorkspaceUser } from "./model.ts";
import { screenOf } from "./screen.ts";

export async function servePageApi(
  desk: Desk,
  sessions: Sessions,
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const session = sessions.read(req.headers.cookie);
  const known = session && actors(desk).find((one) => one.id === session.userId);
  if (path === "session" && req.method === "GET")
    return openSession(desk, sessions, known, session?.value, req, res);
  if (!session || !known)
    return sendJson(res, 401, { ok: false, error: "no_session", message: "GET session first" });
  const user = known;
  if (req.method === "GET") {
    const query = new URL(req.url ?? "/", "http://localhost").searchParams;
    if (path === "state") {
      return sendJson(res, 200, await screenOf(desk, user, query.get("channel"), query.get("thread")));
    }
    if (path === "events") return streamChanges(desk, req, res);
    return sendJson(res, 404, { ok: false, error: "not_found", message: `no GET ${path}` });
  }
  if (req.method !== "POST")
    return sendJson(res, 405, { ok: false, error: "bad_method", message: "GET or POST" });
  const token = req.headers["x-csrf-token"];
  if (!sessions.isCsrfToken(session.value, typeof token === "string" ? token : undefined)) {
    return sendJson(res, 403, {
      ok: false,
      error: "csrf",
      message: "x-csrf-token is missing or of another session",
    });
  }
  const body = parseObject((await readBody(req)).toString("utf8"));
  if (!body)
    return sendJson(res, 400, { ok: false, error: "bad_json", message: "the body is no JSON object" });
  if (path === "act-as") return actAs(desk, sessions, body, req, res);
  const done = await deed(desk, user, path, body);
  if (!done) return sendJson(res, 404, { ok: false, error: "not_found", message: `no POST ${path}` });
  sendJson(res, 200, done);
}

async function deed(desk: Desk, user: WorkspaceUser, path: string, body: Json): Promise<object | undefined> {
  switch (path) {
    case "send":
      return send(desk, user, body);
    case "action":
      return textOf(body.view_id) === "" ? press(desk, user, body) : pressInView(desk, user, body);
    case "view":
      return submit(desk, user, body);
    case "view-close":
      return dismiss(desk, user, textOf(body.view_id));
    case "read":
      desk.reads.mark(user.id, textOf(body.channel), desk.conversation.latestTs(textOf(body.channel)));
      return { ok: true };
    default:
      return undefined;
  }
}

function actors(desk: Desk): WorkspaceUser[] {
  return desk.options.users.filter((user) => user.actAs);
}

async function openSession(
  desk: Desk,
  sessions: Sessions,
  known: WorkspaceUser | undefined,
  value: string | undefined,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const first = actors(desk)[0];
  if (known && value !== undefined)
    sendJson(res, 200, { ok: true, user: known.id, token: sessions.csrfToken(value) });
  else if (first) await become(desk, sessions, first, req, res);
  else sendJson(res, 409, { ok: false, error: "nobody", message: "no user has actAs: true" });
}

async function actAs(
  desk: Desk,
  sessions: Sessions,
  body: Json,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const wanted = actors(desk).find((user) => user.id === body.user || user.name === body.user);
  const names = actors(desk).map((user) => user.id);
  if (wanted) await become(desk, sessions, wanted, req, res);
  else sendJson(res, 400, { ok: false, error: "user_not_found", message: `one of ${names.join(", ")}` });
}

/** From here on the browser acts as somebody else, for the host too. */
async function become(
  desk: Desk,
  sessions: Sessions,
  user: WorkspaceUser,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const value = sessions.issue(user.id);
  await desk.options.signOut?.(req, res);
  res.appendHeader("set-cookie", sessions.setCookie(value));
  sendJson(res, 200, { ok: true, user: user.id, token: sessions.csrfToken(value) });
}

/** Milliseconds between signs of life, so that a page knows when the workspace is gone. */
const beatMs = 15_000;

function streamChanges(desk: Desk, req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    connection: "keep-alive",
  });
  const tell = (version: number): void => void res.write(`data: ${JSON.stringify({ version })}\n\n`);
  tell(desk.changes.version);
  const stop = desk.changes.listen(tell);
  const beat = setInterval(() => res.write(": here\n\n"), beatMs);
  beat.unref();
  desk.streams.add(res);
  req.on("close", () => {
    stop();
    clearInterval(beat);
    desk.streams.delete(res);
  });
}
