/** `/ops page`, `/ops page-ack`, `/ops oncall`, `/ops oncall override`. */
import { z } from "zod";
import { owningTeam, person as personOf, slackIdOf, teamsOf } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { arg, argsOf, defineCommand, flagsOf } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Reply } from "../../platform/feature.ts";
import { cut, dateToken, escapeText } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { nameOf } from "./cards.ts";
import { onCallLine } from "./on-call-line.ts";
import { insertOverride, overridesOf } from "./override-store.ts";
import { wakeOrder } from "./rotation.ts";
import { acknowledgePage } from "./service.ts";
import { findPage, lockPage } from "./store.ts";
import type { PageRequest, Paging } from "./types.ts";

export const pageSpec = defineCommand({
  name: "page",
  args: z.object({ target: arg.target("service", "team", "person"), reason: arg.rest() }),
  role: "anyone",
  acts: true,
  whileHeld: true,
  summary: "Wakes whoever is on call, or one person, until somebody acknowledges.",
  example: "page shop checkout hangs for everybody",
});
export const pageAckSpec = defineCommand({
  name: "page-ack",
  args: z.object({ page: arg.word() }),
  role: "anyone",
  acts: false,
  summary: "Acknowledges a page by its id; the button on it does the same.",
  example: "page-ack 3f2a9c1e-5b7d-4e60-9a31-0c4f8d2b6e75",
});
export const onCallSpec = defineCommand({
  name: "oncall",
  args: z.object({ target: arg.target("service", "team").optional() }),
  role: "anyone",
  acts: false,
  summary: "Who is on call now and until when, who is woken after them, and who is next.",
  example: "oncall shop",
});
export const overrideSpec = defineCommand({
  name: "oncall override",
  args: z.object({ team: arg.team(), person: arg.person(), time: arg.time() }),
  flags: z.object({ at: arg.instant().optional() }),
  role: "responder",
  acts: true,
  summary: "Puts somebody on call for a team for a time, in place of its schedule.",
  example: "oncall override storefront @lena 8h",
});

/** Longest reason that still leaves the headline one line. */
const reasonCharsMax = 300;

export function pagingCommands(platform: Platform, paging: Paging): Command[] {
  const { database, catalogs, clock, authz, slackTeam } = platform;

  const page = async (context: CommandContext): Promise<Decision<Reply>> => {
    const { line, actor, catalog, inboxId } = context;
    const { target, reason } = argsOf(pageSpec, line);
    const place = placeOf(catalog, target);
    const overrides = await overridesOf(database.db, place.team, clock.now());
    const asked = place.person === undefined ? undefined : personOf(catalog, place.person);
    const first = (asked ? [asked] : wakeOrder(catalog, place.team, overrides, clock.now())).find(
      (one) => slackIdOf(one, slackTeam()) !== undefined,
    );
    if (asked && !first)
      return refuse({
        rule: "reachable-people-only",
        message: `${asked.name} has no Slack id in the catalog and cannot be paged.`,
        hint: "Page their team instead.",
      });
    const who = first ? escapeText(first.name) : `the leads of ${escapeText(place.team)}`;
    if (flagsOf(pageSpec, line).dryRun)
      return allow({ text: `Would page ${who} for ${escapeText(place.subject)}. Nothing done.` });
    const request: PageRequest = {
      ...place,
      headline: `PAGE ${escapeText(place.subject)}: ${escapeText(cut(reason, reasonCharsMax))} (by ${nameOf(actor.person, { catalog, slackTeam: slackTeam() })})`,
      dedupKey: `typed:${inboxId}`,
      verbs: [],
      actor,
    };
    await database.tx((tx) => paging.page(tx, request), { inboxId });
    return allow({ text: `Paged ${who}. It repeats until somebody acknowledges.` });
  };

  const acknowledge = async (context: CommandContext): Promise<Decision<Reply>> => {
    const { line, actor, inboxId, catalog } = context;
    const { page: id } = argsOf(pageAckSpec, line);
    const found = await findPage(database.db, id.toLowerCase());
    if (!found)
      return refuse({
        rule: "unknown-page",
        message: `There is no page ${id}.`,
        hint: "Press Acknowledge on the page itself; `/ops` lists those that wait for you.",
      });
    const allowed = await authz.authorise(actor, "responder", { team: found.team });
    if (!allowed.ok) return allowed;
    const answer = await database.tx(
      async (tx) => {
        const locked = await lockPage(tx.trx, found.id);
        return locked ? await acknowledgePage(tx, platform, locked, actor) : ({ state: "not-open" } as const);
      },
      { inboxId },
    );
    switch (answer.state) {
      case "acknowledged":
        return allow({ text: "It is yours; reminders stop.", silent: true });
      case "was-acknowledged": {
        const who =
          answer.by === actor.person ? "you" : nameOf(answer.by, { catalog, slackTeam: slackTeam() });
        return allow({
          text: `Nothing done: it was acknowledged by ${who} at ${dateToken(answer.at)}.`,
        });
      }
      case "not-open":
        return allow({ text: "Nothing done: it is over already." });
    }
  };

  const onCall = async ({ line, catalog, now }: CommandContext): Promise<Decision<Reply>> => {
    const { target } = argsOf(onCallSpec, line);
    const teams =
      target === undefined
        ? catalog.teams.map(({ name }) => name)
        : [
            target.is === "team"
              ? target.team
              : target.is === "service"
                ? owningTeam(catalog, target.service).name
                : "",
          ];
    const lines = await Promise.all(
      teams.map(async (team) => {
        const overrides = await overridesOf(database.db, team, now);
        return onCallLine(catalog, team, overrides, now, slackTeam());
      }),
    );
    return allow({ text: lines.join("\n") || "The catalog has no teams yet." });
  };

  const override = async (context: CommandContext): Promise<Decision<Reply>> => {
    const { line, actor, catalog, inboxId, now } = context;
    const { team, person, time } = argsOf(overrideSpec, line);
    const { at, dryRun } = flagsOf(overrideSpec, line);
    const from = at ?? now;
    const until = time.hasFixedEnd ? time.until : new Date(from.getTime() + time.durationMs);
    const substitute = personOf(catalog, person);
    const user = substitute && slackIdOf(substitute, slackTeam());
    if (!substitute || user === undefined)
      return refuse({
        rule: "reachable-people-only",
        message: `${substitute?.name ?? person} has no Slack id in the catalog and could not be paged.`,
        hint: "Name somebody who can be reached in Slack.",
      });
    if (until <= from)
      return refuse({
        rule: "ends-after-it-begins",
        message: "It would end before it begins.",
        hint: "Write a later end, or a duration: oncall override storefront @lena 8h --at fri 18:00.",
      });
    const what = `${escapeText(substitute.name)} on call for ${escapeText(team)} from ${dateToken(from, "date_time")} until ${dateToken(until, "date_time")}`;
    if (dryRun) return allow({ text: `Would put ${what}. Nothing done.` });
    await database.tx(
      async (tx) => {
        await insertOverride(
          tx.trx,
          { team, person: substitute.id, from, until, madeBy: actor.person },
          tx.now,
        );
        tx.audit({
          actor,
          action: "oncall.overridden",
          subject: team,
          detail: { person: user, from: from.toISOString(), until: until.toISOString() },
        });
        if (user !== actor.person)
          tx.say({
            key: `oncall:${inboxId}`,
            channel: user,
            text: `You are on call for ${escapeText(team)} from ${dateToken(from, "date_time")} until ${dateToken(until, "date_time")}, set by ${nameOf(actor.person, { catalog: catalogs.current(), slackTeam: slackTeam() })}.`,
          });
      },
      { inboxId },
    );
    return allow({ text: `${what}.` });
  };

  return [
    { spec: pageSpec, run: page, scope: () => undefined },
    { spec: pageAckSpec, run: acknowledge },
    { spec: onCallSpec, run: onCall },
    {
      spec: overrideSpec,
      run: override,
      scope: (line) => ({ team: argsOf(overrideSpec, line).team }),
    },
  ];
}

type PageTarget = z.output<typeof pageSpec.args>["target"];

function placeOf(
  catalog: Catalog,
  target: PageTarget,
): Pick<PageRequest, "team" | "service" | "person" | "subject"> {
  if (target.is === "service")
    return {
      team: owningTeam(catalog, target.service).name,
      service: target.service,
      subject: target.service,
    };
  if (target.is === "person") {
    const team = teamsOf(catalog, target.person)[0]?.name ?? catalog.organisation.defaultOwner;
    return { team, person: target.person, subject: personOf(catalog, target.person)?.name ?? target.person };
  }
  const team = target.is === "team" ? target.team : catalog.organisation.defaultOwner;
  return { team, subject: team };
}
