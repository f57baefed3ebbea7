/** The words of the room. */
import { z } from "zod";
import { readProposals } from "../../platform/catalog-proposals.ts";
import { arg, argsOf, defineCommand } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Reply } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import { proposalCard } from "./cards.ts";
import { type Asking, approveCatalog, denyCatalog } from "./service.ts";

const pendingSpec = defineCommand({
  name: "catalog pending",
  aliases: ["catalog"],
  args: z.object({}),
  role: "anyone",
  summary: "The catalog in force, and one that gives rights and waits for its owners.",
  example: "catalog pending",
  acts: false,
});
const approveSpec = defineCommand({
  name: "catalog approve",
  args: z.object({ catalog: arg.word() }),
  role: "lead",
  summary: "Approves a catalog that gives rights; for owners, never one's own.",
  example: "catalog approve 1f2e3d4c5b6a",
  acts: true,
});
const denySpec = defineCommand({
  name: "catalog deny",
  args: z.object({ catalog: arg.word(), reason: arg.rest() }),
  role: "lead",
  summary: "Denies a catalog that gives rights; the one in force stays.",
  example: "catalog deny 1f2e3d4c5b6a nobody needs that for two hours",
  acts: true,
});

export function catalogCommands(
  platform: Pick<Platform, "database" | "catalogs" | "slackTeam" | "publicUrl">,
): Command[] {
  const askingOf = ({ actor, inboxId, line }: CommandContext): Asking => ({
    actor,
    inboxId,
    isDryRun: line.flags.dryRun,
  });

  const pending = async ({ actor, catalog }: CommandContext): Promise<Decision<Reply>> => {
    const [proposal] = await readProposals(platform.database.db, "waiting");
    const inForce = `The catalog in force is ${platform.catalogs.digest().slice(0, 12)}.`;
    if (!proposal) return allow({ text: `${inForce} None waits for its owners.` });
    if (actor.door !== "terminal")
      return allow(
        proposalCard(proposal, { catalog, slackTeam: platform.slackTeam(), publicUrl: platform.publicUrl }),
      );
    // A terminal has room for all of it.
    const lines = proposal.words.map((line) => `• ${escapeText(line)}`);
    return allow({
      text: [
        `${inForce} ${proposal.id} from ${escapeText(proposal.source)} waits; it gives:`,
        ...lines,
        `catalog approve ${proposal.id}, or catalog deny ${proposal.id} with a reason.`,
      ].join("\n"),
    });
  };

  return [
    { spec: pendingSpec, run: pending },
    // Who owns the catalog is decided where it is read, under its lock.
    {
      spec: approveSpec,
      scope: () => undefined,
      run: (context) =>
        approveCatalog(platform, argsOf(approveSpec, context.line).catalog, askingOf(context)),
    },
    {
      spec: denySpec,
      scope: () => undefined,
      run: (context) => {
        const { catalog, reason } = argsOf(denySpec, context.line);
        return denyCatalog(platform, catalog, reason, askingOf(context));
      },
    },
  ];
}
