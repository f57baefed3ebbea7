/** The console's first pages: what is mine and what goes on, what waits for me, the services. */
import {
  channelFor,
  environmentsOf,
  owningTeam,
  person as personOf,
  service as serviceOf,
} from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { Feature, Route, RouteContext, SummaryLine, Waiting } from "../../platform/feature.ts";
import { cardHtml, linesHtml } from "../../platform/http/cards.ts";
import { escapeHtml, type Frame, live, page } from "../../platform/http/page.ts";
import { sendPage } from "../../platform/http/server.ts";
import { formUrl, hiddenFields } from "../../platform/messages/html.ts";
import { mrkdwnHtml } from "../../platform/messages/mrkdwn-html.ts";
import { messagesOf } from "../../platform/messages/shown.ts";
import type { Platform } from "../../platform/platform.ts";

/** Where signing in leads, and the name at the head of every page. */
export const consolePath = "/console";
const inboxPath = "/console/inbox";

/** Lines of a part of the overview; its own page has the rest. */
const linesMax = 10;
/** Cards of the inbox; what is over is counted. */
const cardsMax = 25;

export function homePages(platform: Platform, features: () => readonly Feature[]): Route[] {
  const { database, catalogs } = platform;

  const gather = async <T extends SummaryLine>(
    read: (feature: Feature) => Promise<readonly T[]> | undefined,
  ): Promise<T[]> =>
    (await Promise.all(features().map((feature) => read(feature) ?? [])))
      .flat()
      .sort((a, b) => a.rank - b.rank);
  const waitingFor = ({ actor }: RouteContext): Promise<Waiting[]> =>
    gather((feature) => feature.console?.waiting?.(actor));

  const overview = async (context: RouteContext): Promise<void> => {
    const { frame, actor, res } = context;
    const going = features().flatMap((feature) => feature.console?.going ?? []);
    const [waiting, mine, ...parts] = await Promise.all([
      waitingFor(context),
      gather((feature) => feature.summaries?.mine?.(actor)),
      ...going.map(async (part) => ({ part, lines: await part.lines() })),
    ]);
    const own = mine.filter(({ rank }) => rank > 0).slice(0, linesMax);
    const sections = parts.map(({ part, lines }) => {
      const more =
        lines.length > linesMax ? ` <a href="${part.path}">${lines.length - linesMax} more</a>` : "";
      const shown =
        lines.length === 0 ? '<p class="faint">Nothing now.</p>' : linesHtml(lines.slice(0, linesMax), frame);
      return `<h2><a href="${part.path}">${escapeHtml(part.title)}</a></h2>${shown}${more === "" ? "" : `<p>${more}</p>`}`;
    });
    const body = [
      commandHtml(frame),
      live(
        "now",
        "*",
        [
          `<h2><a href="${inboxPath}">Waits for you</a></h2>`,
          waiting.length === 0
            ? '<p class="faint">Nothing waits for you.</p>'
            : `${linesHtml(waiting.slice(0, linesMax), frame)}<p><a href="${inboxPath}">${waiting.length === 1 ? "Answer it" : `Answer ${waiting.length}`} in the inbox</a></p>`,
          ...(own.length === 0 ? [] : ["<h2>Yours now</h2>", linesHtml(own, frame)]),
          ...sections,
        ].join(""),
      ),
    ].join("");
    sendPage(res, 200, page("Overview", body, frame));
  };

  const inbox = async (context: RouteContext): Promise<void> => {
    const { frame, res } = context;
    const waiting = await waitingFor(context);
    const shown = waiting.slice(0, cardsMax);
    const cards = await messagesOf(
      database.db,
      shown.flatMap(({ card }) => card ?? []),
    );
    const parts = shown.map(({ what, text, card }) => {
      const message = card === undefined ? undefined : cards.get(card);
      return `<h2>${escapeHtml(what)}</h2>${message ? cardHtml(message, frame) : `<p>${mrkdwnHtml(text, frame)}</p>`}`;
    });
    const more =
      waiting.length > cardsMax
        ? `<p>${waiting.length - cardsMax} more wait; they come up as these are done.</p>`
        : "";
    const none = "<p>Nothing waits for you: no page, no approval, no review, no rollout.</p>";
    const body = live("waiting", "*", parts.length === 0 ? none : parts.join("") + more);
    sendPage(res, 200, page(waiting.length === 0 ? "Inbox" : `Inbox (${waiting.length})`, body, frame));
  };

  const services = async ({ frame, res, url }: RouteContext): Promise<void> => {
    const catalog = catalogs.current();
    const team = url.searchParams.get("team");
    const rows = catalog.services
      .filter((service) => team === null || owningTeam(catalog, service.name).name === team)
      .map((service) => {
        const owner = owningTeam(catalog, service.name).name;
        const dri = personOf(catalog, service.dri)?.name ?? service.dri;
        return `<tr><td><a href="/services/${encodeURIComponent(service.name)}">${escapeHtml(service.name)}</a></td><td>${escapeHtml(owner)}</td><td>${escapeHtml(dri)}</td><td>${escapeHtml(environmentsOf(catalog, service.name).join(", "))}</td></tr>`;
      });
    const body =
      rows.length === 0
        ? "<p>The catalog has no services yet.</p>"
        : `<div class="table" role="region" aria-label="Services" tabindex="0"><table><thead><tr><th>Service</th><th>Team</th><th>Responsible</th><th>Environments</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
    sendPage(res, 200, page(team === null ? "Services" : `Services of ${team}`, body, frame));
  };

  const service = async (context: RouteContext): Promise<void> => {
    const { frame, res, params } = context;
    const name = params.name ?? "";
    const catalog = catalogs.current();
    if (!serviceOf(catalog, name))
      return sendPage(
        res,
        404,
        page(
          "No such service",
          `<p>The catalog does not know it. <a href="/services">All services</a></p>`,
          frame,
        ),
      );
    const lines = await gather((feature) => (feature.console?.status ?? feature.summaries?.status)?.(name));
    const body = [
      ownerHtml(catalog, name),
      `<div class="actions">${verbsOf(name)
        .map(
          ({ label, line }) =>
            `<a class="button" href="${escapeHtml(formUrl(line, frame.forms.next))}">${label}…</a>`,
        )
        .join("")}</div>`,
      live("status", "*", `<h2>Now</h2>${linesHtml(lines, frame)}`),
      `<h2>More</h2><ul><li><a href="/slo/${encodeURIComponent(name)}">Error budget</a></li><li><a href="/tickets?service=${encodeURIComponent(name)}">Tickets</a></li><li><a href="/rollouts?service=${encodeURIComponent(name)}">Rollouts</a></li><li><a href="/audit?service=${encodeURIComponent(name)}">Audit</a></li></ul>`,
    ].join("");
    sendPage(res, 200, page(name, body, frame));
  };

  return [
    {
      method: "GET",
      path: consolePath,
      about: "Overview: what waits for one, what is one's own, what goes on.",
      role: "anyone",
      nav: { label: "Overview", order: 10 },
      handle: overview,
    },
    {
      method: "GET",
      path: inboxPath,
      about: "Inbox: all that waits for one, with its verbs.",
      role: "anyone",
      nav: { label: "Inbox", order: 20 },
      handle: inbox,
    },
    {
      method: "GET",
      path: "/services",
      about: "The services, with their owners.",
      role: "anyone",
      nav: { label: "Services", order: 30 },
      handle: services,
    },
    {
      method: "GET",
      path: "/services/:name",
      about: "A service: owner, budget, what goes on there, its verbs.",
      role: "anyone",
      handle: service,
    },
  ];
}

/** What is typed here is done as in Slack; forms open where a command has one. */
function commandHtml({ forms }: Frame): string {
  const hidden = hiddenFields(forms, "").replace(/<input[^>]*name="line"[^>]*>/, "");
  return `<form class="command" method="post" action="/do">${hidden}<div class="field"><label for="line">Command, as after /ops</label><input type="text" id="line" name="line" autocomplete="off" autocapitalize="none" spellcheck="false" required></div><div class="field"><button class="primary">Do it</button> <a class="button" href="${escapeHtml(formUrl("help", forms.next))}">Help</a></div></form>`;
}

function ownerHtml(catalog: Catalog, name: string): string {
  const known = serviceOf(catalog, name);
  const facts: [string, string][] = [
    ["Team", owningTeam(catalog, name).name],
    ["Responsible", personOf(catalog, known?.dri ?? "")?.name ?? "nobody"],
    ["Environments", environmentsOf(catalog, name).join(", ")],
    ["Channel", `#${channelFor(catalog, name).name}`],
  ];
  return `<dl>${facts.map(([label, value]) => `<dt>${label}</dt><dd>${escapeHtml(value)}</dd>`).join("")}</dl>`;
}

/** What is begun at a service; the rest stands on the cards. */
const verbsOf = (name: string): readonly { label: string; line: string }[] => [
  { label: "Start a rollout", line: `modal rollout start: ${name}` },
  { label: "Roll back", line: `rollback ${name}` },
  { label: "Mute", line: `modal mute: ${name}` },
  { label: "Runbook", line: `runbook ${name}` },
  { label: "Who is on call", line: `oncall ${name}` },
  { label: "Ask for access", line: "modal access request" },
];
