/** The words of the room. */
import { z } from "zod";
import { arg, argsOf, defineCommand, flagsOf } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Reply } from "../../platform/feature.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { lineOf } from "./cards.ts";
import { ownerName } from "./model.ts";
import { jobs, type Room } from "./room.ts";
import { findStop, lockStop, openStops } from "./store.ts";

const linesMax = 20;

export const listSpec = defineCommand({
  name: "gitops list",
  aliases: ["gitops"],
  args: z.object({ service: arg.service().optional() }),
  role: "anyone",
  summary: "What Argo CD and Flux are kept from putting back, and until when.",
  example: "gitops list",
  acts: false,
});
export const resumeSpec = defineCommand({
  name: "gitops resume",
  args: z.object({ rollout: arg.id("R"), reason: arg.rest().optional() }),
  role: "responder",
  summary: "Let it heal again now, before the time is over.",
  example: "gitops resume R-12 reverted in Git",
  acts: true,
});

export function gitopsCommands(room: Room): Command[] {
  const { database, authz } = room.platform;

  const list = async ({ line }: CommandContext): Promise<Decision<Reply>> => {
    const { service } = argsOf(listSpec, line);
    const open = await openStops(database.db, linesMax, service?.service);
    const lines = open.map((stop) => `${lineOf(stop)} (${stop.thing})`);
    return allow({ text: lines.join("\n") || "Nothing that heals by itself is stopped." });
  };

  const resume = async ({ line, actor, inboxId, place }: CommandContext): Promise<Decision<Reply>> => {
    const { rollout: thing, reason } = argsOf(resumeSpec, line);
    const { dryRun } = flagsOf(resumeSpec, line);
    const stop = await findStop(database.db, thing);
    if (!stop || stop.endedAt)
      return refuse({
        rule: "something-stopped",
        message: `Nothing is stopped for ${thing}.`,
        hint: "gitops list shows what is.",
      });
    const allowed = await authz.authorise(actor, "responder", { service: stop.service });
    if (!allowed.ok) return allowed;
    const name = ownerName(stop.owner, stop.kind);
    if (dryRun) return allow({ text: `Dry run: ${name} would heal again now. Nothing was done.` });
    await database.tx(
      async (tx) => {
        const locked = await lockStop(tx.trx, thing);
        if (!locked || locked.endedAt) return;
        await room.change(tx, { ...locked, dueAt: tx.now }, { actor, action: "gitops.resume-asked", reason });
        tx.ring({ job: jobs.end, ref: thing, lane: "urgent" });
      },
      { inboxId },
    );
    return allow({ text: `${name} heals again in a moment.`, silent: place.messageTs !== undefined });
  };

  return [
    { spec: listSpec, run: list },
    { spec: resumeSpec, run: resume },
  ];
}
