/**
 * Trail: who did what, when and why. `/ops audit`.
 * Owns nothing of its own: it reads the platform's audit. Pages about: nothing.
 */
import { z } from "zod";
import { slackIdsOf } from "../../platform/authz.ts";
import { arg, argsOf, defineCommand, flagsOf } from "../../platform/commands/spec.ts";
import type { CommandContext, Feature, Reply } from "../../platform/feature.ts";
import { dateToken, escapeText, mention } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import { type AuditFilter, type AuditLine, readAudit } from "./store.ts";

const dayMs = 86_400_000;
const linesMax = 20;

const auditSpec = defineCommand({
  name: "audit",
  args: z.object({ target: arg.target("service", "id", "person").optional() }),
  flags: z.object({ action: arg.word().optional(), since: arg.duration().optional() }),
  role: "anyone",
  acts: false,
  summary: "Who did what to a service, a thing or by a person.",
  example: "audit shop --since 24h",
});

export function createTrail(platform: Platform): Feature {
  const audit = async (context: CommandContext): Promise<Decision<Reply>> => {
    const { target } = argsOf(auditSpec, context.line);
    const { action, since } = flagsOf(auditSpec, context.line);
    const filter: AuditFilter = {
      since: new Date(context.now.getTime() - (since ?? dayMs)),
      action,
      limit: linesMax,
    };
    if (target?.is === "service") filter.service = target.service;
    else if (target?.is === "id") filter.subject = target.id;
    else if (target?.is === "person")
      filter.person = slackIdsOf(context.catalog, [target.person], context.actor.team)[0] ?? target.person;
    const lines = await readAudit(platform.database.db, filter);
    if (lines.length === 0)
      return allow({ text: "Nothing was done there in that time. Look further back: `--since 7d`." });
    return allow({ text: lines.map(textOf).join("\n") });
  };
  return { name: "trail", about: "Who did what, when and why.", commands: [{ spec: auditSpec, run: audit }] };
}

const textOf = (line: AuditLine): string => {
  const who = line.person === "quarterdeck" ? "Quarterdeck" : mention(line.person);
  return `\`${line.seq}\` ${dateToken(line.at, "date_time")} ${who} *${escapeText(line.action)}* ${escapeText(line.subject)}${line.reason ? `: ${escapeText(line.reason, 200)}` : ""}`;
};
