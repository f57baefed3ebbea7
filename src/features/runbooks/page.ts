/** A runbook's console page: the whole text as written. */
import type { Route } from "../../platform/feature.ts";
import { escapeHtml } from "../../platform/http/console.ts";
import { page } from "../../platform/http/page.ts";
import { sendPage } from "../../platform/http/server.ts";
import { listOf, ownerOf } from "./model.ts";
import type { Room } from "./room.ts";

export function runbookPage({ library, platform }: Room): Route {
  return {
    method: "GET",
    path: "/runbooks/:name",
    about: "A runbook's whole text, for what a message has no room for.",
    role: "anyone",
    async handle({ params, res, frame }) {
      const { runbooks } = await library.shelf();
      const runbook = runbooks.find(({ name }) => name === params.name);
      if (!runbook) {
        const names = listOf(runbooks.map(({ name }) => name));
        return sendPage(res, 404, page("No such runbook", `<p>Runbooks: ${escapeHtml(names)}.</p>`, frame));
      }
      const { front, steps } = runbook;
      const owner = ownerOf(runbook, platform.catalogs.current())?.name ?? "nobody";
      const edit = front.source
        ? `<dt>Edit</dt><dd><a href="${escapeHtml(front.source)}">${escapeHtml(front.source)}</a></dd>`
        : "";
      const signals = front.signals.join(", ") || "none";
      sendPage(
        res,
        200,
        page(
          front.title,
          `<dl><dt>Owner</dt><dd>${escapeHtml(owner)}</dd><dt>Signals</dt><dd>${escapeHtml(signals)}</dd>${edit}</dl><pre>${escapeHtml(steps)}</pre>`,
          frame,
        ),
      );
    },
  };
}
