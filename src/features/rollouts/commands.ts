/** The words of the room. */
import { z } from "zod";
import { arg, argsOf, defineCommand, flagsOf, type Target } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Reply } from "../../platform/feature.ts";
import { section } from "../../platform/messages/blocks.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { rolloutCard } from "./cards.ts";
import { rolloutLine } from "./headline.ts";
import type { Place } from "./holders.ts";
import { type Ask, askOf, extendRollout, type Verb } from "./people.ts";
import { cancelQueued, startOrQueue } from "./queue.ts";
import { queuedCard, queuedLine } from "./queue-card.ts";
import { findQueued, listQueued } from "./queue-store.ts";
import type { Room } from "./room.ts";
import { samplesOf } from "./samples.ts";
import { findRollout, inFlight, listRollouts } from "./store.ts";

const linesMax = 20;

export const startSpec = defineCommand({
  name: "rollout start",
  aliases: ["canary start"],
  args: z.object({ service: arg.service(), version: arg.version() }),
  flags: z.object({
    change: arg.id("C").optional(),
    steps: arg.steps().optional(),
    hold: arg.duration().optional(),
    deadline: arg.duration().optional(),
  }),
  role: "responder",
  summary: "Give a version traffic step by step; its signals promote it or take it back.",
  example: "rollout start shop v42",
  acts: true,
  opensModal: true,
});
export const listSpec = defineCommand({
  name: "rollout list",
  aliases: ["canary list", "canary"],
  args: z.object({ service: arg.service().optional() }),
  role: "anyone",
  summary: "Rollouts in flight and those queued behind them.",
  example: "rollout list",
  acts: false,
});
export const statusSpec = defineCommand({
  name: "rollout status",
  aliases: ["canary status"],
  args: z.object({ target: arg.target("service", "R").optional() }),
  role: "anyone",
  summary: "How a rollout stands: step, numbers, why it holds.",
  example: "rollout status shop",
  acts: false,
});
export const historySpec = defineCommand({
  name: "rollout history",
  aliases: ["canary history"],
  args: z.object({ target: arg.target("service", "R").optional() }),
  role: "anyone",
  summary: "Past rollouts and how they ended.",
  example: "rollout history shop",
  acts: false,
});

const targeted = z.object({ target: arg.target("service", "R"), reason: arg.rest().optional() });
const seenFlag = z.object({ seen: arg.count().optional() });

export const pauseSpec = defineCommand({
  name: "rollout pause",
  aliases: ["canary pause"],
  args: targeted,
  flags: seenFlag,
  role: "responder",
  summary: "Keep the step as it is; harm still takes it back.",
  example: "rollout pause shop looking at checkout",
  acts: true,
});
export const resumeSpec = defineCommand({
  name: "rollout resume",
  aliases: ["canary resume"],
  args: targeted,
  role: "responder",
  summary: "Go on with a paused rollout.",
  example: "rollout resume shop",
  acts: true,
});
export const revertSpec = defineCommand({
  name: "rollout revert",
  aliases: ["canary revert"],
  args: targeted,
  role: "responder",
  summary: "Take all traffic back, exactly as it was before.",
  example: "rollout revert shop errors at checkout",
  acts: true,
  whileHeld: true,
});
export const promoteSpec = defineCommand({
  name: "rollout promote",
  aliases: ["canary promote"],
  args: targeted,
  flags: seenFlag.extend({ full: arg.switch() }),
  role: "responder",
  summary: "Go to the next step without waiting, or with --full to 100 percent.",
  example: "rollout promote shop --full",
  acts: true,
});
export const cancelSpec = defineCommand({
  name: "rollout cancel",
  aliases: ["canary cancel"],
  args: targeted,
  role: "responder",
  summary: "Take a queued rollout out of the queue before its turn comes.",
  example: "rollout cancel R-12",
  acts: true,
  whileHeld: true,
});
export const extendSpec = defineCommand({
  name: "rollout extend",
  aliases: ["canary extend"],
  args: z.object({ target: arg.target("service", "R"), time: arg.time(), reason: arg.rest() }),
  role: "responder",
  summary: "Move the deadline out, within the policy.",
  example: "rollout extend shop 30m waiting for the night's traffic",
  acts: true,
});

export function rolloutCommands(room: Room): Command[] {
  const { database } = room.platform;

  const start = async ({ line, actor, inboxId }: CommandContext): Promise<Decision<Reply>> => {
    if (line.isBare) return needsForm();
    const { service: target, version } = argsOf(startSpec, line);
    const { change, steps, hold, deadline, dryRun } = flagsOf(startSpec, line);
    return startOrQueue(
      room,
      actor,
      {
        service: target.service,
        environment: target.environment,
        version,
        change,
        options: { steps, holdMs: hold, deadlineMs: deadline },
        isDryRun: dryRun,
      },
      inboxId,
    );
  };

  const list = async ({ line }: CommandContext): Promise<Decision<Reply>> => {
    const { service } = argsOf(listSpec, line);
    const found = await listRollouts(database.db, {
      ...(service ? placeOf(service) : {}),
      isInFlight: true,
      limit: linesMax,
    });
    const queued = await listQueued(database.db, service ? placeOf(service) : {});
    const lines = [...found.map(rolloutLine), ...queued.slice(0, linesMax).map(queuedLine)];
    if (lines.length > 0) return allow({ text: lines.join("\n") });
    return allow({ text: "No rollout is in flight. `/ops rollout history` shows the last ones." });
  };

  const history = async ({ line }: CommandContext): Promise<Decision<Reply>> => {
    const { target } = argsOf(historySpec, line);
    if (target?.is === "id") return show(target);
    const place = target?.is === "service" ? placeOf(target) : {};
    const found = await listRollouts(database.db, { ...place, limit: linesMax });
    return allow({ text: found.map(rolloutLine).join("\n") || "There was no rollout yet." });
  };

  const status = async (context: CommandContext): Promise<Decision<Reply>> => {
    const { target } = argsOf(statusSpec, context.line);
    return target ? show(target) : list({ ...context, line: { ...context.line, args: {} } });
  };

  const show = async (target: Target): Promise<Decision<Reply>> => {
    const queued = target.is === "id" ? await findQueued(database.db, target.id) : undefined;
    if (queued && queued.state !== "started") return allow(queuedCard(queued, room.platform.publicUrl));
    const place = target.is === "service" ? target : undefined;
    const service = place?.service;
    const rollout =
      place === undefined
        ? await findRollout(database.db, target.is === "id" ? target.id : "")
        : ((await inFlight(database.db, placeOf(place))) ??
          (await listRollouts(database.db, { ...placeOf(place), limit: 1 }))[0]);
    if (!rollout)
      return refuse({
        rule: "known-rollout",
        message:
          service === undefined ? "There is no such rollout." : `There was no rollout of ${service} yet.`,
        hint: `Start one: ${startSpec.example}.`,
      });
    const { platform } = room;
    const { text, blocks } = rolloutCard(rollout, await samplesOf(database.db, rollout.id), {
      catalog: platform.catalogs.current(),
      publicUrl: platform.publicUrl,
      slackTeam: platform.slackTeam(),
      now: platform.clock.now(),
      byHand: room.byHand(rollout),
    });
    return allow({ text, blocks: blocks ?? [section(text)] });
  };

  const asked = (
    context: CommandContext,
    args: { target: Target; reason?: string | undefined },
    seen?: number,
  ): Ask => ({
    actor: context.actor,
    inboxId: context.inboxId,
    place: context.place,
    target:
      args.target.is === "service"
        ? placeOf(args.target)
        : { id: args.target.is === "id" ? args.target.id : "" },
    reason: args.reason,
    seen,
    isDryRun: context.line.flags.dryRun,
  });

  const press =
    (spec: typeof resumeSpec, verb: Verb) =>
    (context: CommandContext): Promise<Decision<Reply>> =>
      askOf(room, asked(context, argsOf(spec, context.line)), verb);

  const pause = (context: CommandContext): Promise<Decision<Reply>> =>
    askOf(room, asked(context, argsOf(pauseSpec, context.line), flagsOf(pauseSpec, context.line).seen), {
      is: "pause",
    });

  const promote = (context: CommandContext): Promise<Decision<Reply>> => {
    const { full, seen } = flagsOf(promoteSpec, context.line);
    return askOf(room, asked(context, argsOf(promoteSpec, context.line), seen), {
      is: "promote",
      isFull: full,
    });
  };

  const cancelOf = (
    { actor, inboxId, place, line }: CommandContext,
    { target, reason }: { target: Target; reason?: string | undefined },
  ): Promise<Decision<Reply>> =>
    cancelQueued(room, {
      actor,
      inboxId,
      target: target.is === "service" ? placeOf(target) : { id: target.is === "id" ? target.id : "" },
      reason,
      isDryRun: line.flags.dryRun,
      isSilent: place.messageTs !== undefined,
    });

  /** What has not begun is taken out of the queue instead. */
  const revert = async (context: CommandContext): Promise<Decision<Reply>> => {
    const args = argsOf(revertSpec, context.line);
    const queued = args.target.is === "id" ? await findQueued(database.db, args.target.id) : undefined;
    if (queued?.state === "queued") return cancelOf(context, args);
    return askOf(room, asked(context, args), { is: "revert" });
  };

  const cancel = (context: CommandContext): Promise<Decision<Reply>> =>
    cancelOf(context, argsOf(cancelSpec, context.line));

  const extend = (context: CommandContext): Promise<Decision<Reply>> => {
    const args = argsOf(extendSpec, context.line);
    return extendRollout(room, asked(context, args), args.time);
  };

  return [
    { spec: startSpec, run: start },
    { spec: listSpec, run: list },
    { spec: statusSpec, run: status },
    { spec: historySpec, run: history },
    { spec: pauseSpec, run: pause },
    { spec: resumeSpec, run: press(resumeSpec, { is: "resume" }) },
    // Whoever answers for any service may take traffic back.
    { spec: revertSpec, scope: () => undefined, run: revert },
    { spec: promoteSpec, run: promote },
    { spec: cancelSpec, run: cancel },
    { spec: extendSpec, run: extend },
  ];
}

/** A bare line that came by a door without forms, such as a mention. */
const needsForm = (): Decision<never> =>
  refuse({
    rule: "missing-argument",
    message: "rollout start needs a service and a version.",
    hint: `Example: ${startSpec.example}`,
  });

const placeOf = ({ service, environment }: Place): Place => ({ service, environment });
