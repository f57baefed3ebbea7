/** What people do with freezes: start, end, let one service through. */
import { randomUUID } from "node:crypto";
import * as lookup from "../../catalog/lookup.ts";
import type { TimeSpan } from "../../platform/commands/spec.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Reply, Scope as RoleScope } from "../../platform/feature.ts";
import { channelLink, escapeText } from "../../platform/messages/blocks.ts";
import { type Actor, systemActor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { freezeCard, goesOn, overrideLine } from "./cards.ts";
import { type FreezeId, isSameScope, type Place, type Scope } from "./model.ts";
import { cardKey, channelsOf, jobs, type Room, standAt } from "./room.ts";
import {
  endFreeze,
  findFreeze,
  insertFreeze,
  insertOverride,
  type KeptFreeze,
  lockFreeze,
  lockFreezes,
  openFreezes,
} from "./store.ts";
import { byText, momentFor, scopeText } from "./words.ts";

export type FreezeTarget = { all: true } | { team: string } | { service: string; environment: string };

export interface Asking {
  actor: Actor;
  inboxId: string;
  isDryRun: boolean;
}

/** Of a catalog that an older release put in force. */
const overrideMaxMs = 4 * 3_600_000;

/** Whose lead may freeze it: the owning team's; everything is frozen by a lead of any team. */
export const roleScopeOf = (target: FreezeTarget): RoleScope =>
  "service" in target ? { service: target.service } : "team" in target ? { team: target.team } : undefined;

function coveredBy(target: FreezeTarget): { scope: Scope; environments: readonly string[] | null } {
  if ("service" in target)
    return { scope: { teams: [], services: [target.service] }, environments: [target.environment] };
  if ("team" in target) return { scope: { teams: [target.team], services: [] }, environments: null };
  return { scope: "all", environments: null };
}

/** Freezes until a moment. Refused past the policy's length, and while one of the same scope stands. */
export async function startFreeze(
  room: Room,
  target: FreezeTarget,
  time: TimeSpan,
  reason: string,
  { actor, inboxId, isDryRun }: Asking,
): Promise<Decision<Reply>> {
  const { authz, catalogs, database } = room;
  const allowed = await authz.authorise(actor, "lead", roleScopeOf(target));
  if (!allowed.ok) return allowed;
  const catalog = catalogs.current();
  const { durationMax } = catalog.policies.freeze;
  const covered = coveredBy(target);
  const scope = scopeText(covered);
  const lastsMs = time.until.getTime() - room.clock.now().getTime();
  if (lastsMs <= 0)
    return refuse({
      rule: "freeze-ends-later",
      message: "The freeze would be over already.",
      hint: "Write how long: freeze start shop 2h load test",
    });
  if (lastsMs > durationMax)
    return refuse({
      rule: "freeze-max",
      message: `A freeze lasts at most ${formatDuration(durationMax)}; this would be ${formatDuration(lastsMs)}.`,
      hint: "Freeze for less, or declare it under freezes in the catalog.",
    });
  const until = momentFor(catalog, actor, time.until);
  const words = `${escapeText(scope)} ${"all" in target ? "are" : "is"} frozen until ${escapeText(until)}. ${goesOn}`;
  if (isDryRun) return allow({ text: `Dry run: ${words} Nothing done.` });

  return database.tx<Decision<Reply>>(
    async (tx) => {
      await lockFreezes(tx.trx);
      const same = (await openFreezes(tx.trx)).find(
        (freeze) => freeze.by.is === "person" && freeze.until > tx.now && isSameScope(freeze, covered),
      );
      if (same)
        return refuse({
          rule: "frozen-once",
          message: `${scope} is frozen until ${momentFor(catalog, actor, same.until)} by ${byText(catalog, same)}: ${same.reason} (${same.id}). Nothing done.`,
          hint: `End that first: freeze end ${same.id} <reason>`,
        });
      const id = await nextPublicId(tx.trx, "freeze");
      const freeze: KeptFreeze = {
        key: id,
        id,
        ...covered,
        from: tx.now,
        until: time.until,
        reason: reason.toWellFormed(),
        by: { is: "person", who: { team: actor.team, person: actor.person } },
        channels: channelsOf(catalog, covered, room.slackTeam()),
      };
      await insertFreeze(tx.trx, freeze);
      tx.audit({
        actor,
        action: "freeze.started",
        subject: id,
        service: "service" in target ? target.service : undefined,
        after: "standing",
        reason: freeze.reason,
        detail: { scope: covered.scope, environments: covered.environments, until: time.until.toISOString() },
        correlation: id,
      });
      tellFreeze(room, tx, freeze);
      return allow({ text: `${id}: ${words} Told in ${freeze.channels.map(channelLink).join(", ")}.` });
    },
    { inboxId },
  );
}

/** Shows it in its channels and has its end come by itself. */
export function tellFreeze(room: Room, tx: Tx, freeze: KeptFreeze): void {
  for (const channel of freeze.channels)
    tx.say({
      key: cardKey(freeze, channel),
      channel,
      ...freezeCard(freeze, room.catalogs.current(), room.publicUrl),
    });
  if (!freeze.end) tx.ring({ job: jobs.end, ref: freeze.id, lane: "normal", dueAt: freeze.until });
}

/** Writes, tells and audits the end of a locked freeze. */
export async function concludeFreeze(
  room: Room,
  tx: Tx,
  freeze: KeptFreeze,
  actor: Actor,
  reason: string,
): Promise<void> {
  const end = { at: tx.now, by: { team: actor.team, person: actor.person }, reason };
  await endFreeze(tx.trx, freeze.id, end);
  const [service] = freeze.scope === "all" ? [] : freeze.scope.services;
  tx.audit({
    actor,
    action: "freeze.ended",
    subject: freeze.id,
    service,
    before: "standing",
    after: "over",
    reason,
    correlation: freeze.id,
  });
  tellFreeze(room, tx, { ...freeze, end });
}

/** Whose lead may end it: of a team or service it covers, or of any team where it covers all. */
function roleScopesOf({ scope }: Pick<KeptFreeze, "scope">): readonly RoleScope[] {
  if (scope === "all") return [undefined];
  return [...scope.teams.map((team) => ({ team })), ...scope.services.map((service) => ({ service }))];
}

async function mayEnd(room: Room, actor: Actor, freeze: KeptFreeze): Promise<Decision<unknown>> {
  const { by } = freeze;
  // Whoever started it may end it, whatever they lead by now.
  if (by.is === "person" && by.who.team === actor.team && by.who.person === actor.person)
    return room.authz.authorise(actor, "anyone", undefined);
  let refused: Decision<unknown> | undefined;
  for (const scope of roleScopesOf(freeze)) {
    const allowed = await room.authz.authorise(actor, "lead", scope);
    if (allowed.ok) return allowed;
    refused ??= allowed;
  }
  return refused ?? room.authz.authorise(actor, "lead", undefined);
}

export async function endByHand(
  room: Room,
  id: FreezeId,
  reason: string,
  { actor, inboxId, isDryRun }: Asking,
): Promise<Decision<Reply>> {
  const { database, catalogs } = room;
  const found = await findFreeze(database.db, id);
  if (!found)
    return refuse({
      rule: "known-freeze",
      message: `There is no freeze ${id}.`,
      hint: "List them: freeze list",
    });
  const allowed = await mayEnd(room, actor, found);
  if (!allowed.ok) return allowed;
  const catalog = catalogs.current();
  if (found.by.is === "calendar")
    return refuse({
      rule: "calendar-freeze",
      message: `${id} stands by the calendar (${found.by.name}) until ${momentFor(catalog, actor, found.until)}; it ends by itself.`,
      hint: `Let one service through: freeze override <service> 1h <reason>. Or change ${found.by.name} under freezes in the catalog.`,
    });
  if (isDryRun && !found.end)
    return allow({ text: `Dry run: ${id}, ${escapeText(scopeText(found))}, would end. Nothing done.` });
  return database.tx<Decision<Reply>>(
    async (tx) => {
      const locked = await lockFreeze(tx.trx, id);
      if (!locked || locked.end)
        return refuse({
          rule: "standing",
          message: `${id} is over already${locked?.end ? `, since ${momentFor(catalog, actor, locked.end.at)}` : ""}. Nothing done.`,
        });
      await concludeFreeze(room, tx, locked, actor, reason.toWellFormed());
      return allow({
        text: `${id} is over: rollouts of ${escapeText(scopeText(locked))} may start again.`,
      });
    },
    { inboxId },
  );
}

/** A lead of the service lets it through every freeze that stands now, for a time. */
export async function overrideFreezes(
  room: Room,
  place: Place,
  time: TimeSpan,
  reason: string,
  { actor, inboxId, isDryRun }: Asking,
): Promise<Decision<Reply>> {
  const { authz, catalogs, database } = room;
  const allowed = await authz.authorise(actor, "lead", { service: place.service }, { isFresh: true });
  if (!allowed.ok) return allowed;
  const catalog = catalogs.current();
  const mostMs = catalog.policies.freeze.overrideMax ?? overrideMaxMs;
  const lastsMs = time.until.getTime() - room.clock.now().getTime();
  if (lastsMs <= 0 || lastsMs > mostMs)
    return refuse({
      rule: "override-max",
      message:
        lastsMs <= 0
          ? "The override would be over already."
          : `A freeze is overridden for at most ${formatDuration(mostMs)}; this would be ${formatDuration(lastsMs)}.`,
      hint: `Take less: freeze override ${place.service} ${formatDuration(Math.min(mostMs, 3_600_000))} <reason>`,
    });
  const name = `${place.service} ${place.environment}`;
  return database.tx<Decision<Reply>>(
    async (tx) => {
      const stand = await standAt(room, tx.trx, place, tx.now);
      if (!stand.frozen)
        return refuse({
          rule: "frozen",
          message: `${name} is not frozen: there is nothing to override.`,
          hint: "freeze list shows what stands and what comes.",
        });
      const ids = stand.freezes.map(({ id }) => id);
      const until = escapeText(momentFor(catalog, actor, time.until));
      const words = `${escapeText(name)} may be rolled out until ${until}, past ${escapeText(ids.join(", "))}. A freeze started from now on stands again.`;
      if (isDryRun) return allow({ text: `Dry run: ${words} Nothing done.` });
      const override = {
        id: randomUUID(),
        ...place,
        until: time.until,
        reason: reason.toWellFormed(),
        by: { team: actor.team, person: actor.person },
        at: tx.now,
        covers: stand.freezes.map(({ key }) => key),
      };
      await insertOverride(tx.trx, override);
      tx.audit({
        actor,
        action: "freeze.overridden",
        subject: ids[0] ?? "freeze",
        service: place.service,
        reason: override.reason,
        detail: { environment: place.environment, freezes: ids, until: time.until.toISOString() },
        correlation: override.id,
      });
      const channel = lookup.slackIdOf(lookup.channelFor(catalog, place.service), room.slackTeam());
      if (channel)
        tx.say({ key: `freeze-override:${override.id}`, channel, text: overrideLine(override, catalog) });
      return allow({ text: words });
    },
    { inboxId },
  );
}

/** Ends a freeze whose time is over; answers when it is due otherwise. */
export async function endInTime(room: Room, id: string): Promise<{ again: Date } | undefined> {
  return room.database.tx(async (tx) => {
    const freeze = await lockFreeze(tx.trx, id);
    if (!freeze || freeze.end) return undefined;
    if (freeze.until > tx.now) return { again: freeze.until };
    await concludeFreeze(room, tx, freeze, systemActor, "Its time is over");
    return undefined;
  });
}
