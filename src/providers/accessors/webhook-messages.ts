/** What a receiver of access is sent and what it answers; docs/schemas has both as JSON Schema. */
import { z } from "zod";
import { externalNamePattern } from "./contract.ts";

const nameField = z
  .string()
  .regex(externalNamePattern)
  .describe("The grant's name: one grant, one name, for ever. What you make bears it.");
const keyField = z
  .string()
  .min(1)
  .max(120)
  .describe(
    "The same at every attempt of this grant. An object of the same name and another key is a conflict: 409.",
  );
const timeField = z.iso.datetime({ precision: 3 });
const personField = z
  .strictObject({
    id: z.string().describe("Of the catalog."),
    slack: z.strictObject({ team: z.string(), user: z.string() }),
    accounts: z.record(z.string(), z.string()).describe("Their login in other systems: github, gitlab, …"),
  })
  .describe("Who receives it.");
const termsField = z
  .record(z.string(), z.json())
  .describe("The role's terms as the catalog has them: what is to be given, in your words.");
const refFields = {
  grant: nameField,
  externalId: z
    .string()
    .nullable()
    .describe("What you answered to the grant; null when that answer never came."),
  person: personField,
  terms: termsField,
};
const sent = z.iso.datetime().describe("When this attempt was made.");

export const accessRequestSchema = z.discriminatedUnion("type", [
  z
    .strictObject({
      type: z.literal("access.grant"),
      timestamp: sent,
      data: z.strictObject({
        grant: nameField,
        key: keyField,
        person: personField,
        terms: termsField,
        expiresAt: timeField.describe(
          "The absolute end: keep it yourself too. You are told by access.revoke as well.",
        ),
      }),
    })
    .describe(
      "Give it, or take over what an earlier attempt of the same name and key made, with a new secret.",
    ),
  z
    .strictObject({ type: z.literal("access.verify"), timestamp: sent, data: z.strictObject(refFields) })
    .describe("Say what is there now. Nothing there is a success: exists is false."),
  z
    .strictObject({ type: z.literal("access.revoke"), timestamp: sent, data: z.strictObject(refFields) })
    .describe("Take it away with its open sessions, and read back. Nothing there is a success."),
  z
    .strictObject({ type: z.literal("access.list"), timestamp: sent, data: z.strictObject({}) })
    .describe("Everything there whose name begins with qd_."),
]);
export type AccessRequest = z.output<typeof accessRequestSchema>;

const readBackField = z
  .object({
    exists: z.boolean(),
    canLogin: z.boolean().describe("Whether it lets anybody in."),
    validUntil: z.iso
      .datetime()
      .nullable()
      .default(null)
      .describe("The end you keep yourself; null when you keep none."),
    memberships: z.array(z.string().max(200)).max(100).default([]).describe("What it gives, in your words."),
    openSessions: z.number().int().min(0).nullable().default(null).describe("Null when you cannot tell."),
  })
  .describe("Read from the system, not remembered.");
const lastsField = z.iso
  .datetime()
  .nullable()
  .default(null)
  .describe(
    "What was handed out may work until then though it is revoked; null when a revocation bites at once.",
  );

/** By the request's type. Fields that are not known are left alone. */
export const accessAnswersSchema = z.object({
  "access.grant": z.object({
    externalId: z.string().min(1).max(200).describe("Your own id of it."),
    expiresAt: z.iso
      .datetime()
      .nullable()
      .default(null)
      .describe("The end you keep yourself; null for none."),
    lastsUntil: lastsField,
    wasAdopted: z.boolean().default(false).describe("True when an earlier attempt had made it."),
    credential: z
      .array(
        z.object({
          id: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
          label: z.string().min(1).max(80),
          value: z.string().min(1).max(20_000),
          isSecret: z.boolean().default(true),
          fileName: z
            .string()
            .regex(/^[\w.-]{1,80}$/)
            .optional(),
        }),
      )
      .max(20)
      .default([])
      .describe("Shown once to the person; empty when they use an account they have."),
  }),
  "access.verify": readBackField,
  "access.revoke": z.object({
    readBack: readBackField,
    sessionsEnded: z.number().int().min(0).default(0),
    cleaned: z
      .array(z.string().max(200))
      .max(100)
      .default([])
      .describe("Where something was left and cleaned up."),
    lastsUntil: lastsField,
    seen: z.string().max(500).optional().describe("What you saw of it, for people."),
    stays: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .describe("What is left on purpose, for people: it was there before."),
  }),
  "access.list": z.object({
    grants: z
      .array(
        z.object({
          grant: nameField,
          externalId: z.string().max(200).optional(),
          key: keyField
            .nullable()
            .describe("Of the grant that made it; null for what somebody else made: it is left alone."),
          words: z.string().min(1).max(500).describe("What it is, for people."),
          readBack: readBackField,
          terms: termsField.default({}),
        }),
      )
      .max(10_000),
  }),
});
export type AccessAnswers = z.output<typeof accessAnswersSchema>;
