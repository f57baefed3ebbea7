/** Words people type or press → what is done to a ticket → what they read. */
import { z } from "zod";
import { arg, argsOf, defineCommand, flagsOf } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Modal, Reply } from "../../platform/feature.ts";
import { escapeText, plain, section } from "../../platform/messages/blocks.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import type { MuteDeeds, MuteTarget } from "./mutes.ts";
import type { Asking, Deed, TicketDeeds } from "./service.ts";

const ackSpec = defineCommand({
  name: "ack",
  args: z.object({ ticket: arg.id("T") }),
  role: "responder",
  acts: true,
  whileHeld: true,
  summary: "Takes a ticket and stops its page.",
  example: "ack T-3",
});
const resolveSpec = defineCommand({
  name: "resolve",
  args: z.object({ ticket: arg.id("T"), note: arg.rest().optional() }),
  role: "responder",
  acts: true,
  summary: "Closes a ticket, with a note if you like.",
  example: "resolve T-3 cache was cold",
});
const markSpec = defineCommand({
  name: "mark",
  args: z.object({ ticket: arg.id("T"), verdict: arg.choice(["actioned", "noise"]) }),
  role: "responder",
  acts: true,
  summary: "Says whether a ticket was worth it; once for each.",
  example: "mark T-3 noise",
});
const muteSpec = defineCommand({
  name: "mute",
  args: z.object({ target: arg.target("service", "T"), time: arg.time(), reason: arg.rest() }),
  flags: z.object({ pages: arg.switch() }),
  role: "responder",
  acts: true,
  opensModal: true,
  summary: "Quiet for a while; pages still come unless you add --pages.",
  example: "mute shop 2h load test",
});
const unmuteSpec = defineCommand({
  name: "unmute",
  args: z.object({ target: arg.target("service", "T") }),
  role: "responder",
  acts: true,
  summary: "Ends a mute.",
  example: "unmute shop",
});

export function ticketCommands(deeds: TicketDeeds, mutes: MuteDeeds): readonly Command[] {
  return [
    {
      spec: ackSpec,
      run: async (context) =>
        replyTo(context, await deeds.acknowledge(argsOf(ackSpec, context.line).ticket, askingOf(context))),
    },
    {
      spec: resolveSpec,
      run: async (context) => {
        const { ticket, note } = argsOf(resolveSpec, context.line);
        return replyTo(context, await deeds.resolve(ticket, note, askingOf(context)));
      },
    },
    {
      spec: markSpec,
      run: async (context) => {
        const { ticket, verdict } = argsOf(markSpec, context.line);
        return replyTo(context, await deeds.mark(ticket, verdict, askingOf(context)));
      },
    },
    {
      spec: muteSpec,
      run: async (context) => {
        const { target, time, reason } = argsOf(muteSpec, context.line);
        const { pages } = flagsOf(muteSpec, context.line);
        return replyTo(
          context,
          await mutes.mute(
            { target: targetOf(target), until: time.until, reason, withPages: pages },
            askingOf(context),
          ),
        );
      },
    },
    {
      spec: unmuteSpec,
      run: async (context) =>
        replyTo(
          context,
          await mutes.unmute(targetOf(argsOf(unmuteSpec, context.line).target), askingOf(context)),
        ),
    },
  ];
}

const askingOf = ({ actor, inboxId, line }: CommandContext): Asking => ({
  actor,
  inboxId,
  dryRun: line.flags.dryRun,
});

function targetOf(target: { is: string; service?: string; id?: unknown }): MuteTarget {
  return target.is === "service"
    ? { service: String(target.service) }
    : { ticket: target.id as Extract<MuteTarget, { ticket: unknown }>["ticket"] };
}

/** A press whose effect the card shows is answered by the card alone; a typed line gets its words. */
function replyTo({ place }: CommandContext, decision: Decision<Deed>): Decision<Reply> {
  if (!decision.ok) return decision;
  const { words, shown } = decision.value;
  return allow({ text: escapeText(words, 1_500), silent: shown && place.messageTs !== undefined });
}

/** What is muted comes with the button, or is asked for. */
export const muteModal: Modal = {
  name: "mute",
  title: "Mute",
  submitLabel: "Mute",
  build: ({ catalog, words }) => [
    ...(words.trim() === ""
      ? [
          {
            type: "input" as const,
            block_id: "target",
            label: plain("Service"),
            element: {
              type: "static_select",
              action_id: "value",
              options: catalog.services
                .slice(0, 100)
                .map(({ name }) => ({ text: plain(name, 75), value: name })),
            },
          },
        ]
      : [section(`*${escapeText(words)}* goes quiet until then. Its ticket stays.`)]),
    {
      type: "input",
      block_id: "time",
      label: plain("For how long"),
      hint: plain("90s, 15m, 2h, 1d or: until fri 09:00"),
      element: { type: "plain_text_input", action_id: "value", initial_value: "1h", max_length: 40 },
    },
    {
      type: "input",
      block_id: "reason",
      label: plain("Why"),
      element: { type: "plain_text_input", action_id: "value", max_length: 300 },
    },
    {
      type: "input",
      block_id: "pages",
      label: plain("Pages"),
      element: {
        type: "static_select",
        action_id: "value",
        initial_option: { text: plain("Pages still come"), value: "keep" },
        options: [
          { text: plain("Pages still come"), value: "keep" },
          { text: plain("Mute pages too"), value: "mute" },
        ],
      },
    },
  ],
  // The reason is quoted, so that a word of it is never read as a flag.
  line: (values, words) =>
    `mute ${words.trim() || (values.target ?? "")} ${values.time ?? ""} "${(values.reason ?? "").replaceAll(/["“”]/g, "'")}"${values.pages === "mute" ? " --pages" : ""}`,
};
