/** Cards on pages, and the pictures of their charts. */
import { createHash } from "node:crypto";
import type { ChartSpec } from "../charts.ts";
import type { Db } from "../db/database.ts";
import type { Route, SummaryLine } from "../feature.ts";
import { messageHtml } from "../messages/html.ts";
import { momentHtml, mrkdwnHtml, type Reader } from "../messages/mrkdwn-html.ts";
import { type KeptMessage, messagesOf, threadOf } from "../messages/shown.ts";
import { escapeHtml, type Frame, page } from "./page.ts";
import { sendPage, sendPicture } from "./server.ts";

/** What was said under a card is shown up to here; the newest. */
const threadMax = 50;
/** Drawn pictures kept; each is about 60 kB. */
const picturesMax = 50;

/** The card as Slack would show it, with its verbs and its chart. */
export function cardHtml(message: KeptMessage, frame: Frame): string {
  const { chart } = message;
  const drawn = chart && { src: chartUrl(message.key, chart), alt: chart.title };
  return `<article class="card">${messageHtml(message, { ...frame, chart: drawn })}</article>`;
}

/** A card and what was said in its thread; `none`: in words, where there is no card. */
export async function cardAndThread(
  db: Db,
  key: string,
  frame: Frame,
  none: string,
): Promise<{ card: string; thread: string }> {
  const [cards, replies] = await Promise.all([messagesOf(db, [key]), threadOf(db, key, threadMax)]);
  const shown = cards.get(key);
  const said = replies.map(
    (reply) =>
      `<li><p class="context">${momentHtml(reply.createdAt, frame)}</p>${messageHtml(reply, { ...frame, ...chartOf(reply) })}</li>`,
  );
  return {
    card: shown ? cardHtml(shown, frame) : `<p>${escapeHtml(none)}</p>`,
    thread: said.length === 0 ? "" : `<h2>What was said</h2><ul class="lines">${said.join("")}</ul>`,
  };
}

const chartOf = ({ key, chart }: KeptMessage) =>
  chart ? { chart: { src: chartUrl(key, chart), alt: chart.title } } : {};

/** The address changes with the chart: a browser that kept a picture shows no older one. */
const chartUrl = (key: string, chart: ChartSpec): string =>
  `/chart?${new URLSearchParams({ key, v: digestOf(chart) })}`;

const digestOf = (chart: ChartSpec): string =>
  createHash("sha256").update(JSON.stringify(chart)).digest("hex").slice(0, 12);

export const linesHtml = (lines: readonly SummaryLine[], reader: Reader): string =>
  `<ul class="lines">${lines.map(({ text }) => `<li>${mrkdwnHtml(text, reader)}</li>`).join("")}</ul>`;

/** `GET /chart?key=…`: the chart a card shows, drawn once for each state of it. */
export function chartRoute(db: Db): Route {
  const drawn = new Map<string, Promise<Buffer>>();
  const draw = (chart: ChartSpec): Promise<Buffer> => {
    const key = digestOf(chart);
    const known = drawn.get(key);
    if (known) return known;
    const picture = import("../charts.ts").then(({ renderLineChart }) => renderLineChart(chart));
    drawn.set(key, picture);
    picture.catch(() => drawn.delete(key));
    for (const oldest of drawn.keys()) {
      if (drawn.size <= picturesMax) break;
      drawn.delete(oldest);
    }
    return picture;
  };
  return {
    method: "GET",
    path: "/chart",
    about: "The picture of the chart a card shows.",
    role: "anyone",
    async handle({ res, url, frame }) {
      const key = url.searchParams.get("key") ?? "";
      const chart = (await messagesOf(db, [key])).get(key)?.chart;
      if (!chart) return sendPage(res, 404, page("No chart", "<p>There is no chart of that.</p>", frame));
      sendPicture(res, await draw(chart));
    },
  };
}
