import type { IncomingMessage, ServerResponse } from "node:http";
import { localPath, type Sessions } from "../sessions.ts";
import { page } from "./page.ts";
import { type Handle, redirect, sendPage } from "./server.ts";

/** `/sign-in`: by a single-use link. GET shows a button and uses nothing up, so that link previews take nothing. */
export function signInHandler(parts: { sessions: Sessions }): Handle {
  return async (req, res, url) => {
    if (url.pathname !== "/sign-in") return false;
    const token = url.searchParams.get("token");
    if (token === null) sendPage(res, 200, signInFirst());
    else if (req.method === "POST") await useLink(parts.sessions, token, req, res);
    else sendPage(res, 200, linkPage(token));
    return true;
  };
}

/** What somebody reads who is not signed in. */
export const signInFirst = (): string =>
  page(
    "Sign in first",
    "<p>Type <code>/ops sign-in</code> in Slack and follow the link it gives you. In the local workspace, pick a person under <em>Act as</em>.</p>",
  );

const linkPage = (token: string): string =>
  page(
    "Sign in to Quarterdeck",
    `<form method="post" action="/sign-in?token=${encodeURIComponent(token)}"><button class="primary">Sign in</button></form><p>The link works once, for two minutes.</p>`,
  );

async function useLink(
  sessions: Sessions,
  token: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  req.resume();
  const used = await sessions.useLink(token, req, res);
  if (used) return redirect(res, localPath(used.next));
  const body =
    "<p>A sign-in link works once, for two minutes. Ask for a new one: <code>/ops sign-in</code>.</p>";
  sendPage(res, 410, page("This link is used up", body));
}
