/** What a page adds to `/ops`, `/ops status` and `/ops why`. */
import { pagerTitle } from "../../catalog/paging.ts";
import type { Summaries, SummaryLine, Waiting } from "../../platform/feature.ts";
import { dateToken, escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { nameOf } from "./cards.ts";
import { type Page, spanText, type Wake } from "./model.ts";
import type { Outside } from "./outside.ts";
import { outsidesOf } from "./outside-store.ts";
import { cardKey, pagesAbout, waitingFor, wakesOf } from "./store.ts";

const pagesMax = 3;
/** A page that somebody has and nobody closed stays in the status this long. */
const acknowledgedShownMs = 86_400_000;

export function pagingSummaries(
  platform: Pick<Platform, "database" | "catalogs" | "slackTeam" | "clock">,
): Summaries {
  const { database, catalogs, clock } = platform;
  const sceneOf = () => ({ catalog: catalogs.current(), slackTeam: platform.slackTeam() });

  const storyOf = async (page: Page): Promise<SummaryLine> => ({
    rank: page.state === "resolved" ? 40 : 10,
    text: storyText(
      page,
      await wakesOf(database.db, page.id),
      await outsidesOf(database.db, page.id),
      sceneOf(),
    ),
  });

  return {
    async mine(actor) {
      const pages = await waitingFor(database.db, actor.person);
      return pages.map((page) => ({
        rank: 0,
        text: `🔴 ${page.headline}: waits for you since ${dateToken(page.openedAt)} (${spanText(clock.now().getTime() - page.openedAt.getTime())})`,
      }));
    },
    async status(service) {
      const pages = await pagesAbout(database.db, { service }, pagesMax);
      const shownSince = new Date(clock.now().getTime() - acknowledgedShownMs);
      const current = pages.filter(
        ({ state, acknowledgedAt }) =>
          state === "open" || (state === "acknowledged" && acknowledgedAt && acknowledgedAt >= shownSince),
      );
      return await Promise.all(current.map(storyOf));
    },
    async why(thing) {
      return await Promise.all((await pagesAbout(database.db, thing, pagesMax)).map(storyOf));
    },
  };
}

/** Pages that woke this person and that nobody has acknowledged, each with its card. */
export async function pagesWaiting(
  { database, clock }: Pick<Platform, "database" | "clock">,
  actor: Actor,
): Promise<Waiting[]> {
  const pages = await waitingFor(database.db, actor.person);
  return pages.map((page) => ({
    rank: 0,
    what: "A page nobody has acknowledged",
    text: `🔴 Unacknowledged since ${dateToken(page.openedAt)} (${spanText(clock.now().getTime() - page.openedAt.getTime())}): ${page.headline}`,
    card: cardKey(page.id),
  }));
}

const reasons: Readonly<Record<Wake["because"], string>> = {
  "on-call": "on call",
  asked: "asked for",
  escalated: "no answer before",
  undelivered: "the one before not reached",
};

/** `Paged at 03:12: PAGE shop … Woken: Olive (on call), Lena (no answer before). Reminded 2 times. Acknowledged by …` */
function storyText(
  page: Page,
  wakes: readonly Wake[],
  outsides: readonly Outside[],
  scene: Parameters<typeof nameOf>[1],
): string {
  const woken = wakes.map(
    (wake) => `${nameOf(wake.user, scene)} (${reasons[wake.because]}${wake.failedAt ? ", not reached" : ""})`,
  );
  const parts = [
    `Paged at ${dateToken(page.openedAt, "date_time")}: ${page.headline}`,
    `Woken: ${woken.join(", ") || "nobody"}`,
    ...outsides.map((row) => outsideStory(row, scene)),
    ...(page.reminders > 0 ? [`Reminded ${page.reminders === 1 ? "once" : `${page.reminders} times`}`] : []),
    page.acknowledgedAt && page.acknowledgedBy
      ? `Acknowledged by ${nameOf(page.acknowledgedBy, scene)} at ${dateToken(page.acknowledgedAt)}`
      : "Not acknowledged",
    ...(page.resolvedAt ? [`Over at ${dateToken(page.resolvedAt)}`] : []),
  ];
  return `${parts.join(". ")}.`;
}

/** `PagerDuty was told at 03:12, acknowledged there`; `Opsgenie not reached since 03:12` */
function outsideStory(row: Outside, scene: Parameters<typeof nameOf>[1]): string {
  const { sent, calledAt, sentAt, failingSince } = row;
  const title = escapeText(pagerTitle(scene.catalog, row.pager));
  if (failingSince !== null) return `${title} not reached since ${dateToken(failingSince)}`;
  if (sent === null) return `${title} not told yet`;
  if (calledAt === null) return `${title} was not told: it was over before`;
  return `${title} was told at ${dateToken(sentAt ?? calledAt)}${sent === "triggered" ? "" : `, ${sent} there`}`;
}
