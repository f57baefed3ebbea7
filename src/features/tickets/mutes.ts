/** Mutes: quiet for a while, with an end that comes by itself. Pages still come unless they are named. */
import { randomUUID } from "node:crypto";
import { personBySlack, service as serviceOf, zoneOf } from "../../catalog/lookup.ts";
import { formatMoment } from "../../platform/commands/time.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Scope } from "../../platform/feature.ts";
import type { Actor } from "../../platform/people.ts";
import { systemActor } from "../../platform/people.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import type { Job } from "../../platform/rings/runner.ts";
import { spanText } from "./cards.ts";
import { groupsUnder } from "./members.ts";
import type { Mute, Ticket, TicketId } from "./model.ts";
import { endMute, insertMute, lockMute } from "./mute-store.ts";
import { followJob, show, type TicketParts, unmuteJob } from "./room.ts";
import { type Asking, authoriseAny, type Deed, scopesOf, unknownTicket } from "./service.ts";
import { readTicket } from "./store.ts";

export type MuteTarget = { ticket: TicketId } | { service: string };

export interface MuteWish {
  target: MuteTarget;
  until: Date;
  reason: string;
  withPages: boolean;
}

export interface MuteDeeds {
  mute(wish: MuteWish, asking: Asking): Promise<Decision<Deed>>;
  unmute(target: MuteTarget, asking: Asking): Promise<Decision<Deed>>;
}

interface Resolved {
  name: string;
  ticket: Ticket | undefined;
  scopes: readonly Scope[];
  key: { service: string } | { groupId: string };
}

export function createMutes(parts: TicketParts): MuteDeeds & { job: Job } {
  const { platform } = parts;
  const { database, catalogs, authz } = platform;

  const resolve = async (target: MuteTarget): Promise<Decision<Resolved>> => {
    if ("service" in target) {
      if (serviceOf(catalogs.current(), target.service) === undefined)
        return refuse({
          rule: "known-service",
          message: `The catalog knows no service ${target.service}.`,
          hint: "List them: status",
        });
      return allow({
        name: target.service,
        ticket: undefined,
        scopes: [{ service: target.service }],
        key: { service: target.service },
      });
    }
    const ticket = await readTicket(database.db, target.ticket);
    if (ticket === undefined) return unknownTicket(target.ticket);
    return allow({ name: ticket.id, ticket, scopes: scopesOf(ticket), key: { groupId: ticket.groupId } });
  };

  const momentFor = (at: Date, actor: Actor): string => {
    const catalog = catalogs.current();
    const reader = personBySlack(catalog, actor.team, actor.person);
    return formatMoment(
      at,
      reader === undefined ? catalog.organisation.timezone : zoneOf(catalog, reader.id),
    );
  };
  const nameOf = (person: string): string =>
    personBySlack(catalogs.current(), platform.slackTeam(), person)?.name ?? person;

  /** Shows it on the tickets it is about, and has each looked at again: what was held back may be due now. */
  const refresh = async (
    tx: Tx,
    mute: Pick<Mute, "service" | "groupId">,
    ticket: Ticket | undefined,
  ): Promise<void> => {
    for (const groupId of await groupsUnder(tx.trx, mute))
      tx.ring({ job: followJob, ref: groupId, lane: "normal" });
    const locked = ticket && (await readTicket(tx.trx, ticket.id, { lock: true }));
    if (locked) await show(tx, parts, locked);
  };

  const mute: MuteDeeds["mute"] = async (wish, asking) => {
    const { actor, inboxId } = asking;
    const found = await resolve(wish.target);
    if (!found.ok) return found;
    const { name, ticket, scopes, key } = found.value;
    const allowed = await authoriseAny(authz, actor, scopes);
    if (!allowed.ok) return allowed;
    const { muteMax } = catalogs.current().policies.alerts;
    const lastsMs = wish.until.getTime() - platform.clock.now().getTime();
    if (lastsMs <= 0)
      return refuse({
        rule: "mute-ends-later",
        message: "The mute would be over already.",
        hint: "Write how long: mute shop 2h deploy under way",
      });
    if (lastsMs > muteMax)
      return refuse({
        rule: "mute-max",
        message: `A mute lasts at most ${spanText(muteMax)}; this would be ${spanText(lastsMs)}.`,
        hint: "Mute it for less, and again when it ends.",
      });
    const words = `${name} is muted until ${momentFor(wish.until, actor)}${wish.withPages ? ", pages too" : "; pages still come"}.`;
    if (asking.dryRun) return allow({ words: `Dry run: ${words} Nothing done.`, shown: false });
    return database.tx<Decision<Deed>>(
      async (tx) => {
        const again = await authoriseAny(authz, actor, scopes);
        if (!again.ok) return again;
        const standing = await lockMute(tx.trx, key);
        if (standing !== undefined && standing.until > tx.now)
          return refuse({
            rule: "muted-once",
            message: `${name} is muted until ${momentFor(standing.until, actor)} by ${nameOf(standing.by)}: ${standing.reason}. Nothing done.`,
            hint: `End that first: unmute ${name}`,
          });
        if (standing !== undefined) await endMute(tx.trx, standing.id, null, tx.now);
        const made: Mute = {
          id: randomUUID(),
          service: "service" in key ? key.service : null,
          groupId: "groupId" in key ? key.groupId : null,
          ticket: ticket?.id ?? null,
          until: wish.until,
          reason: wish.reason.toWellFormed(),
          withPages: wish.withPages,
          by: actor.person,
        };
        await insertMute(tx.trx, made, tx.now);
        tx.ring({ job: unmuteJob, ref: made.id, lane: "normal", dueAt: made.until });
        tx.audit({
          actor,
          action: ticket ? "ticket.muted" : "service.muted",
          subject: name,
          service: ticket ? (ticket.service ?? undefined) : name,
          reason: made.reason,
          detail: { until: made.until.toISOString(), withPages: made.withPages },
        });
        await refresh(tx, made, ticket);
        return allow({ words, shown: ticket !== undefined && !ticket.isQuiet && ticket.state === "open" });
      },
      { inboxId },
    );
  };

  const unmute: MuteDeeds["unmute"] = async (target, asking) => {
    const { actor, inboxId } = asking;
    const found = await resolve(target);
    if (!found.ok) return found;
    const { name, ticket, scopes, key } = found.value;
    const allowed = await authoriseAny(authz, actor, scopes);
    if (!allowed.ok) return allowed;
    if (asking.dryRun)
      return allow({ words: `Dry run: the mute of ${name} would end. Nothing done.`, shown: false });
    return database.tx<Decision<Deed>>(
      async (tx) => {
        const standing = await lockMute(tx.trx, key);
        if (standing === undefined)
          return refuse({
            rule: "muted",
            message: `${name} is not muted. Nothing done.`,
            hint: ticket?.service ? `Its service may be: unmute ${ticket.service}` : "",
          });
        await endMute(tx.trx, standing.id, actor.person, tx.now);
        tx.audit({
          actor,
          action: ticket ? "ticket.unmuted" : "service.unmuted",
          subject: name,
          service: ticket ? (ticket.service ?? undefined) : name,
        });
        await refresh(tx, standing, ticket);
        return allow({
          words: `${name} is not muted any more.`,
          shown: ticket !== undefined && !ticket.isQuiet && ticket.state === "open",
        });
      },
      { inboxId },
    );
  };

  const job: Job = {
    name: unmuteJob,
    about: "Ends a mute when its time is over.",
    lane: "normal",
    run: (id) =>
      database.tx(async (tx) => {
        const standing = await lockMute(tx.trx, { id });
        if (standing === undefined) return undefined;
        if (standing.until > tx.now) return { again: standing.until };
        await endMute(tx.trx, id, null, tx.now);
        tx.audit({
          actor: systemActor,
          action: standing.ticket ? "ticket.unmuted" : "service.unmuted",
          subject: standing.ticket ?? standing.service ?? id,
          service: standing.service ?? undefined,
          reason: "its time is over",
        });
        await refresh(tx, standing, standing.ticket ? await readTicket(tx.trx, standing.ticket) : undefined);
        return undefined;
      }),
  };
  return { mute, unmute, job };
}
