/** The words of the room. */
import { z } from "zod";
import { nextSpan } from "../../catalog/freeze-times.ts";
import { freezesOf } from "../../catalog/lookup.ts";
import { arg, argsOf, defineCommand, type Target } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Reply } from "../../platform/feature.ts";
import { dateToken, escapeText } from "../../platform/messages/blocks.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import { freezeLine, overrideLine } from "./cards.ts";
import { type Room, standingNow } from "./room.ts";
import {
  type Asking,
  endByHand,
  type FreezeTarget,
  overrideFreezes,
  roleScopeOf,
  startFreeze,
} from "./service.ts";
import { overridesAt } from "./store.ts";
import { scopeText } from "./words.ts";

/** How far ahead the calendar is read for the list. */
const aheadMs = 30 * 86_400_000;
const linesMax = 20;

const listSpec = defineCommand({
  name: "freeze list",
  aliases: ["freeze"],
  args: z.object({}),
  role: "anyone",
  summary: "Freezes that stand, what leads let through them, and what the calendar brings.",
  example: "freeze list",
  acts: false,
});
const startSpec = defineCommand({
  name: "freeze start",
  args: z.object({ target: arg.target("service", "team", "all"), time: arg.time(), reason: arg.rest() }),
  role: "lead",
  summary: "No new rollout of a service, a team's services or all for a while; it ends by itself.",
  example: "freeze start shop 2h the sale is on",
  acts: true,
});
const endSpec = defineCommand({
  name: "freeze end",
  args: z.object({ freeze: arg.id("F"), reason: arg.rest() }),
  role: "lead",
  summary: "Ends a freeze before its time.",
  example: "freeze end F-1 the sale is over",
  acts: true,
});
const overrideSpec = defineCommand({
  name: "freeze override",
  args: z.object({ service: arg.service(), time: arg.time(), reason: arg.rest() }),
  role: "lead",
  summary: "Lets rollouts of one service start for a while although a freeze stands.",
  example: "freeze override shop 1h fix for the broken checkout",
  acts: true,
});

export function freezeCommands(room: Room): Command[] {
  const askingOf = ({ actor, inboxId, line }: CommandContext): Asking => ({
    actor,
    inboxId,
    isDryRun: line.flags.dryRun,
  });

  const list = async ({ now, catalog }: CommandContext): Promise<Decision<Reply>> => {
    const { db } = room.database;
    const [freezes, overrides] = await Promise.all([standingNow(room, db, now), overridesAt(db, now)]);
    const coming = freezesOf(catalog)
      .flatMap((freeze) => {
        const span = nextSpan(freeze, now, aheadMs);
        return span ? [{ ...freeze, environments: freeze.environments ?? null, span }] : [];
      })
      .sort((one, other) => one.span.from.getTime() - other.span.from.getTime());
    const lines = [
      ...(freezes.length === 0
        ? ["Nothing is frozen."]
        : freezes.map((freeze) => freezeLine(freeze, catalog))),
      ...overrides.map((override) => overrideLine(override, catalog)),
      ...coming.map(
        ({ name, span, reason, ...covered }) =>
          `⚪ ${escapeText(name)} · ${escapeText(scopeText(covered))} · ${dateToken(span.from, "date_time")} to ${dateToken(span.until, "date_time")}: ${escapeText(reason, 200)}`,
      ),
    ];
    const more = lines.length - linesMax;
    return allow({
      text: [...lines.slice(0, linesMax), ...(more > 0 ? [`… and ${more} more`] : [])].join("\n"),
    });
  };

  const start = (context: CommandContext): Promise<Decision<Reply>> => {
    const { target, time, reason } = argsOf(startSpec, context.line);
    return startFreeze(room, targetOf(target), time, reason, askingOf(context));
  };

  const end = (context: CommandContext): Promise<Decision<Reply>> => {
    const { freeze, reason } = argsOf(endSpec, context.line);
    return endByHand(room, freeze, reason, askingOf(context));
  };

  const override = (context: CommandContext): Promise<Decision<Reply>> => {
    const { service, time, reason } = argsOf(overrideSpec, context.line);
    const place = { service: service.service, environment: service.environment };
    return overrideFreezes(room, place, time, reason, askingOf(context));
  };

  return [
    { spec: listSpec, run: list },
    {
      spec: startSpec,
      scope: (line) => roleScopeOf(targetOf(argsOf(startSpec, line).target)),
      run: start,
    },
    // Who may end it depends on the freeze: decided where it is read.
    { spec: endSpec, scope: () => undefined, run: end },
    {
      spec: overrideSpec,
      scope: (line) => ({ service: argsOf(overrideSpec, line).service.service }),
      run: override,
    },
  ];
}

function targetOf(target: Target): FreezeTarget {
  switch (target.is) {
    case "service":
      return { service: target.service, environment: target.environment };
    case "team":
      return { team: target.team };
    case "all":
      return { all: true };
    case "id":
    case "person":
    case "resource":
      throw new Error(`a freeze cannot be of a ${target.is}`);
  }
}
