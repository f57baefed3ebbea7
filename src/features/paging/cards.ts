/** What people see of a page. Pure. */
import { personBySlack } from "../../catalog/lookup.ts";
import { pagerTitle } from "../../catalog/paging.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { parseIdOf } from "../../platform/ids.ts";
import {
  type Block,
  card,
  dateToken,
  escapeText,
  type Mark,
  mention,
  section,
  type Verb,
} from "../../platform/messages/blocks.ts";
import { headlineFor80, plainLine } from "./headline.ts";
import { type Page, spanText, type Wake } from "./model.ts";
import type { Outside } from "./outside.ts";

export interface Scene {
  catalog: Catalog;
  slackTeam: string;
  wakes: readonly Wake[];
  outsides: readonly Outside[];
}

/** By name: whoever acknowledges is not woken by being named. */
export function nameOf(user: string, { catalog, slackTeam }: Pick<Scene, "catalog" | "slackTeam">): string {
  if (user === "quarterdeck") return "Quarterdeck";
  const known = personBySlack(catalog, slackTeam, user);
  return known ? escapeText(known.name) : mention(user);
}

/** A ticket is acknowledged as a ticket, which takes it as well; anything else by its page. */
export function acknowledgeVerb(page: Page): Verb {
  const ticket = parseIdOf("ticket", page.subject);
  return {
    label: "Acknowledge",
    line: ticket && page.dedupKey === ticket ? `ack ${ticket}` : `page-ack ${page.id}`,
    style: "primary",
  };
}

const marks: Readonly<Record<Page["state"], Mark>> = { open: "🔴", acknowledged: "🔵", resolved: "⚫" };

/** The card in the channel (`forUser` left out) and in the direct message of each person woken. */
export function pageCard(page: Page, scene: Scene, forUser?: string): { text: string; blocks: Block[] } {
  const outside = outsideText(page, scene);
  const shown = card({
    mark: marks[page.state],
    headline: page.headline,
    context: [
      `team ${escapeText(page.team)}`,
      `since ${dateToken(page.openedAt, "date_time")}`,
      escapeText(page.subject),
    ],
    body: [
      ...(page.state === "open" ? [section(wokenText(scene.wakes, scene, forUser))] : []),
      ...(outside === "" ? [] : [section(outside)]),
    ],
    ...verbsOf(page),
    last: lastLine(page, scene),
  });
  return { ...shown, text: notificationText(page, shown.text) };
}

/** Mark and a blank before the line. */
const markChars = 2;
const headlineChars = 80;

/** A lock screen shows the first line: one that says the whole, if the page's own is too long for that. */
function notificationText(page: Page, whole: string): string {
  const line = plainLine(page.headline);
  const short = headlineFor80(line, headlineChars - markChars);
  return short === line ? whole : `${marks[page.state]} ${escapeText(short)}\n${whole}`;
}

/** `PagerDuty not reached since 03:12:04 …`; once somebody has the page, only what is not right is said. */
function outsideText({ state }: Page, { outsides, catalog }: Scene): string {
  return outsides
    .flatMap((row) => {
      const title = escapeText(pagerTitle(catalog, row.pager));
      if (row.failingSince !== null)
        return [
          `*${title} not reached since ${dateToken(row.failingSince)}*${row.error === null ? "" : `: ${escapeText(row.error, 200)}`}. It is tried again; the other ways go on.`,
        ];
      if (state !== "open" || row.sent === null) return [];
      return [`${title} was told${row.sentAt === null ? "" : ` at ${dateToken(row.sentAt)}`}.`];
    })
    .join(" ");
}

function verbsOf(page: Page): { verbs: readonly Verb[]; more: readonly Verb[] } {
  if (page.state === "resolved") return { verbs: [], more: [] };
  const all = [...(page.state === "open" ? [acknowledgeVerb(page)] : []), ...page.verbs];
  return { verbs: all.slice(0, 2), more: all.slice(2) };
}

function wokenText(wakes: readonly Wake[], scene: Scene, forUser: string | undefined): string {
  const own = wakes.find(({ user }) => user === forUser);
  if (own) return `${mention(own.user)} ${becauseText[own.because]}. It repeats until somebody acknowledges.`;
  if (wakes.length === 0)
    return "Nobody could be woken by a direct message. Whoever reads this: please take it.";
  return wakes
    .map((wake) =>
      wake.failedAt === null
        ? `${mention(wake.user)} ${becauseText[wake.because]}.`
        : `${nameOf(wake.user, scene)} could not be reached.`,
    )
    .join(" ");
}

export const becauseText: Readonly<Record<Wake["because"], string>> = {
  "on-call": "you are on call",
  asked: "you were asked for",
  escalated: "whoever was woken before has not acknowledged; you are next",
  undelivered: "whoever is before you could not be reached; you are next",
};

function lastLine(page: Page, scene: Scene): string | undefined {
  const taken =
    page.acknowledgedAt && page.acknowledgedBy
      ? `Acknowledged by ${nameOf(page.acknowledgedBy, scene)} at ${dateToken(page.acknowledgedAt)}, after ${spanText(page.acknowledgedAt.getTime() - page.openedAt.getTime())}`
      : undefined;
  switch (page.state) {
    case "open":
      return undefined;
    case "acknowledged":
      return `${taken}.`;
    case "resolved":
      return `Over after ${spanText((page.resolvedAt ?? page.openedAt).getTime() - page.openedAt.getTime())}. ${taken ? `${taken}.` : "Nobody had acknowledged it."}`;
  }
}

/** Repeated in the page's thread, to everybody woken who was reached. */
export function reminderText(page: Page, users: readonly string[], at: Date): string {
  const waited = spanText(at.getTime() - page.openedAt.getTime());
  return `${users.map(mention).join(" ")} not acknowledged for ${waited}: ${page.headline}`;
}

export function nextText(page: Page, wake: Wake, at: Date): string {
  const waited = spanText(at.getTime() - page.openedAt.getTime());
  return `${mention(wake.user)} ${becauseText[wake.because]} (${waited} since the page): ${page.headline}`;
}

export function pagerText(page: Page, title: string, at: Date): string {
  const waited = spanText(at.getTime() - page.openedAt.getTime());
  return `${escapeText(title)} is told, as nobody has acknowledged (${waited} since the page): ${page.headline}`;
}

/** For the leads, when a page did not reach somebody. */
export function undeliveredCard(
  page: Page,
  failed: readonly { user: string; why: string }[],
  next: Wake | undefined,
  scene: Scene,
): { text: string; blocks: Block[] } {
  const who = failed.map(({ user, why }) => `${nameOf(user, scene)} (${escapeText(why, 120)})`).join(", ");
  const instead = next
    ? `${nameOf(next.user, scene)} is woken instead.`
    : "Nobody is left to wake: whoever reads this, please take it.";
  return card({
    mark: "🔴",
    headline: page.headline,
    context: [`team ${escapeText(page.team)}`, escapeText(page.subject)],
    body: [
      section(
        `${who ? `The page did not reach ${who}. ` : "Nobody who is on call can be woken. "}${instead}`,
      ),
    ],
    ...verbsOf(page),
  });
}
