/** The words of the room. */
import { z } from "zod";
import { arg, argsOf, defineCommand, flagsOf, type Target } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Reply } from "../../platform/feature.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import { runLine } from "./cards.ts";
import { gates } from "./model.ts";
import { type Ask, closeGates, openGate, rollBack } from "./press.ts";
import type { Room } from "./room.ts";
import { listRuns } from "./store.ts";

const linesMax = 20;
const target = arg.target("service", "R");

export const listSpec = defineCommand({
  name: "flagger list",
  aliases: ["flagger"],
  args: z.object({ service: arg.service().optional() }),
  role: "anyone",
  summary: "Flagger canaries that are going, and the gates they wait at.",
  example: "flagger list",
  acts: false,
});
export const openSpec = defineCommand({
  name: "flagger open",
  args: z.object({ target, time: arg.time().optional(), reason: arg.rest().optional() }),
  flags: z.object({ gate: arg.choice(gates).optional(), seen: arg.count().optional() }),
  role: "responder",
  summary: "Let a Flagger canary pass the gate it waits at, for 15 minutes or as long as you say.",
  example: "flagger open shop 30m numbers look right",
  acts: true,
});
export const closeSpec = defineCommand({
  name: "flagger close",
  args: z.object({ target, reason: arg.rest().optional() }),
  role: "responder",
  summary: "Close the open gates of a Flagger canary again.",
  example: "flagger close shop",
  acts: true,
});
export const rollbackSpec = defineCommand({
  name: "flagger rollback",
  aliases: ["flagger revert"],
  args: z.object({ target, reason: arg.rest().optional() }),
  role: "responder",
  summary: "Have Flagger take a canary back at its next check.",
  example: "flagger rollback shop errors at checkout",
  acts: true,
  whileHeld: true,
});

export function flaggerCommands(room: Room): Command[] {
  const { database } = room.platform;

  const list = async ({ line, now }: CommandContext): Promise<Decision<Reply>> => {
    const { service } = argsOf(listSpec, line);
    const found = await listRuns(database.db, { service: service?.service, isGoing: true, limit: linesMax });
    const text = found.map((run) => runLine(run, now)).join("\n");
    return allow({ text: text || "No Flagger canary is going." });
  };

  const asked = (
    { actor, inboxId, place, line }: CommandContext,
    named: { target: Target; reason?: string | undefined },
    seen?: number,
  ): Ask => ({
    actor,
    inboxId,
    place,
    target:
      named.target.is === "service"
        ? { service: named.target.service, environment: named.target.environment }
        : { id: named.target.is === "id" ? named.target.id : "" },
    reason: named.reason,
    seen,
    isDryRun: line.flags.dryRun,
  });

  const open = (context: CommandContext): Promise<Decision<Reply>> => {
    const args = argsOf(openSpec, context.line);
    const { gate, seen } = flagsOf(openSpec, context.line);
    return openGate(room, asked(context, args, seen), gate, args.time);
  };

  return [
    { spec: listSpec, run: list },
    { spec: openSpec, run: open },
    {
      spec: closeSpec,
      run: (context) => closeGates(room, asked(context, argsOf(closeSpec, context.line))),
    },
    // Whoever answers for any service may take traffic back.
    {
      spec: rollbackSpec,
      scope: () => undefined,
      run: (context) => rollBack(room, asked(context, argsOf(rollbackSpec, context.line))),
    },
  ];
}
