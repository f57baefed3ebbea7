/** `/ops access report` and the page `/access`: who holds what, how long things take, and what could be less. */

import { DateTime } from "luxon";
import { owningTeam, personBySlack, zoneOf } from "../../catalog/lookup.ts";
import type { Catalog, Resource } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Reply, Route } from "../../platform/feature.ts";
import { escapeHtml, page } from "../../platform/http/page.ts";
import { sendPage } from "../../platform/http/server.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { liveStates } from "./model.ts";
import { standingOutside } from "./outside.ts";
import { type AccessReport, accessReport } from "./report.ts";
import { reportSections, type Section } from "./report-words.ts";
import type { Room } from "./room.ts";
import { listGrants } from "./store.ts";

export const reportPath = "/access/report";
const dayMs = 86_400_000;
export const reportUsualMs = 30 * dayMs;
/** Grants that are read for one report; a time with more is cut, and says so. */
const grantsMax = 20_000;

interface Asked {
  /** All teams when left out. */
  team?: string | undefined;
  sinceMs: number;
}

async function readReport({ platform }: Room, { team, sinceMs }: Asked) {
  const { database, clock, catalogs } = platform;
  const catalog = catalogs.current();
  const to = clock.now();
  const from = new Date(to.getTime() - sinceMs);
  const resources = catalog.resources.filter((one) => team === undefined || isOf(catalog, one, team));
  const names = new Set(resources.map(({ name }) => name));
  const lately = await listGrants(database.db, { requestedSince: from, limit: grantsMax });
  const live = await listGrants(database.db, { states: liveStates, limit: grantsMax });
  const grants = [...new Map([...lately, ...live].map((grant) => [grant.id, grant] as const)).values()];
  const report: AccessReport = accessReport(
    grants.filter(({ resource }) => team === undefined || names.has(resource)),
    resources,
    { from, to },
  );
  const standing = await standingOutside(
    database.db,
    { instances: team === undefined ? undefined : resources.map(({ accessor }) => accessor) },
    grantsMax,
  );
  return { catalog, report, standing, isCut: lately.length === grantsMax };
}

/** A resource is its service's team's, or of those who approve for it. */
function isOf(catalog: Catalog, { service, roles }: Resource, team: string): boolean {
  if (service !== undefined && owningTeam(catalog, service).name === team) return true;
  return roles.some(({ policy }) => policy.approvers.includes(team));
}

function clockFor(catalog: Catalog, actor: Actor): (at: Date) => string {
  const known = personBySlack(catalog, actor.team, actor.person);
  const zone = known ? zoneOf(catalog, known.id) : catalog.organisation.timezone;
  return (at) => DateTime.fromJSDate(at, { zone }).toFormat("d LLL HH:mm");
}

const titleOf = ({ team, sinceMs }: Asked): string =>
  `Access${team === undefined ? "" : ` of ${team}`}, last ${formatDuration(sinceMs)}`;

async function sectionsFor(room: Room, actor: Actor, asked: Asked): Promise<Section[]> {
  const { catalog, report, standing, isCut } = await readReport(room, asked);
  const sections = reportSections(catalog, report, standing, clockFor(catalog, actor));
  return isCut
    ? [{ title: `Only the newest ${grantsMax} requests are counted`, lines: [] }, ...sections]
    : sections;
}

export async function reportReply(room: Room, actor: Actor, asked: Asked): Promise<Reply> {
  const sections = await sectionsFor(room, actor, asked);
  const text = sections
    .filter(({ lines, title }) => lines.length > 0 || title.startsWith("Held"))
    .map(({ title, lines }) =>
      [`*${escapeText(title)}*`, ...lines.map((line) => `• ${escapeText(line)}`)].join("\n"),
    );
  return { text: [escapeText(titleOf(asked)), ...text].join("\n") };
}

export function reportRoute(room: Room): Route {
  return {
    method: "GET",
    path: reportPath,
    about: "The access report: who holds what now, how long things take, and what could be less.",
    role: "anyone",
    handle: async ({ actor, res, url, frame }) => {
      const team = room.platform.catalogs
        .current()
        .teams.find(({ name }) => name === url.searchParams.get("team"))?.name;
      const asked = { team, sinceMs: reportUsualMs };
      const sections = await sectionsFor(room, actor, asked);
      sendPage(res, 200, page(titleOf(asked), formHtml(room, team) + sections.map(html).join(""), frame));
    },
  };
}

function formHtml({ platform }: Room, chosen: string | undefined): string {
  const options = platform.catalogs
    .current()
    .teams.map(
      ({ name }) =>
        `<option value="${escapeHtml(name)}"${name === chosen ? " selected" : ""}>${escapeHtml(name)}</option>`,
    );
  return `<form method="get" action="${reportPath}"><label>Team <select name="team"><option value="">all</option>${options.join("")}</select></label> <button>Show</button></form>`;
}

function html({ title, lines }: Section): string {
  const items = lines.map((line) => `<li>${escapeHtml(line)}</li>`).join("");
  return `<section><h2>${escapeHtml(title)}</h2>${items === "" ? "<p>None.</p>" : `<ul>${items}</ul>`}</section>`;
}
