/** What a page that nobody acknowledged does next: repeat, move on, say that somebody could not be reached. */
import { person as personOf, team as teamOf } from "../../catalog/lookup.ts";
import { pagerInstance, pagerTitle } from "../../catalog/paging.ts";
import type { Catalog, Person, Rung } from "../../catalog/schema.ts";
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Job } from "../../platform/rings/runner.ts";
import { nextText, pagerText, reminderText, undeliveredCard } from "./cards.ts";
import { type Page, type Policy, type Step, stepsDue, undeliveredAfterMs, type Wake } from "./model.ts";
import { tellPager } from "./outward.ts";
import { overridesOf } from "./override-store.ts";
import { dutyAt, wakeOrder } from "./rotation.ts";
import { leadsChannelOf, leadsKey, type PagingParts, sceneOf, show, stepJob, wakeFirst } from "./service.ts";
import { cardKey, directKey, lockPage, markFailed, wakesOf, writePage } from "./store.ts";

export function createStepJob(platform: Pick<Platform, "log"> & PagingParts): Job {
  const { database, catalogs, log } = platform;
  return {
    name: stepJob,
    whileHeld: true,
    about: "Reminds of a page that nobody acknowledged, and wakes the next person when it is time.",
    lane: "urgent",
    run: (ref) =>
      database.tx(async (tx) => {
        const page = await lockPage(tx.trx, ref);
        if (!page) return undefined;
        const { remindEvery, escalateAfter } = catalogs.current().policies.paging;
        const policy: Policy = {
          remindEveryMs: remindEvery,
          escalateAfterMs: escalateAfter,
          undeliveredAfterMs,
          ladder: teamOf(catalogs.current(), page.team)?.escalation,
        };
        const due = stepsDue(page, await wakesOf(tx.trx, page.id), policy, tx.now);
        if (!due) return undefined;
        if (due.steps.length > 0) await take(tx, platform, page, due.steps, policy);
        for (const step of due.steps)
          if (step.do === "give-up")
            log.error(
              { page: page.id, person: step.wake.person, why: step.why },
              "a page did not reach somebody; the next person is woken",
            );
        return { again: due.nextAt };
      }),
  };
}

async function take(
  tx: Tx,
  parts: PagingParts,
  page: Page,
  steps: readonly Step[],
  policy: Policy,
): Promise<void> {
  const audit = (action: string, detail: Record<string, unknown>) =>
    tx.audit({
      actor: systemActor,
      action,
      subject: page.subject,
      service: page.service ?? undefined,
      correlation: page.id,
      detail: { ...detail, afterMs: tx.now.getTime() - page.openedAt.getTime() },
    });
  const failed: { user: string; why: string }[] = [];
  let now = page;
  let hasChanged = false;
  for (const step of steps) {
    switch (step.do) {
      case "give-up":
        await markFailed(tx.trx, page.id, step.wake.person, tx.now);
        failed.push({ user: step.wake.user, why: step.why });
        hasChanged = true;
        audit("page.undelivered", { person: step.wake.user, why: step.why });
        break;
      case "wake-next": {
        const woken = await wakeNext(tx, parts, page, step.because);
        if (woken) {
          hasChanged = true;
          audit("page.escalated", {
            woken: woken.user,
            because: woken.because,
            escalateAfterMs: policy.escalateAfterMs,
          });
          sayNext(tx, page, woken);
        }
        if (step.because === "undelivered") await tellLeads(tx, parts, page, failed, woken);
        break;
      }
      case "climb": {
        now = { ...now, climbed: now.climbed + 1, climbedAt: tx.now };
        const reached = await climb(tx, parts, page, step.rung);
        audit("page.escalated", { step: now.climbed, ...rungWords(step.rung), ...reached });
        hasChanged = true;
        break;
      }
      case "remind":
        now = { ...now, reminders: now.reminders + 1, remindedAt: tx.now };
        await remind(tx, now);
        audit("page.reminded", { count: now.reminders, remindEveryMs: policy.remindEveryMs });
        break;
    }
  }
  if (now !== page) await writePage(tx.trx, now);
  if (hasChanged) await show(tx, parts, now);
}

const rungWords = ({ wake, pager }: Rung) => (pager === undefined ? { wake } : { pager });

/** One step of the team's own: whom it woke, or whether a provider is told now. */
async function climb(
  tx: Tx,
  parts: PagingParts,
  page: Page,
  { wake, pager }: Rung,
): Promise<{ woken: readonly string[] } | { isTold: boolean }> {
  const catalog = parts.catalogs.current();
  if (pager !== undefined) {
    const instance = pagerInstance(catalog, pager);
    const isTold = instance !== undefined && (await tellPager(tx, page, instance));
    if (isTold)
      tx.say({
        key: `${cardKey(page.id)}:pager:${pager}`,
        channel: page.channel,
        parent: cardKey(page.id),
        urgent: true,
        text: pagerText(page, pagerTitle(catalog, pager), tx.now),
      });
    return { isTold };
  }
  const woken: Wake[] = [];
  for (const order of await ordersOf(tx, catalog, page, wake)) {
    const one = await wakeFirst(tx, parts, page, order, "escalated");
    if (one === undefined) continue;
    woken.push(one);
    sayNext(tx, page, one);
  }
  return { woken: woken.map(({ user }) => user) };
}

/** For each person a step wakes, whom to try in turn; nobody who was woken before. */
async function ordersOf(
  tx: Tx,
  catalog: Catalog,
  page: Page,
  wake: Rung["wake"],
): Promise<readonly (readonly Person[])[]> {
  const overrides = await overridesOf(tx.trx, page.team, tx.now);
  const woken = new Set((await wakesOf(tx.trx, page.id)).map(({ person }) => person));
  const fresh = (people: readonly Person[]) => people.filter(({ id }) => !woken.has(id));
  switch (wake) {
    case "leads": {
      const leads = (teamOf(catalog, page.team)?.leads ?? []).flatMap((id) => personOf(catalog, id) ?? []);
      return fresh(leads).map((lead) => [lead]);
    }
    case "on-call": {
      const duty = dutyAt(catalog, page.team, overrides, tx.now);
      return duty ? [fresh([duty.person])] : [];
    }
    case "next":
    case undefined:
      return [fresh(wakeOrder(catalog, page.team, overrides, tx.now))];
  }
}

function sayNext(tx: Tx, page: Page, woken: Wake): void {
  tx.say({
    key: `${cardKey(page.id)}:next:${woken.person}`,
    channel: page.channel,
    parent: cardKey(page.id),
    urgent: true,
    text: nextText(page, woken, tx.now),
  });
}

async function wakeNext(
  tx: Tx,
  parts: PagingParts,
  page: Page,
  because: "escalated" | "undelivered",
): Promise<Wake | undefined> {
  const [order = []] = await ordersOf(tx, parts.catalogs.current(), page, "next");
  return await wakeFirst(tx, parts, page, order, because);
}

/** Edited with each failure, so it stands in the leads' channel once. */
async function tellLeads(
  tx: Tx,
  parts: PagingParts,
  page: Page,
  failed: readonly { user: string; why: string }[],
  next: Wake | undefined,
): Promise<void> {
  const wakes = await wakesOf(tx.trx, page.id);
  const named = new Set(failed.map(({ user }) => user));
  const earlier = wakes
    .filter(({ failedAt, user }) => failedAt !== null && !named.has(user))
    .map(({ user }) => ({ user, why: "not reached before" }));
  tx.say({
    key: leadsKey(page.id),
    channel: leadsChannelOf(parts, page),
    urgent: true,
    ...undeliveredCard(page, [...earlier, ...failed], next, sceneOf(parts, wakes)),
  });
}

/** In the thread of the card and of each person's own message, where Slack notifies them again. */
async function remind(tx: Tx, page: Page): Promise<void> {
  const reached = (await wakesOf(tx.trx, page.id)).filter(({ failedAt }) => failedAt === null);
  const text = reminderText(
    page,
    reached.map(({ user }) => user),
    tx.now,
  );
  tx.say({
    key: `${cardKey(page.id)}:reminder:${page.reminders}`,
    channel: page.channel,
    parent: cardKey(page.id),
    urgent: true,
    text,
  });
  for (const { user } of reached)
    tx.say({
      key: `${directKey(page.id, user)}:reminder:${page.reminders}`,
      channel: user,
      parent: directKey(page.id, user),
      urgent: true,
      text: reminderText(page, [user], tx.now),
    });
}
