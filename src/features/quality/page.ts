import { owningTeam } from "../../catalog/lookup.ts";
import type { Route } from "../../platform/feature.ts";
import { escapeHtml } from "../../platform/http/console.ts";
import { page } from "../../platform/http/page.ts";
import { sendPage } from "../../platform/http/server.ts";
import { percent, precisionText } from "./cards.ts";
import { windowStart } from "./digest.ts";
import {
  blindPages,
  pagesPerShift,
  type RuleQuality,
  repeatRate,
  rulesOf,
  topShare,
  windowDays,
} from "./model.ts";
import { pagePath, type QualityRoom, runbookFinder } from "./room.ts";

/** Rows shown; the noisiest. */
const rowsMax = 200;

/** What every rule was worth, for people who would rather look than wait for Monday. */
export function qualityPage(room: QualityRoom): Route {
  const { platform, rooms } = room;
  return {
    method: "GET",
    path: pagePath,
    about: "What alerts were worth, by rule and owner.",
    role: "anyone",
    nav: { label: "Alert quality", order: 80 },
    async handle({ res, url, frame }) {
      const now = platform.clock.now();
      const catalog = platform.catalogs.current();
      const zone = catalog.organisation.timezone;
      const team = url.searchParams.get("team");
      if (team !== null && !catalog.teams.some(({ name }) => name === team)) {
        const known = catalog.teams.map(({ name }) => name).join(", ");
        return sendPage(
          res,
          404,
          page(
            "No such team",
            `<p>There is ${escapeHtml(known)}. <a href="${pagePath}">All teams</a></p>`,
            frame,
          ),
        );
      }
      const all = await rooms.tickets.records(windowStart(now), now);
      const tickets = team === null ? all : all.filter((ticket) => ticket.team === team);
      const rules = rulesOf(tickets);
      const hasRunbook = await runbookFinder(room, tickets);
      const share = topShare(rules);
      const fired = await rooms.alerts.firingsOf(platform.database.db, windowStart(now), now, zone);
      const repeats = repeatRate(
        fired.filter(({ service }) => team === null || owningTeam(catalog, service ?? "").name === team),
      );
      const load = pagesPerShift(tickets, windowStart(now), now);
      const facts: [string, string][] = [
        ["Tickets", String(tickets.length)],
        ["Top ten rules", share === undefined ? "–" : `${percent(share)} of all tickets`],
        [
          "Repeats",
          repeats === undefined
            ? "–"
            : `${percent(repeats)} of firings say again what the same alert said that day`,
        ],
        ["Pages per 12 h", `${load.mean.toFixed(1)} on average, ${load.worst} in the worst shift`],
        ["Paged while nobody knew how users were", String(blindPages(tickets).length)],
      ];
      const head = [
        "Rule",
        "Service",
        "Owner",
        "Tickets",
        "Pages",
        "Actioned",
        "Noise",
        "Transient",
        "Unjudged",
      ];
      const body = [
        `<p>The last ${windowDays} days, counted in cards. Precision is actioned of judged, with its 95 % interval; below ten judged nothing is concluded. Transient: resolved within 5 minutes with nobody at it.</p>`,
        `<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join("")}</dl>`,
        `<div class="table" role="region" aria-label="Rules" tabindex="0"><table><tr>${head.map((name) => `<th>${name}</th>`).join("")}<th>Precision</th><th>Runbook</th></tr>`,
        ...rules.slice(0, rowsMax).map((rule) => rowOf(rule, hasRunbook(rule.newest))),
        "</table></div>",
        rules.length > rowsMax ? `<p>${rules.length - rowsMax} more rules are quieter than these.</p>` : "",
      ].join("");
      sendPage(
        res,
        200,
        page(team === null ? "What alerts were worth" : `What alerts of ${team} were worth`, body, frame),
      );
    },
  };
}

function rowOf(rule: RuleQuality, hasRunbook: boolean): string {
  const { counts } = rule;
  const cells = [
    rule.rule,
    rule.service ?? "none",
    rule.owner,
    rule.cards,
    rule.pages,
    counts.actioned,
    counts.noise,
    counts.transient,
    counts.unjudged,
    precisionText(rule.precision).replace(/^precision /, ""),
    hasRunbook ? "yes" : "none",
  ];
  return `<tr>${cells.map((cell) => `<td>${escapeHtml(String(cell))}</td>`).join("")}</tr>`;
}
