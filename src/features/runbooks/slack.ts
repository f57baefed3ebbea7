/** Words people type or press → runbook opened or spoken of → what they read. */
import { z } from "zod";
import { arg, argsOf, defineCommand } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Reply } from "../../platform/feature.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import { openRunbook } from "./open.ts";
import type { Room } from "./room.ts";
import { markRunbook, type Saying, verify } from "./verify.ts";

const runbookSpec = defineCommand({
  name: "runbook",
  args: z.object({
    service: arg.service().optional(),
    name: arg.word().optional(),
    values: arg.pairs().optional(),
  }),
  role: "anyone",
  acts: false,
  summary: "Opens a runbook with live values, in the thread; with no words, suggests one.",
  example: "runbook shop high-error-rate",
});
const naming = z.object({ name: arg.word(), note: arg.rest().optional() });
const verifySpec = defineCommand({
  name: "runbook verify",
  args: naming,
  role: "responder",
  acts: true,
  summary: "Says that a runbook is right as of now; for the team of its owner.",
  example: "runbook verify high-error-rate tried on staging",
});
const helpedSpec = defineCommand({
  name: "runbook helped",
  args: naming,
  role: "anyone",
  acts: true,
  summary: "Says that a runbook helped.",
  example: "runbook helped high-error-rate",
});
const outdatedSpec = defineCommand({
  name: "runbook outdated",
  args: naming,
  role: "anyone",
  acts: true,
  summary: "Says that a runbook is outdated; its owner is told.",
  example: "runbook outdated high-error-rate step 3 names the old dashboard",
});

export function runbookCommands(room: Room): readonly Command[] {
  const says = (spec: typeof verifySpec, deed: (saying: Saying) => Promise<Decision<string>>): Command => ({
    spec,
    run: async ({ line, actor, inboxId }): Promise<Decision<Reply>> => {
      const { name, note } = argsOf(spec, line);
      const done = await deed({ name, note, actor, inboxId, dryRun: line.flags.dryRun });
      return done.ok ? allow({ text: done.value }) : done;
    },
  });
  const open = (context: CommandContext): Promise<Decision<Reply>> => {
    const { service, name, values } = argsOf(runbookSpec, context.line);
    return openRunbook(room, { service, name, pairs: values ?? {} }, context);
  };
  return [
    { spec: runbookSpec, run: open },
    says(verifySpec, (saying) => verify(room, saying)),
    says(helpedSpec, (saying) => markRunbook(room, "helped", saying)),
    says(outdatedSpec, (saying) => markRunbook(room, "outdated", saying)),
  ];
}
