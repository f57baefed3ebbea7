/**
 * The local workspace: a page that looks and works like a small Slack, a Web API in front of `emulate`, and
 * signed requests to the app, so that Bolt's real receiver and the 3-second rule are in the path.
 * Owns: the conversation journal and uploaded files of one machine. It can grant real access, so it answers
 * this machine only (guard.ts) and runs beside no real Slack ({@link workspaceRefusal}).
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { issuerPath } from "../issuer/issuer.ts";
import { Conversation } from "./conversation.ts";
import { Changes, type Desk, Ephemerals, Reads, Triggers } from "./desk.ts";
import { startEmulator } from "./emulator.ts";
import { FaultBook } from "./faults.ts";
import { FileShelf } from "./files.ts";
import { guardRefusal, isForwarded, Sessions } from "./guard.ts";
import { BodyTooLarge, sendJson } from "./http.ts";
import { tsOf } from "./ids.ts";
import { Modals } from "./modals.ts";
import type { Faults, WorkspaceOptions } from "./model.ts";
import { servePageApi } from "./pageapi.ts";
import { replay } from "./replay.ts";
import { ResponseUrls } from "./response-urls.ts";
import { Rooms } from "./rooms.ts";
import { serveAsset, serveFile, serveShell } from "./shell.ts";
import { webApiServer } from "./webapi.ts";

export { workspaceRefusal } from "./guard.ts";
export type { Faults, TourStep, WorkspaceOptions } from "./model.ts";

export interface Workspace {
  /** For the Web client's `slackApiUrl`, e.g. http://127.0.0.1:41234/api/ */
  webApiUrl: string;
  /** Answers `/`, `/workspace/*` and `/archives/*`; false means the request is somebody else's. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<boolean>;
  faults: Faults;
  close(): Promise<void>;
}

export async function startWorkspace(options: WorkspaceOptions): Promise<Workspace> {
  const faults = new FaultBook();
  let desk: Desk | undefined;
  const server = webApiServer(() => desk, faults);
  const apiBase = await listen(server, options.apiPort);
  const timers = new Set<NodeJS.Timeout>();
  try {
    const slack = await startEmulator(options, apiBase);
    const opened: Desk = {
      options,
      slack,
      apiBase,
      conversation: new Conversation(options.stateFile),
      ephemerals: new Ephemerals(),
      modals: new Modals(),
      files: new FileShelf(options.stateFile === undefined ? undefined : `${options.stateFile}.files`),
      responseUrls: new ResponseUrls(),
      triggers: new Triggers(),
      rooms: new Rooms(
        slack,
        options.channels.map((channel) => channel.id),
      ),
      reads: new Reads(tsOf(options.now())),
      changes: new Changes(),
      usergroups: new Map(options.usergroups.map((group) => [group.id, group])),
      streams: new Set(),
      later: (afterSec, run) => {
        const timer = setTimeout(() => {
          timers.delete(timer);
          run();
        }, afterSec * 1000);
        timer.unref();
        timers.add(timer);
      },
    };
    await replay(opened);
    desk = opened;
    const sessions = new Sessions(options.signingSecret);
    return {
      webApiUrl: `${apiBase}/api/`,
      faults,
      handle: (req, res) => handle(opened, sessions, req, res),
      close: async () => {
        for (const timer of timers) clearTimeout(timer);
        for (const stream of opened.streams) stream.end();
        await closeServer(server);
        await slack.close();
      },
    };
  } catch (error) {
    await closeServer(server);
    throw error;
  }
}

async function handle(
  desk: Desk,
  sessions: Sessions,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<boolean> {
  const path = new URL(req.url ?? "/", "http://localhost").pathname;
  if (path !== "/" && !path.startsWith("/workspace/") && !path.startsWith("/archives/")) return false;
  const site = req.headers["sec-fetch-site"];
  const refusal = guardRefusal({
    remoteAddress: req.socket.remoteAddress,
    host: req.headers.host,
    method: req.method ?? "GET",
    origin: req.headers.origin,
    isForwarded: isForwarded(req.headers),
    fetchSite: typeof site === "string" ? site : undefined,
  });
  if (refusal !== undefined) {
    desk.options.log("warn", "workspace turned a request away", { path, why: refusal });
    sendJson(res, 403, { ok: false, error: "forbidden", message: refusal });
    return true;
  }
  try {
    await route(desk, sessions, path, req, res);
  } catch (error) {
    desk.options.log("error", "workspace page failed", { path, error: String(error) });
    const [status, code] = error instanceof BodyTooLarge ? [413, error.code] : [500, "internal_error"];
    if (res.headersSent) res.destroy();
    else sendJson(res, Number(status), { ok: false, error: code, message: "see the log" });
  }
  return true;
}

async function route(
  desk: Desk,
  sessions: Sessions,
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  if (path.startsWith("/workspace/api/")) return servePageApi(desk, sessions, path.slice(15), req, res);
  const { issuer } = desk.options;
  if (issuer && path.startsWith(`${issuerPath}/`)) {
    const session = sessions.read(req.headers.cookie);
    const seat = session && { userId: session.userId, csrf: sessions.csrfToken(session.value) };
    return issuer.handle(path.slice(issuerPath.length), req, res, seat);
  }
  if (req.method !== "GET")
    return sendJson(res, 405, { ok: false, error: "bad_method", message: "GET only" });
  if (path === "/") return serveShell(desk, res);
  const [, channel, message] = /^\/archives\/([A-Z0-9]+)(?:\/p(\d{16}))?$/.exec(path) ?? [];
  if (channel !== undefined) {
    const ts = message ? `/${message.slice(0, 10)}.${message.slice(10)}` : "";
    res.writeHead(302, { location: `/#${channel}${ts}` }).end();
    return;
  }
  const [, kind, name = ""] = /^\/workspace\/(files\/)?([\w.-]+)$/.exec(path) ?? [];
  const isServed =
    kind === undefined
      ? serveAsset(name, res)
      : sessions.read(req.headers.cookie) !== undefined && serveFile(desk, name, res);
  if (!isServed) sendJson(res, 404, { ok: false, error: "not_found", message: `nothing at ${path}` });
}

function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const hint = cause.code === "EADDRINUSE" ? `port ${port} is taken: change apiPort` : String(cause);
      reject(new Error(`the workspace's Web API cannot listen: ${hint}`, { cause }));
    });
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${typeof address === "object" && address ? address.port : port}`);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
