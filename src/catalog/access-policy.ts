/** Under which conditions somebody gets a role on a resource. */
import { z } from "zod";
import { durationField, durationOr, nameField, regexField, spanOr, zoneField } from "./fields.ts";
import { weekWindowSchema } from "./schedules.ts";

/** Weekly windows by one clock, in which a grant may begin; it ends with the window at the latest. */
const hoursSchema = z.strictObject({
  zone: zoneField,
  windows: z.array(weekWindowSchema).min(1, "opens never; list at least one window").max(14),
});

/**
 * Approved at once for whoever is on call for the resource's service while a ticket that pages is open on it. What
 * cannot be read makes it an ordinary request.
 */
const automaticSchema = z.strictObject({
  /** Longest time that is given so; more is for the approvers. */
  durationMax: durationOr("30m"),
  /** A shift taken over counts only once it was taken over this long ago. */
  swapSettle: spanOr("1d"),
});

const breakGlassSchema = z.strictObject({
  durationMax: durationField.optional(),
  /** Teams whose people may, and nobody else; teams and people of the policy when left out. */
  requesters: z.array(nameField).min(1, "lets nobody; name a team or leave it out").optional(),
});

export const accessPolicySchema = z
  .strictObject({
    /** Teams whose people may ask. */
    requesters: z.array(nameField).default([]),
    /** Person ids who may ask beside them. */
    requesterPeople: z.array(nameField).optional(),
    /** Teams whose leads may approve; never the one who asked. */
    approvers: z.array(nameField).default([]),
    /** Person ids who may approve beside them. */
    approverPeople: z.array(nameField).optional(),
    /** Approvals by different people; with 0 whoever may ask gets it without any. */
    quorum: z.number().int().min(0).max(5).default(1),
    durationMax: durationOr("1h"),
    /** Cap over all extensions. */
    totalDurationMax: durationOr("8h"),
    reasonPattern: regexField.optional(),
    /** Whether the reason must name a ticket, INC-42, or one of ours that is open, T-7. */
    ticketRequired: z.boolean().default(false),
    /** Whether a ticket that pages must be open on the resource's service. */
    incidentRequired: z.boolean().optional(),
    hours: hoursSchema.optional(),
    automatic: automaticSchema.optional(),
    /** Whether an approval needs a fresh sign-in at the console. */
    stepUp: z.boolean().optional(),
    /** Two people who approve each other's requests: said, or refused. */
    reciprocal: z.enum(["reported", "barred"]).optional(),
    /** Whether it may be taken at once, loudly, with a review after. */
    breakGlass: z.union([z.boolean(), breakGlassSchema]).default(false),
  })
  .superRefine((policy, context) => {
    const say = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if (policy.requesters.length + (policy.requesterPeople?.length ?? 0) === 0)
      say("requesters", "lets nobody ask; name at least one team");
    // Who approves is also who is told and who revokes: a role that needs no approval has them too.
    if (policy.approvers.length + (policy.approverPeople?.length ?? 0) === 0)
      say("approvers", "lets nobody approve; name at least one team");
    if (policy.stepUp && (policy.quorum === 0 || policy.automatic))
      say(
        "stepUp",
        "needs somebody who approves, and this role is given without; remove it, or quorum 0 and automatic",
      );
    if (policy.automatic && policy.quorum === 0)
      say("automatic", "has no meaning where nobody must approve; remove it");
    const own = {
      automatic: policy.automatic?.durationMax,
      breakGlass: typeof policy.breakGlass === "object" ? policy.breakGlass.durationMax : undefined,
    };
    for (const [path, durationMax] of Object.entries(own))
      if (durationMax !== undefined && durationMax > policy.durationMax)
        context.addIssue({
          code: "custom",
          path: [path, "durationMax"],
          message: "is longer than the policy's durationMax; shorten it",
        });
  });
export type AccessPolicy = z.output<typeof accessPolicySchema>;
