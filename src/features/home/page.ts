import type { Feature, Route } from "../../platform/feature.ts";
import { escapeHtml } from "../../platform/http/console.ts";
import { page } from "../../platform/http/page.ts";
import { sendPage } from "../../platform/http/server.ts";

/** Where signing in leads, and the name at the head of every page. */
export const consolePath = "/console";

/** Every page that needs nothing named, by what it says of itself; the others are linked from cards. */
export function consoleHome(features: () => readonly Feature[]): Route {
  return {
    method: "GET",
    path: consolePath,
    about: "The console's pages.",
    role: "anyone",
    nav: { label: "Overview", order: 10 },
    async handle({ res, frame }) {
      const links = features()
        .flatMap(({ routes }) => routes ?? [])
        .filter(({ method, path }) => method === "GET" && path !== consolePath && !path.includes(":"))
        .map(({ path, about }) => `<li><a href="${path}">${escapeHtml(about)}</a></li>`);
      const body = `<ul>${links.join("")}</ul><p>Pages of a rollout, a runbook or an access request are linked from their cards. All else is asked in Slack or a terminal: <code>/ops help</code>.</p>`;
      sendPage(res, 200, page("Console", body, frame));
    },
  };
}
