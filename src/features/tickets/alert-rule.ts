/** A rule for the catalog, proposed from alerts that no service was found for. */
import { stringify } from "yaml";
import { z } from "zod";
import { arg, argsOf, defineCommand } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Modal, Reply } from "../../platform/feature.ts";
import { escapeText, plain, section } from "../../platform/messages/blocks.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { cardKeyOf } from "./cards.ts";
import type { TicketParts } from "./room.ts";
import { unknownTicket } from "./service.ts";
import { readTicket } from "./store.ts";

const alertRuleSpec = defineCommand({
  name: "alert-rule",
  args: z.object({ ticket: arg.id("T"), service: arg.service() }),
  role: "anyone",
  acts: false,
  opensModal: true,
  summary: "Proposes the catalog rule that gives a ticket's alerts to a service.",
  example: "alert-rule T-3 shop",
});

/** Labels that say what an alert is about, the most telling first; not where or how bad. */
const tellingLabels = [
  "service",
  "app",
  "app_kubernetes_io_name",
  "application",
  "component",
  "deployment",
  "job",
  "namespace",
  "project",
  "alertname",
];

/** Labels for a rule: the first that tell what the alerts are about; all there are when none does. Pure. */
export function ruleLabelsOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  const telling = tellingLabels.filter((name) => Object.hasOwn(labels, name) && labels[name] !== "");
  const chosen = telling.slice(0, telling[0] === "job" || telling[0] === "namespace" ? 2 : 1);
  const names = chosen.length > 0 ? chosen : Object.keys(labels).sort().slice(0, 3);
  return Object.fromEntries(names.map((name) => [name, labels[name] ?? ""]));
}

export function alertRuleCommand({ platform, alerts }: Pick<TicketParts, "platform" | "alerts">): Command {
  const { database } = platform;
  const run = async ({ line, actor, inboxId }: CommandContext): Promise<Decision<Reply>> => {
    const { ticket: id, service } = argsOf(alertRuleSpec, line);
    const ticket = await readTicket(database.db, id);
    if (ticket === undefined) return unknownTicket(id);
    const group = await alerts.readGroup(database.db, ticket.groupId);
    if (group === undefined || ticket.service !== null)
      return refuse({
        rule: "unknown-service-only",
        message: `${id} belongs to ${ticket.service ?? "nobody any more"}. No rule is needed.`,
        hint: "See why: why T-3",
      });
    const labels = stringify(ruleLabelsOf(group.labels), { collectionStyle: "flow" }).trim();
    const yaml = `services:\n  - name: ${service.service}\n    alertRules:\n      - labels: ${labels}`;
    const text = `For ${escapeText(service.service)}, in its entry of the catalog (after the rules it has):\n\`\`\`\n${yaml.replaceAll("`", "'")}\n\`\`\`\nCheck it with \`quarterdeck lint\`. It holds for alerts from then on.`;
    await database.tx(
      async (tx) => {
        tx.audit({
          actor,
          action: "alert-rule.proposed",
          subject: id,
          service: service.service,
          detail: { labels: ruleLabelsOf(group.labels) },
        });
        tx.say({
          key: `${cardKeyOf(id)}:rule:${service.service}`,
          channel: ticket.channel,
          parent: cardKeyOf(id),
          text,
        });
      },
      { inboxId },
    );
    return allow({ text });
  };
  return { spec: alertRuleSpec, run };
}

export const alertRuleModal: Modal = {
  name: "alert-rule",
  title: "Propose a rule",
  submitLabel: "Propose",
  build: ({ catalog, words }) => [
    section(
      `Whose alerts are those of *${escapeText(words)}*? The rule for the catalog is written into its thread.`,
    ),
    {
      type: "input",
      block_id: "service",
      label: plain("Service"),
      element: {
        type: "static_select",
        action_id: "value",
        options: catalog.services.slice(0, 100).map(({ name }) => ({ text: plain(name, 75), value: name })),
      },
    },
  ],
  line: (values, words) => `alert-rule ${words.trim()} ${values.service ?? ""}`,
};
