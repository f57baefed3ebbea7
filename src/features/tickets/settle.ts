/** One transaction: a ticket opens, joins, pages, changes, closes or opens again, by what its alerts say under the lock. */
import { dependencyGraph } from "../../catalog/dependencies.ts";
import { environmentsOf, owningTeam, service as serviceOf } from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import type { AlertGroup } from "../alerts/index.ts";
import type { Budget } from "../slos/index.ts";
import { channelOf, spanText } from "./cards.ts";
import type { Place } from "./causes.ts";
import { type Choice, decide, type Evidence, supersedes } from "./decide.ts";
import { type Around, findPlace, join, pullIn, readWhole, withSuspects } from "./joining.ts";
import { lockCauses, setMember } from "./members.ts";
import { isFlappingAfter, type Mute, stepOf, type Ticket, type TicketId } from "./model.ts";
import { isMuted, mutesOf, ticketMutes } from "./mute-store.ts";
import { readOutside } from "./outside-store.ts";
import { page, sayPage } from "./page.ts";
import { published, show, type TicketParts } from "./room.ts";
import { newestTicket, writeTicket } from "./store.ts";
import type { RecentChange } from "./suspects.ts";
import { newTicket, withWhole } from "./told.ts";
import { servicesHit, wholeOf } from "./whole.ts";

/** What was read of the outside before the lock. */
export interface Asked {
  budget?: Budget | undefined;
  whyNoBudget?: string | undefined;
  /** Of the last hour and a little more, around the services concerned. */
  changes: readonly RecentChange[];
}

interface Scene {
  tx: Tx;
  parts: TicketParts;
  group: AlertGroup;
  around: Around | undefined;
  /** Throws without what was asked: call it where `asked` is known. */
  choose(isFlapping: boolean): Choice;
  asked: Asked | undefined;
  /** In force for this group. */
  mutes: readonly Mute[];
}

export async function settle(
  tx: Tx,
  parts: TicketParts,
  groupId: string,
  asked: Asked | undefined,
): Promise<Rerun> {
  const known = await parts.alerts.readGroup(tx.trx, groupId);
  if (known === undefined) return undefined;
  await lockCauses(tx.trx, known.environment);
  await parts.alerts.lockGroup(tx.trx, groupId);
  const group = (await parts.alerts.readGroup(tx.trx, groupId)) ?? known;
  const newest = await newestTicket(tx.trx, groupId, { lock: true });
  const catalog = parts.platform.catalogs.current();
  const graph = dependencyGraph(catalog);
  const whole =
    (newest && (await readWhole(tx, parts, newest.id, graph))) ??
    wholeOf([group], [{ groupId, because: "first", via: null }], graph);
  const mutes = await mutesOf(tx.trx, { services: [group.service], groupIds: [groupId] }, tx.now);
  const scene: Scene = {
    tx,
    parts,
    group,
    asked,
    mutes,
    around: asked && { graph, changes: asked.changes, joinWithinMs: catalog.policies.alerts.joinWithin },
    choose(isFlapping) {
      if (asked === undefined) throw new Error("A decision without what it is made on");
      return decide({ ...evidenceOf(parts, group, asked, mutes), isFlapping }, tx.now);
    },
  };
  const step = stepOf(whole.group, newest, tx.now);
  switch (step.do) {
    case "nothing":
      return undefined;
    case "close":
      // Somebody opened it again at its provider: a person closes it.
      if ((await readOutside(tx.trx, (newest as Ticket).id)).isKeptOpen) return undefined;
      await close(scene, withWhole(newest as Ticket, whole, tx.now), step.at);
      return undefined;
    case "hold": {
      const held = withWhole(newest as Ticket, whole, tx.now);
      await writeTicket(tx.trx, held);
      await show(tx, parts, held);
      return { again: step.until };
    }
    case "open":
      return asked === undefined ? { again: tx.now } : await open(scene, step.follows, newest?.flips ?? []);
    case "reopen": {
      if (scene.around === undefined) return { again: tx.now };
      // What explains it by now stands on a ticket of its own.
      const place = await findPlace(tx, group, scene.around);
      if (place.do === "join") {
        await joinPlace(scene, place, scene.around);
        return undefined;
      }
      const back = withWhole(newest as Ticket, whole, tx.now);
      await save(
        scene,
        {
          ...back,
          state: "open",
          closedAt: null,
          closedBy: null,
          closedBecause: null,
          closedNote: null,
          pagedAt: null,
          takenBy: null,
          takenAt: null,
          saidAt: null,
          decision: scene.choose(back.isFlapping),
        },
        "ticket.reopened",
      );
      return undefined;
    }
    case "update": {
      const before = newest as Ticket;
      if (before.pagedAt === null && asked === undefined) return { again: tx.now };
      await update(scene, before, withWhole(before, whole, tx.now));
      return undefined;
    }
  }
}

function evidenceOf(
  { platform }: TicketParts,
  group: AlertGroup,
  asked: Asked,
  mutes: readonly Mute[],
): Evidence {
  const catalog = platform.catalogs.current();
  const known = group.service === null ? undefined : serviceOf(catalog, group.service);
  const isOther = known !== undefined && group.environment !== environmentsOf(catalog, known.name)[0];
  return {
    budget: asked.budget,
    whyNoBudget: asked.whyNoBudget,
    severity: group.severity,
    severityText: group.severityText,
    always: known?.paging?.rule === "every-critical-alert" ? known.paging : undefined,
    otherEnvironment: isOther ? group.environment : undefined,
    mute: mutes.find(({ withPages }) => withPages),
    isObserved: known?.mode === "observe",
  };
}

/** It joins a ticket that stands; else it waits a moment for company, or pages, and opens one of its own. */
async function open(scene: Scene, follows: TicketId | null, flips: readonly string[]): Promise<Rerun> {
  const { tx, parts, group, around } = scene;
  if (around === undefined) return { again: tx.now };
  const place = await findPlace(tx, group, around);
  if (place.do === "join") {
    await joinPlace(scene, place, around);
    return undefined;
  }
  const choice = scene.choose(isFlappingAfter(flips, false));
  const { groupWait } = parts.platform.catalogs.current().policies.alerts;
  const waitUntil = new Date((group.firingAt ?? tx.now).getTime() + groupWait);
  if (!choice.page && waitUntil > tx.now) return { again: waitUntil };
  const id = await nextPublicId(tx.trx, "ticket");
  await setMember(
    tx.trx,
    id,
    { groupId: group.id, service: group.service, because: "first", via: null, decision: choice },
    tx.now,
  );
  const alone = wholeOf([group], [{ groupId: group.id, because: "first", via: null }], around.graph);
  const catalog = parts.platform.catalogs.current();
  const isQuiet = scene.mutes.length > 0;
  const begun = newTicket(catalog, group, { id, follows, flips, decision: choice, isQuiet }, tx.now);
  const fresh = withWhole(begun, alone, tx.now);
  const hasCompany = await pullIn(tx, parts, fresh, around);
  const whole = hasCompany ? await readWhole(tx, parts, id, around.graph) : undefined;
  await save(scene, whole === undefined ? fresh : withWhole(fresh, whole, tx.now), "ticket.opened");
  return undefined;
}

async function joinPlace(scene: Scene, place: Extract<Place, { do: "join" }>, around: Around): Promise<void> {
  const { tx, parts, group } = scene;
  const joined = await join(tx, parts, place, group, scene.choose(false));
  const whole = await readWhole(tx, parts, joined.id, around.graph);
  if (whole !== undefined) await update(scene, joined, withWhole(joined, whole, tx.now));
}

/** Owner, channel and mode of the service that stands for it now; where its card stands already it stays. */
function placed({ parts: { platform } }: Scene, ticket: Ticket): Ticket {
  const catalog = platform.catalogs.current();
  const channel =
    ticket.channel === "" ? channelOf(catalog, platform.slackTeam(), ticket.service) : ticket.channel;
  if (channel === undefined)
    throw new Error(
      `The catalog gives no Slack channel for ${ticket.service ?? "the default"} in ${platform.slackTeam()}; set organisation.defaultChannel`,
    );
  const modes = servicesHit(ticket.parts).map((name) => serviceOf(catalog, name)?.mode);
  return {
    ...ticket,
    channel,
    team: owningTeam(catalog, ticket.service ?? "").name,
    isObserved: modes.length > 0 && modes.every((mode) => mode === "observe"),
  };
}

async function save(scene: Scene, wanted: Ticket, action: string): Promise<void> {
  const { tx, parts, group } = scene;
  const ticket = withSuspects(placed(scene, wanted), scene.around);
  const paged = ticket.decision.page ? await page(tx, parts, ticket) : ticket;
  const ready = published(tx, { ...paged, changedAt: tx.now });
  await writeTicket(tx.trx, ready);
  await setMember(
    tx.trx,
    ready.id,
    {
      groupId: group.id,
      service: group.service,
      because: "first",
      via: null,
      decision: ready.decision,
    },
    tx.now,
  );
  tx.audit({
    actor: systemActor,
    action,
    subject: ticket.id,
    service: ticket.service ?? undefined,
    reason: ticket.decision.words,
    detail: {
      decision: ticket.decision,
      follows: ticket.follows,
      services: servicesHit(ticket.parts),
      suspects: ticket.suspects,
    },
  });
  await show(tx, parts, ready);
}

async function update(scene: Scene, before: Ticket, wanted: Ticket): Promise<void> {
  const { tx, parts, group, asked } = scene;
  const now = withSuspects(placed(scene, wanted), scene.around);
  const next = asked === undefined ? undefined : scene.choose(now.isFlapping);
  // What stands on the card is the decision about the service that stands for it, or the one that paged.
  const isItsOwn = group.service === now.service;
  const isNew = next !== undefined && (next.page || isItsOwn) && supersedes(next, before.decision);
  const mutes = await ticketMutes(tx.trx, now, tx.now);
  let after: Ticket = {
    ...now,
    decision: isNew ? next : before.decision,
    isQuiet: before.isQuiet && isMuted(now, mutes),
  };
  if (next !== undefined)
    await setMember(
      tx.trx,
      after.id,
      { groupId: group.id, service: group.service, because: "first", via: null, decision: next },
      tx.now,
    );
  if (isNew) {
    tx.audit({
      actor: systemActor,
      action: next.page ? "ticket.paged" : "ticket.decided",
      subject: after.id,
      service: after.service ?? undefined,
      reason: next.words,
      detail: { decision: next, before: before.decision.rule, about: group.service },
    });
    if (next.page) after = await page(tx, parts, after);
  }
  const words = (ticket: Ticket) =>
    [
      ticket.severity,
      ticket.summary,
      ticket.decision.rule,
      ticket.name,
      ...servicesHit(ticket.parts),
      ...ticket.suspects.map(({ id }) => id),
    ].join("\u0000");
  if (words(after) !== words(before)) {
    after = published(tx, { ...after, changedAt: tx.now });
    if (before.pagedAt !== null) await sayPage(tx, parts, after);
  }
  await writeTicket(tx.trx, after);
  await show(tx, parts, after);
}

async function close({ tx, parts }: Scene, ticket: Ticket, at: Date): Promise<void> {
  const after = published(tx, {
    ...ticket,
    state: "closed",
    closedAt: at,
    closedBy: null,
    closedBecause: "resolved",
    pagedAt: null,
    changedAt: tx.now,
  });
  if (ticket.pagedAt !== null) await parts.paging.resolve(tx, ticket.id, systemActor);
  await writeTicket(tx.trx, after);
  tx.audit({
    actor: systemActor,
    action: "ticket.closed",
    subject: ticket.id,
    service: ticket.service ?? undefined,
    reason: `all its alerts are resolved, after ${spanText(at.getTime() - ticket.since.getTime())}`,
  });
  await show(tx, parts, after);
}
