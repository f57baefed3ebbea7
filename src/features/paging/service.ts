/** The use cases of a page: it goes out, is acknowledged, is over. What waits is done by jobs.ts. */
import {
  channel as channelOf,
  leadsChannelFor,
  owningTeam,
  person as personOf,
  slackIdOf,
  team as teamOf,
} from "../../catalog/lookup.ts";
import type { Catalog, Person } from "../../catalog/schema.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Actor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { pageCard, type Scene } from "./cards.ts";
import type { Because, Page, Wake } from "./model.ts";
import type { Outside } from "./outside.ts";
import { outsidesOf } from "./outside-store.ts";
import { movePagers, tellPagers } from "./outward.ts";
import { overridesOf } from "./override-store.ts";
import { dutyAt, onCallAt, wakeOrder } from "./rotation.ts";
import {
  addWake,
  cardKey,
  directKey,
  insertPage,
  lockStanding,
  newestPage,
  wakesOf,
  writePage,
} from "./store.ts";
import { type PageRequest, type Paging, pageAcknowledged } from "./types.ts";

export const stepJob = "paging.step";
/** When a page is looked at first: by then Slack has taken it or refused it. */
const firstLookMs = 5_000;

export type PagingParts = Pick<Platform, "catalogs" | "database" | "slackTeam">;

export function createPagingApi(parts: PagingParts): Paging {
  const { catalogs, database } = parts;
  return {
    async page(tx, request) {
      const catalog = catalogs.current();
      const standing = await lockStanding(tx.trx, request.dedupKey);
      const opened = standing
        ? undefined
        : await insertPage(tx.trx, newPage(parts, catalog, request, tx.now));
      if (!opened) {
        // Somebody else's transaction may have opened it a moment ago.
        const page = standing ?? (await lockStanding(tx.trx, request.dedupKey));
        if (page)
          await change(tx, parts, {
            ...page,
            headline: request.headline,
            verbs: request.verbs,
            from: [...new Set([...page.from, ...(request.from ?? [])])],
          });
        return;
      }
      const overrides = await overridesOf(tx.trx, opened.team, tx.now);
      const asked = request.person === undefined ? undefined : personOf(catalog, request.person);
      const order = asked ? [asked] : wakeOrder(catalog, opened.team, overrides, tx.now);
      const wake = await wakeFirst(tx, parts, opened, order, asked ? "asked" : "on-call");
      tx.audit({
        actor: request.actor,
        action: "page.sent",
        subject: opened.subject,
        service: opened.service ?? undefined,
        reason: opened.headline,
        correlation: opened.id,
        detail: {
          ...request.detail,
          team: opened.team,
          woken: wake?.user ?? null,
          ...(opened.from.length > 0 ? { from: opened.from } : {}),
        },
      });
      await tellPagers(tx, catalog, opened);
      await show(tx, parts, opened);
      const lookAt = wake ? new Date(tx.now.getTime() + firstLookMs) : tx.now;
      tx.ring({ job: stepJob, ref: opened.id, lane: "urgent", dueAt: lookAt });
    },

    async acknowledge(tx, dedupKey, actor, shownAs) {
      const page = await lockStanding(tx.trx, dedupKey);
      return page ? await acknowledgePage(tx, parts, page, actor, shownAs) : { state: "not-open" };
    },

    async resolve(tx, dedupKey, actor) {
      const page = await lockStanding(tx.trx, dedupKey);
      if (page) await resolvePage(tx, parts, page, actor);
    },

    async standing(db, dedupKey) {
      const page = await newestPage(db, dedupKey);
      return (
        page && {
          state: page.state,
          acknowledgedBy: page.acknowledgedBy,
          acknowledgedAt: page.acknowledgedAt,
        }
      );
    },

    async onCall(team, at) {
      return onCallAt(catalogs.current(), team, await overridesOf(database.db, team, at), at);
    },

    async dutyOf(team, at) {
      const duty = dutyAt(catalogs.current(), team, await overridesOf(database.db, team, at), at);
      return duty && { person: duty.person, takenOverAt: duty.override && (duty.override.madeAt ?? at) };
    },
  };
}

/** Under the page's lock. `by`: who is shown for it, when that is nobody of Slack. */
export async function acknowledgePage(
  tx: Tx,
  parts: PagingParts,
  page: Page,
  actor: Actor,
  by: string = actor.person,
): ReturnType<Paging["acknowledge"]> {
  if (page.state === "resolved") return { state: "not-open" };
  if (page.state === "acknowledged")
    return {
      state: "was-acknowledged",
      by: page.acknowledgedBy ?? "quarterdeck",
      at: page.acknowledgedAt ?? page.openedAt,
    };
  tx.audit({
    actor,
    action: "page.acknowledged",
    subject: page.subject,
    service: page.service ?? undefined,
    correlation: page.id,
    detail: { afterMs: tx.now.getTime() - page.openedAt.getTime(), reminders: page.reminders },
  });
  await change(tx, parts, {
    ...page,
    state: "acknowledged",
    acknowledgedAt: tx.now,
    acknowledgedBy: by,
  });
  await movePagers(tx, page.id, "acknowledged");
  tx.emit(pageAcknowledged, page.dedupKey);
  return { state: "acknowledged" };
}

/** Under the page's lock. */
export async function resolvePage(
  tx: Tx,
  parts: PagingParts,
  page: Page,
  actor: Actor,
  by: string = actor.person,
): Promise<void> {
  tx.audit({
    actor,
    action: "page.resolved",
    subject: page.subject,
    service: page.service ?? undefined,
    correlation: page.id,
    detail: { afterMs: tx.now.getTime() - page.openedAt.getTime(), reminders: page.reminders },
  });
  await change(tx, parts, { ...page, state: "resolved", resolvedAt: tx.now, resolvedBy: by });
  await movePagers(tx, page.id, "resolved");
}

async function change(tx: Tx, parts: PagingParts, page: Page): Promise<void> {
  await writePage(tx.trx, page);
  await show(tx, parts, page);
}

/** Brings the card in the channel and every direct message to what the page is now. */
export async function show(tx: Tx, parts: PagingParts, page: Page): Promise<void> {
  const wakes = await wakesOf(tx.trx, page.id);
  const scene = sceneOf(parts, wakes, await outsidesOf(tx.trx, page.id));
  tx.say({
    key: cardKey(page.id),
    channel: page.channel,
    parent: page.parent ?? undefined,
    urgent: true,
    ...pageCard(page, scene),
  });
  for (const { user } of wakes)
    tx.say({
      key: directKey(page.id, user),
      channel: user,
      urgent: true,
      ...pageCard(page, scene, user),
    });
  if (page.state !== "open" && wakes.some(({ failedAt }) => failedAt !== null))
    tx.say({
      key: leadsKey(page.id),
      channel: leadsChannelOf(parts, page),
      urgent: true,
      ...pageCard(page, scene),
    });
}

export const leadsKey = (pageId: string): string => `${cardKey(pageId)}:leads`;

export const sceneOf = (
  parts: PagingParts,
  wakes: readonly Wake[],
  outsides: readonly Outside[] = [],
): Scene => ({
  catalog: parts.catalogs.current(),
  slackTeam: parts.slackTeam(),
  wakes,
  outsides,
});

export function leadsChannelOf(parts: PagingParts, page: Page): string {
  return slackIdOf(leadsChannelFor(parts.catalogs.current(), page.team), parts.slackTeam()) ?? page.channel;
}

/** Wakes the first of `order` whom Slack can reach at all; undefined when there is none. */
export async function wakeFirst(
  tx: Tx,
  parts: PagingParts,
  page: Page,
  order: readonly Person[],
  because: Because,
): Promise<Wake | undefined> {
  for (const person of order) {
    const user = slackIdOf(person, parts.slackTeam());
    if (user === undefined) continue;
    const wake: Wake = { person: person.id, user, at: tx.now, because, failedAt: null };
    await addWake(tx.trx, page.id, wake);
    return wake;
  }
  return undefined;
}

function newPage(parts: PagingParts, catalog: Catalog, request: PageRequest, now: Date) {
  const team = teamOf(catalog, request.team) ?? owningTeam(catalog, request.service ?? "");
  const own = channelOf(catalog, team.alertChannel);
  const fallback = channelOf(catalog, catalog.organisation.defaultChannel);
  const slackTeam = parts.slackTeam();
  const channel =
    request.channel ?? (own && slackIdOf(own, slackTeam)) ?? (fallback && slackIdOf(fallback, slackTeam));
  if (channel === undefined)
    throw new Error(
      `Neither the alert channel of team ${team.name} nor the default channel has an id in Slack team ${slackTeam}; add it under channels in the catalog`,
    );
  return {
    dedupKey: request.dedupKey,
    team: team.name,
    service: request.service ?? null,
    subject: request.subject,
    headline: request.headline,
    channel,
    parent: request.parent ?? null,
    verbs: request.verbs,
    from: request.from ?? [],
    openedAt: now,
    openedBy: request.actor.person,
  };
}
