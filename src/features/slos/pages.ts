/** The console's pages of budgets: all services, one service, its chart. */
import { createHash } from "node:crypto";
import { zoneOf } from "../../catalog/lookup.ts";
import { onlyIfKnown } from "../../platform/authz.ts";
import { renderLineChart } from "../../platform/charts.ts";
import { formatMoment } from "../../platform/commands/time.ts";
import type { Route, RouteContext } from "../../platform/feature.ts";
import { escapeHtml } from "../../platform/http/console.ts";
import { page } from "../../platform/http/page.ts";
import { sendPage, sendPicture } from "../../platform/http/server.ts";
import { readShown, type ShownBudget, type SlosRoom } from "./shown.ts";
import { burnsText, lastsText, leftText, windowTextOf } from "./table.ts";
import type { Budget, Change, SloReading } from "./types.ts";
import { askedText, burnText, usersLine, whyLines } from "./words.ts";

/** What went out, shown beside the chart. */
const changesMax = 20;

export function sloPages(room: SlosRoom): Route[] {
  const { platform } = room;
  const zoneFor = ({ actor }: RouteContext): string => {
    const catalog = platform.catalogs.current();
    const person = onlyIfKnown(catalog, actor);
    return person.ok ? zoneOf(catalog, person.value.id) : catalog.organisation.timezone;
  };
  const isKnown = (service: string): boolean =>
    platform.catalogs.current().services.some(({ name }) => name === service);

  return [
    {
      method: "GET",
      path: "/slo",
      about: "Every service's error budgets.",
      role: "anyone",
      nav: { label: "Budgets", order: 60 },
      async handle({ res, frame }) {
        const services = [...new Set(platform.catalogs.current().slos.map(({ service }) => service))].sort();
        const budgets = await room.slos.budgetsOf(services, platform.clock.now());
        sendPage(res, 200, page("Error budgets", overviewHtml(budgets), frame));
      },
    },
    {
      method: "GET",
      path: "/slo/:service",
      about: "A service's error budgets: every window, the chart, what went out, what its policy asks.",
      role: "anyone",
      async handle(context) {
        const { res, params, frame } = context;
        const service = params.service ?? "";
        if (!isKnown(service))
          return sendPage(
            res,
            404,
            page("No such service", `<p><a href="/slo">All services with SLOs</a></p>`, frame),
          );
        const zone = zoneFor(context);
        const shown = await readShown(room, service, platform.clock.now(), zone);
        sendPage(res, 200, page(`${service}: error budget`, serviceHtml(service, shown, zone), frame));
      },
    },
    {
      method: "GET",
      path: "/slo/:service/budget.png",
      about: "The chart of a service's error budget, with what went out.",
      role: "anyone",
      async handle(context) {
        const { res, params, frame } = context;
        const service = params.service ?? "";
        const shown = isKnown(service)
          ? await readShown(room, service, platform.clock.now(), zoneFor(context))
          : undefined;
        if (!shown?.chart)
          return sendPage(res, 404, page("No chart", "<p>No error budget of it is known.</p>", frame));
        sendPicture(res, await renderLineChart(shown.chart));
      },
    },
  ];
}

const cells = (tag: "td" | "th", texts: readonly string[]): string =>
  texts.map((text) => `<${tag}>${text}</${tag}>`).join("");
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<div class="table" role="region" aria-label="Table" tabindex="0"><table><tr>${cells("th", head)}</tr>${rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("")}</table></div>`;
const linkTo = (service: string): string =>
  `<a href="/slo/${encodeURIComponent(service)}">${escapeHtml(service)}</a>`;

function overviewHtml(budgets: readonly Budget[]): string {
  if (budgets.length === 0) return "<p>The catalog has no SLO yet. Declare one under <code>slos</code>.</p>";
  const rows = budgets.flatMap((budget) =>
    budget.readings.map((reading, index) => [
      index === 0 ? linkTo(budget.service) : "",
      escapeHtml(reading.slo),
      ...stateCells(reading, budget.at),
      reading.burn === undefined ? "unknown" : burnText(reading.burn),
      index === 0 ? `users ${budget.users}` : "",
    ]),
  );
  return table(["Service", "SLO", "State", "Left", "Lasts", "Burn", "Users"], rows);
}

const stateCells = (reading: SloReading, at: Date): string[] => [
  reading.severity === "none" ? reading.state : `<strong>${reading.state}, ${reading.severity}</strong>`,
  leftText(reading).replaceAll(" ", "&nbsp;"),
  lastsText(reading, at),
];

function serviceHtml(service: string, { budget, policy, chart, changes }: ShownBudget, zone: string): string {
  if (budget.readings.length === 0)
    return "<p>It has no SLO. Declare one under <code>slos</code> in the catalog.</p>";
  const rows = budget.readings.map((reading) => [
    `${escapeHtml(reading.slo)}${reading.isUserFacing ? " · user-facing" : ""}`,
    `${reading.objectivePercent} % over ${escapeHtml(windowTextOf(reading))}`,
    ...stateCells(reading, budget.at),
    escapeHtml(burnsText(reading)),
    escapeHtml(reading.owner ?? ""),
  ]);
  const held = policy.heldUntil ? ` Until ${escapeHtml(formatMoment(policy.heldUntil, zone))} at least.` : "";
  // The address changes with the chart: a browser that kept a picture shows no older one.
  const version = createHash("sha256")
    .update(JSON.stringify(chart ?? ""))
    .digest("hex")
    .slice(0, 12);
  const picture = chart
    ? `<p><img class="chart" src="/slo/${encodeURIComponent(service)}/budget.png?${version}" width="640" height="380" alt="${escapeHtml(chart.title)}"></p>`
    : "<p>There is no chart: no error budget of it is known.</p>";
  return [
    `<p>${escapeHtml(plain(usersLine(budget)))}.</p>`,
    `<p>${escapeHtml(askedText(budget, policy.words))}.${held}</p>`,
    table(["SLO", "Objective", "State", "Left", "Lasts", "Burn by window", "Owner"], rows),
    picture,
    `<h2>Why</h2><ul>${whyLines(budget)
      .map((line) => `<li>${escapeHtml(plain(line))}</li>`)
      .join("")}</ul>`,
    `<h2>What went out</h2>${changesHtml(changes, zone)}`,
    `<p><a href="/slo">All services</a></p>`,
  ].join("");
}

function changesHtml(changes: readonly Change[], zone: string): string {
  if (changes.length === 0) return "<p>Nothing in the time of the chart.</p>";
  const rows = changes
    .slice(0, changesMax)
    .map(({ id, at, service, change, version, by, outcome }) =>
      [formatMoment(at, zone), id, service, change, version, by, outcome].map((text) => escapeHtml(text)),
    );
  return table(["At", "Id", "Service", "What", "Version", "By", "Turned out"], rows);
}

/** Words made for chat, without its escapes. */
const plain = (text: string): string =>
  text.replaceAll("\u2060", "").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
