/** The words of the room. */
import { z } from "zod";
import type { Catalog } from "../../catalog/schema.ts";
import { arg, argsOf, defineCommand, flagsOf, type Target } from "../../platform/commands/spec.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Command, CommandContext, Reply } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { auditReply } from "./cards.ts";
import type { AuditQuestion, ReadAudit } from "./read.ts";

const dayMs = 86_400_000;
const linesMax = 20;

const auditSpec = defineCommand({
  name: "audit",
  args: z.object({ target: arg.target("service", "id", "person").optional() }),
  flags: z.object({
    action: arg.word().optional(),
    since: arg.duration().optional(),
    before: arg.word().optional(),
  }),
  role: "anyone",
  acts: false,
  summary: "Who did what to a service, a thing or by a person.",
  example: "audit shop --since 24h",
});

export function trailCommands({ publicUrl }: Pick<Platform, "publicUrl">, read: ReadAudit): Command[] {
  const audit = async ({ line, catalog, actor }: CommandContext): Promise<Decision<Reply>> => {
    const { target } = argsOf(auditSpec, line);
    const { action, since, before } = flagsOf(auditSpec, line);
    if (before !== undefined && !/^[1-9][0-9]{0,14}$/.test(before))
      return refuse({
        rule: "not-an-entry",
        message: `"${before}" is not the number of an entry.`,
        hint: "The number stands in front of each entry: audit shop --before 1200.",
      });
    // A thing's whole life is short; a service's or a person's is not.
    const sinceMs = since ?? (target?.is === "id" ? undefined : dayMs);
    const question: AuditQuestion = { ...questionOf(catalog, target), action, sinceMs, limit: linesMax };
    const page = await read(actor, question, before === undefined ? undefined : Number(before));
    const words = [
      "audit",
      wordOf(target),
      ...(action === undefined ? [] : ["--action", action]),
      ...(since === undefined ? [] : ["--since", formatDuration(since)]),
    ].filter((word) => word !== "");
    return allow(
      auditReply(page, {
        sinceMs,
        line: [...words, "--before", String(page.next ?? "")].join(" "),
        url: `${publicUrl}/audit${queryOf(question)}`,
      }),
    );
  };
  return [{ spec: auditSpec, run: audit }];
}

function questionOf(
  catalog: Catalog,
  target: Target | undefined,
): Pick<AuditQuestion, "service" | "subject" | "people"> {
  switch (target?.is) {
    case "service":
      return { service: target.service };
    case "id":
      return { subject: target.id };
    case "person": {
      const accounts = catalog.people.find(({ id }) => id === target.person)?.slack ?? {};
      return { people: Object.entries(accounts).map(([team, person]) => ({ team, person })) };
    }
    case undefined:
    case "team":
    case "resource":
    case "all":
      return {};
  }
}

function wordOf(target: Target | undefined): string {
  switch (target?.is) {
    case "service":
      return target.service;
    case "id":
      return target.id;
    case "person":
      return `@${target.person}`;
    case undefined:
    case "team":
    case "resource":
    case "all":
      return "";
  }
}

/** The same question in the console's words. */
function queryOf({ service, subject, people, action, sinceMs }: AuditQuestion): string {
  const query = new URLSearchParams({
    ...(service === undefined ? {} : { service }),
    ...(subject === undefined ? {} : { subject }),
    ...(people?.[0] === undefined ? {} : { person: people[0].person }),
    ...(action === undefined ? {} : { action }),
    ...(sinceMs === undefined ? {} : { since: formatDuration(sinceMs) }),
  }).toString();
  return query === "" ? "" : `?${query}`;
}
