/** The audit for programs. As everywhere, that it was read is an entry too. */
import { z } from "zod";
import { type ApiRoute, defineApiRoute } from "../../platform/feature.ts";
import { allow, refuse } from "../../platform/refusal.ts";
import type { AuditLine } from "./model.ts";
import type { ReadAudit } from "./read.ts";

const entrySchema = z.object({
  seq: z.int(),
  at: z.iso.datetime(),
  team: z.string(),
  person: z.string(),
  action: z.string(),
  subject: z.string(),
  service: z.string().nullable(),
  body: z
    .string()
    .meta({ description: "The stored bytes, canonical JSON (RFC 8785); the chain is over these." }),
  hash: z
    .string()
    .nullable()
    .meta({ description: "The chain's hash after them, in hex; null while not chained yet." }),
});

const shown = (line: AuditLine): z.output<typeof entrySchema> => ({
  seq: line.seq,
  at: line.at.toISOString(),
  team: line.team,
  person: line.person,
  action: line.action,
  subject: line.subject,
  service: line.service ?? null,
  body: line.body,
  hash: line.hash?.toString("hex") ?? null,
});

export function trailApi(read: ReadAudit): ApiRoute {
  return defineApiRoute({
    method: "GET",
    path: "/audit",
    operationId: "readAudit",
    about: "Entries of the audit, the newest first, by pages.",
    scope: "audit:read",
    query: z.strictObject({
      subject: z.string().max(200).optional(),
      service: z.string().max(63).optional(),
      action: z.string().max(100).optional().meta({ description: "Exact, or a noun: `rollout`." }),
      before: z.coerce
        .number()
        .int()
        .min(1)
        .optional()
        .meta({ description: "The `next` of the page before." }),
      limit: z.coerce.number().int().min(1).max(500).default(50),
    }),
    answer: z.object({ entries: z.array(entrySchema), next: z.int().nullable() }),
    handle: async ({ actor, query: { before, ...question }, services }) => {
      if (services !== undefined && !services.includes(question.service ?? ""))
        return refuse({
          rule: "token-teams",
          message: "This token covers the things of some teams only.",
          hint: `Ask by service: one of ${services.join(", ") || "none"}.`,
        });
      const { lines, next } = await read(actor, question, before);
      return allow({ entries: lines.map(shown), next: next ?? null });
    },
  });
}
