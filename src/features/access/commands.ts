/** The words people type and the buttons they press. */
import { z } from "zod";
import { resource as resourceOf } from "../../catalog/lookup.ts";
import { arg, argsOf, defineCommand, flagsOf } from "../../platform/commands/spec.ts";
import type { Command, CommandContext } from "../../platform/feature.ts";
import { allow } from "../../platform/refusal.ts";
import { breakGlass } from "./break-glass.ts";
import { approveGrant, denyGrant } from "./decide.ts";
import { returnGrant, revokeGrant } from "./end.ts";
import { listReply, mineReply } from "./lists.ts";
import { acceptOffer, offerInstead } from "./offer.ts";
import { holdsSecret, secretRefusal } from "./reason.ts";
import { reportReply, reportUsualMs } from "./reporting.ts";
import { extendGrant, requestAccess } from "./request.ts";
import { reviewGrant } from "./reviewing.ts";
import type { Room } from "./room.ts";

/** Refused where the line is read, before it is kept anywhere. */
const reasonArg = () => arg.rest().refine((text) => !holdsSecret(text), secretRefusal);

const requestSpec = defineCommand({
  name: "access request",
  args: z.object({ resource: arg.resource(), role: arg.word(), time: arg.time(), reason: reasonArg() }),
  flags: z.object({ for: arg.person().optional(), at: arg.instant().optional() }),
  role: "anyone",
  acts: true,
  opensModal: true,
  summary: "Ask for access for a time; a lead decides, you claim it signed in, it ends by itself.",
  example: "access request orders-db readonly 15m INC-42 stuck orders",
});
const approveSpec = defineCommand({
  name: "access approve",
  args: z.object({ grant: arg.id("G"), time: arg.time().optional() }),
  flags: z.object({ seen: arg.word().optional() }),
  role: "anyone",
  acts: true,
  summary: "Approve a request, for the time asked or less; leads of the approving team, never one's own.",
  example: "access approve G-12 10m",
});
const denySpec = defineCommand({
  name: "access deny",
  args: z.object({ grant: arg.id("G"), reason: reasonArg() }),
  flags: z.object({ seen: arg.word().optional() }),
  role: "anyone",
  acts: true,
  whileHeld: true,
  summary: "Deny a request and say why; leads of the approving team.",
  example: "access deny G-12 use the replica",
});
const offerSpec = defineCommand({
  name: "access offer",
  args: z.object({ grant: arg.id("G"), role: arg.word(), time: arg.time() }),
  flags: z.object({ seen: arg.word().optional() }),
  role: "anyone",
  acts: true,
  summary: "Offer a narrower role or less time; taken, it is a request of its own that you have approved.",
  example: "access offer G-12 readonly 15m",
});
const acceptSpec = defineCommand({
  name: "access accept",
  args: z.object({ grant: arg.id("G") }),
  flags: z.object({ offer: arg.word().optional() }),
  role: "anyone",
  acts: true,
  summary: "Take what an approver offers instead of what you asked for.",
  example: "access accept G-12",
});
const extendSpec = defineCommand({
  name: "access extend",
  args: z.object({ grant: arg.id("G"), time: arg.time(), reason: reasonArg() }),
  role: "anyone",
  acts: true,
  summary: "Ask for more time: a new approval and a new login, up to the policy's total.",
  example: "access extend G-12 15m still reading",
});
const returnSpec = defineCommand({
  name: "access return",
  args: z.object({ grant: arg.id("G") }),
  role: "anyone",
  acts: true,
  whileHeld: true,
  summary: "Give yours back, or take a request back.",
  example: "access return G-12",
});
const revokeSpec = defineCommand({
  name: "access revoke",
  args: z.object({ grant: arg.id("G"), reason: reasonArg() }),
  role: "anyone",
  acts: true,
  whileHeld: true,
  summary: "End somebody's grant now, open sessions too; leads of the approving team.",
  example: "access revoke G-12 wrong database",
});
const breakGlassSpec = defineCommand({
  name: "access break-glass",
  args: z.object({ resource: arg.resource(), role: arg.word(), time: arg.time(), reason: reasonArg() }),
  role: "anyone",
  acts: true,
  summary: "Take access at once in an emergency: short, the leads are woken, somebody else reviews it after.",
  example: "access break-glass orders-db readwrite 15m checkout down, orders stuck",
});
const reviewSpec = defineCommand({
  name: "access review",
  args: z.object({ grant: arg.id("G"), text: reasonArg() }),
  role: "anyone",
  acts: true,
  summary:
    "Write the review of what somebody took without asking; leads of the approving team, never one's own.",
  example: "access review G-12 released two stuck orders, nothing else; needed",
});
const reportSpec = defineCommand({
  name: "access report",
  args: z.object({ team: arg.team().optional() }),
  flags: z.object({ since: arg.duration().optional() }),
  role: "anyone",
  acts: false,
  summary: "Who holds what, how long things take, what was never used, and what could be less.",
  example: "access report storefront --since 30d",
});
const mineSpec = defineCommand({
  name: "access mine",
  args: z.object({}),
  role: "anyone",
  acts: false,
  summary: "My requests and grants.",
  example: "access mine",
});
const listSpec = defineCommand({
  name: "access list",
  args: z.object({ target: arg.target("resource", "person", "service").optional() }),
  role: "anyone",
  acts: false,
  summary: "Open requests and grants, of a resource or a person with the recent ones.",
  example: "access list orders-db",
});

export function accessCommands(room: Room): Command[] {
  const common = ({ actor, inboxId, line, place }: CommandContext) => ({
    actor,
    inboxId,
    isDryRun: line.flags.dryRun,
    isPress: place.messageTs !== undefined,
  });
  return [
    {
      spec: requestSpec,
      run: (context) => {
        const { resource, role, time, reason } = argsOf(requestSpec, context.line);
        const { for: forPerson, at: startAt } = flagsOf(requestSpec, context.line);
        return requestAccess(room, { ...common(context), resource, role, time, reason, forPerson, startAt });
      },
    },
    {
      spec: approveSpec,
      run: (context) => {
        const { grant: id, time } = argsOf(approveSpec, context.line);
        const { seen } = flagsOf(approveSpec, context.line);
        return approveGrant(room, { ...common(context), id, seen }, time?.durationMs);
      },
    },
    {
      spec: denySpec,
      run: (context) => {
        const { grant: id, reason } = argsOf(denySpec, context.line);
        const { seen } = flagsOf(denySpec, context.line);
        return denyGrant(room, { ...common(context), id, seen }, reason);
      },
    },
    {
      spec: offerSpec,
      run: (context) => {
        const { grant: id, role, time } = argsOf(offerSpec, context.line);
        const { seen } = flagsOf(offerSpec, context.line);
        return offerInstead(room, { ...common(context), id, seen }, role, time.durationMs);
      },
    },
    {
      spec: acceptSpec,
      run: (context) => {
        const { grant: id } = argsOf(acceptSpec, context.line);
        const { offer } = flagsOf(acceptSpec, context.line);
        return acceptOffer(room, { ...common(context), id, offer });
      },
    },
    {
      spec: extendSpec,
      run: (context) => {
        const { grant: id, time, reason } = argsOf(extendSpec, context.line);
        return extendGrant(room, { ...common(context), id, time, reason });
      },
    },
    {
      spec: returnSpec,
      run: (context) => returnGrant(room, { ...common(context), id: argsOf(returnSpec, context.line).grant }),
    },
    {
      spec: revokeSpec,
      run: (context) => {
        const { grant: id, reason } = argsOf(revokeSpec, context.line);
        return revokeGrant(room, { ...common(context), id }, reason);
      },
    },
    {
      spec: breakGlassSpec,
      run: (context) => breakGlass(room, { ...common(context), ...argsOf(breakGlassSpec, context.line) }),
    },
    {
      spec: reviewSpec,
      run: (context) => {
        const { grant: id, text } = argsOf(reviewSpec, context.line);
        return reviewGrant(room, { ...common(context), id, text });
      },
    },
    {
      spec: reportSpec,
      run: async ({ line, actor }) => {
        const { team } = argsOf(reportSpec, line);
        const { since: sinceMs = reportUsualMs } = flagsOf(reportSpec, line);
        return allow(await reportReply(room, actor, { team, sinceMs }));
      },
    },
    { spec: mineSpec, run: async ({ actor }) => allow(await mineReply(room, actor)) },
    {
      spec: listSpec,
      run: async ({ line, catalog }) => {
        const { target } = argsOf(listSpec, line);
        if (target?.is === "person") return allow(await listReply(room, { personId: target.person }));
        if (target?.is === "resource") {
          const service = resourceOf(catalog, target.resource)?.service;
          return allow(await listReply(room, { resource: target.resource }, service));
        }
        if (target?.is === "service") return allow(await listReply(room, { service: target.service }));
        return allow(await listReply(room, {}));
      },
    },
  ];
}
