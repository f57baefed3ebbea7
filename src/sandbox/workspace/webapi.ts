/** The Web API on a port of its own: faults, then our answers, then emulate. Also takes uploads and response_urls. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { answers } from "./answers.ts";
import { addEphemeral, postAs, refusalOf, update } from "./answers-messages.ts";
import { asBot } from "./answers-people.ts";
import { type Desk, withIds } from "./desk.ts";
import type { FaultBook } from "./faults.ts";
import { guardRefusal, isForwarded } from "./guard.ts";
import { BodyTooLarge, bodyBytesMax, parseObject, readBody, sendJson, uploadBytesMax } from "./http.ts";
import { allScopes, appId, botId, type Json, listOf, textOf } from "./model.ts";
import { intentOf, type ReplyPlace } from "./response-urls.ts";

const byMethod = new Map(answers.map((entry) => [entry.method, entry.answer]));
/** Methods after which people may see other channels than before. */
const membership = /^conversations\.(?:create|invite|kick|join|leave|archive|unarchive|rename|setTopic)$/;
/** Arguments the client sends as JSON text inside a form. */
const jsonArgs = ["blocks", "attachments", "metadata", "view", "files"];

/** The server is bound before emulate starts, so that uploads can be told its address; the desk comes after. */
export function webApiServer(desk: () => Desk | undefined, faults: FaultBook): Server {
  return createServer((req, res) => {
    const at = desk();
    if (!at) return sendJson(res, 503, { ok: false, error: "service_unavailable" });
    serve(at, faults, req, res).catch((error: unknown) => {
      at.options.log("error", "workspace Web API failed", { url: req.url, error: String(error) });
      if (res.headersSent) res.destroy();
      else if (error instanceof BodyTooLarge) sendJson(res, 413, { ok: false, error: "request_too_large" });
      else sendJson(res, 500, { ok: false, error: "internal_error" });
    });
  });
}

async function serve(
  desk: Desk,
  faults: FaultBook,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const refusal = guardRefusal({
    remoteAddress: req.socket.remoteAddress,
    host: req.headers.host,
    method: req.method ?? "GET",
    origin: req.headers.origin,
    isForwarded: isForwarded(req.headers),
    fetchSite: undefined,
  });
  if (refusal !== undefined) return sendJson(res, 403, { ok: false, error: refusal });
  const url = new URL(req.url ?? "/", desk.apiBase);
  if (url.pathname.startsWith("/response/"))
    return takeResponse(desk, faults, url.pathname.slice(10), req, res);
  if (url.pathname.startsWith("/upload/")) return takeUpload(desk, url.pathname, req, res);
  if (!url.pathname.startsWith("/api/")) return sendJson(res, 404, { ok: false, error: "not_found" });
  const method = url.pathname.slice(5);
  const fault = faults.take(method);
  if (fault) {
    await readBody(req, bodyBytesMax);
    const headers: Record<string, string> =
      fault.retryAfterSec === undefined ? {} : { "retry-after": String(fault.retryAfterSec) };
    const error = fault.error ?? (fault.status === 429 ? "ratelimited" : "internal_error");
    return sendJson(res, fault.status, { ok: false, error }, headers);
  }
  const args = argsOf(req, url, (await readBody(req, bodyBytesMax)).toString("utf8"));
  const token = bearerOf(req) ?? textOf(args.token);
  if (token === "") return sendJson(res, 200, { ok: false, error: "not_authed" });
  if (token !== desk.options.botToken) return sendJson(res, 200, { ok: false, error: "invalid_auth" });
  const { token: _token, ...named } = args;
  const answer = byMethod.get(method);
  const reply = await (answer ? answer(desk, named) : asBot(desk, method, named));
  if (membership.test(method) && reply.ok === true) {
    desk.rooms.forget();
    desk.changes.bump();
  }
  const known = typeof reply.ok === "boolean" ? reply : { ok: false, error: "unknown_method" };
  sendJson(res, 200, known, { "x-oauth-scopes": (desk.options.scopes ?? allScopes).join(",") });
}

function bearerOf(req: IncomingMessage): string | undefined {
  return /^Bearer\s+(.+)$/i.exec(req.headers.authorization ?? "")?.[1];
}

function argsOf(req: IncomingMessage, url: URL, body: string): Json {
  const query = Object.fromEntries(url.searchParams);
  if ((req.headers["content-type"] ?? "").includes("application/json")) {
    return { ...query, ...(parseObject(body) ?? {}) };
  }
  const args: Json = { ...query, ...Object.fromEntries(new URLSearchParams(body)) };
  for (const name of jsonArgs) {
    const text = args[name];
    if (typeof text !== "string" || text === "") continue;
    try {
      args[name] = JSON.parse(text);
    } catch {
      // Left as text: the method says which argument it cannot read.
    }
  }
  return args;
}

async function takeUpload(
  desk: Desk,
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const bytes = await readBody(req, uploadBytesMax);
  const type = req.headers["content-type"] ?? "application/octet-stream";
  const reply = await desk.slack.raw(path, desk.options.botUser.id, {
    method: "POST",
    headers: { "content-type": type },
    body: new Uint8Array(bytes),
  });
  if (reply.ok) {
    const id = path.split("/").at(-1) ?? "";
    desk.files.keepBytes(id, await fileBytes(bytes, type));
  }
  res.writeHead(reply.status, { "content-type": "text/plain" }).end(await reply.text());
}

/** The file itself, whether it was posted bare or as a form. */
async function fileBytes(body: Buffer, type: string): Promise<Buffer> {
  if (!type.includes("multipart/form-data")) return body;
  const form = await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
  for (const value of form.values()) {
    if (typeof value !== "string") return Buffer.from(await value.arrayBuffer());
  }
  return Buffer.alloc(0);
}

async function takeResponse(
  desk: Desk,
  faults: FaultBook,
  id: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const body = parseObject((await readBody(req)).toString("utf8"));
  const fault = faults.take("response_url");
  if (fault) {
    return sendJson(res, fault.status, {
      ok: false,
      error: fault.status === 429 ? "ratelimited" : "internal_error",
    });
  }
  const place = desk.responseUrls.use(id, desk.options.now());
  if ("error" in place) return sendJson(res, 404, { ok: false, error: place.error });
  if (!body) return sendJson(res, 400, { ok: false, error: "invalid_payload" });
  const reply = await respond(desk, place, body);
  sendJson(res, reply.ok === true ? 200 : 400, reply);
}

/** Does what a response_url post, or a slash command's direct answer, asks for. */
export async function respond(desk: Desk, place: ReplyPlace, body: Json): Promise<Json> {
  const { channel, user, original } = place;
  const refusal = refusalOf(desk, body);
  if (refusal) return refusal;
  const intent = intentOf(body);
  if (intent === "delete" && original) {
    if (original.isEphemeral) desk.ephemerals.remove(user, original.ts);
    else {
      const reply = await asBot(desk, "chat.delete", { channel, ts: original.ts });
      if (reply.ok !== true) return reply;
      desk.conversation.remove(channel, original.ts);
    }
    desk.changes.bump();
    return { ok: true };
  }
  if (textOf(body.text) === "" && listOf(body.blocks).length === 0) return { ok: false, error: "no_text" };
  const threadTs = textOf(body.thread_ts) || place.thread_ts;
  const said = { ...body, ...(threadTs === undefined ? {} : { thread_ts: threadTs }) };
  if (intent === "replace" && original) {
    if (!original.isEphemeral) return update(desk, { ...body, channel, ts: original.ts });
    const blocks = body.blocks === undefined ? undefined : listOf(withIds(body.blocks));
    desk.ephemerals.replace(user, original.ts, { text: textOf(body.text), blocks });
    desk.changes.bump();
    return { ok: true };
  }
  if (intent === "in_channel") {
    return postAs(desk, desk.options.botUser.id, { ...said, channel, bot_id: botId, app_id: appId });
  }
  addEphemeral(desk, channel, user, said);
  return { ok: true };
}
