import type { IncomingMessage } from "node:http";
import type { Catalog } from "../../catalog/schema.ts";
import type { Authz } from "../authz.ts";
import type { Clock } from "../clock.ts";
import type { Route } from "../feature.ts";
import { refusalText } from "../refusal.ts";
import { homePath, type Sessions } from "../sessions.ts";
import { frameOf } from "./frame.ts";
import { equalText } from "./hooks.ts";
import { type Limits, sendTooMany } from "./limits.ts";
import { match } from "./match.ts";
import { escapeHtml, page } from "./page.ts";
import { type Handle, readBody, redirect, sendPage } from "./server.ts";
import { signInFirst } from "./signin.ts";

export { escapeHtml };

const formBytesMax = 64_000;
/** Sent by a page that brings itself up to date. */
const refreshHeader = "x-quarterdeck-refresh";

/** Signed-in pages: session, role, and for a POST the Origin and the CSRF token, before a feature sees it. */
export function consoleHandler(parts: {
  routes: () => readonly Route[];
  sessions: Sessions;
  authz: Authz;
  ownOrigins: () => readonly string[];
  catalog: () => Catalog;
  clock: Clock;
  publicUrl: string;
  /** An identity provider signs in, not a link. */
  hasProvider: boolean;
  limits: Limits;
}): Handle {
  const { limits } = parts;
  return async (req, res, url) => {
    const routes = parts.routes();
    for (const route of routes) {
      const params = match(route.path, url.pathname);
      if (!params || route.method !== req.method) continue;
      // Before anything is asked of the database: by the session that is claimed, else by the address.
      const claimed = parts.sessions.claimed(req);
      const waitSec = claimed
        ? limits.take("person", claimed)
        : limits.take("stranger", limits.addressOf(req));
      if (waitSec !== undefined) {
        req.resume();
        sendTooMany(res, waitSec, "page");
        return true;
      }
      const session = await parts.sessions.of(req, {
        isUse: !(route.isPassive || req.headers[refreshHeader] !== undefined),
      });
      if (!session) {
        const next = parts.hasProvider ? wayBack(req) : undefined;
        // A person in a browser is led there at once; programs and previews are told.
        if (next !== undefined && req.method === "GET" && req.headers["sec-fetch-mode"] === "navigate")
          redirect(res, `/sign-in?next=${encodeURIComponent(next)}`);
        else sendPage(res, 401, signInFirst(next));
        return true;
      }
      const { actor } = session;
      const personWaitSec = limits.take("person", `${actor.team}/${actor.person}`);
      if (personWaitSec !== undefined) {
        req.resume();
        sendTooMany(res, personWaitSec, "page");
        return true;
      }
      const { publicUrl } = parts;
      const frame = frameOf({
        session,
        url,
        routes,
        catalog: parts.catalog(),
        publicUrl,
        now: parts.clock.now(),
      });
      const allowed = await parts.authz.authorise(session.actor, route.role, undefined);
      if (!allowed.ok) {
        sendPage(res, 403, page("Not allowed", `<p>${escapeHtml(refusalText(allowed.refusal))}</p>`, frame));
        return true;
      }
      const form = req.method === "POST" ? await readForm(req) : {};
      if (
        req.method === "POST" &&
        !(isOwnOrigin(req, parts.ownOrigins()) && equalText(form.csrf ?? "", session.csrf))
      ) {
        sendPage(
          res,
          403,
          page(
            "Not from this page",
            "<p>This form did not come from Quarterdeck's own page, or the page was too old. Open it again and retry.</p>",
            frame,
          ),
        );
        return true;
      }
      await route.handle({ req, res, url, params, actor: session.actor, csrf: session.csrf, form, frame });
      return true;
    }
    return false;
  };
}

/** Ends the session of this browser. */
export const signOutRoute = (sessions: Sessions): Route => ({
  method: "POST",
  path: "/sign-out",
  about: "Signs out.",
  role: "anyone",
  async handle({ req, res }) {
    await sessions.end(req, res);
    sendPage(res, 200, page("Signed out", '<p><a href="/sign-in">Sign in again</a></p>'));
  },
});

/** Where somebody goes once signed in: the page they asked for. */
const wayBack = (req: IncomingMessage): string => (req.method === "GET" ? (req.url ?? homePath) : homePath);

async function readForm(req: IncomingMessage): Promise<Record<string, string>> {
  const text = (await readBody(req, formBytesMax)).toString("utf8");
  if (req.headers["content-type"]?.startsWith("application/json")) {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object"
      ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]))
      : {};
  }
  return Object.fromEntries(new URLSearchParams(text));
}

/** Browsers send Origin with every POST; one that is missing or foreign is refused. */
function isOwnOrigin(req: IncomingMessage, own: readonly string[]): boolean {
  return own.includes(req.headers.origin ?? "");
}
