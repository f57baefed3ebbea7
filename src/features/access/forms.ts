/** Forms: each collects the words of a command. */
import { personBySlack, requestersOf } from "../../catalog/lookup.ts";
import type { Modal } from "../../platform/feature.ts";
import { type Block, escapeText, plain, section } from "../../platform/messages/blocks.ts";

const optionsMax = 100;

const input = (blockId: string, label: string, element: Record<string, unknown>, hint?: string): Block => ({
  type: "input",
  block_id: blockId,
  label: plain(label),
  element: { action_id: "value", ...element },
  ...(hint === undefined ? {} : { hint: plain(hint) }),
});

const timeInput = (initial: string): Block =>
  input(
    "time",
    "For how long",
    { type: "plain_text_input", initial_value: initial, max_length: 40 },
    "90s, 15m, 2h or: until fri 09:00",
  );
const reasonInput: Block = input(
  "reason",
  "Why",
  { type: "plain_text_input", max_length: 1_000 },
  "No passwords or tokens: people read this.",
);

/** Quoted, so that a word of it is never read as a flag. */
const quoted = (text: string | undefined): string => `"${(text ?? "").replaceAll(/["“”„‟]/g, "'")}"`;

export const requestForm: Modal = {
  name: "access request",
  title: "Ask for access",
  submitLabel: "Ask",
  build: ({ catalog, actor }) => {
    const person = personBySlack(catalog, actor.team, actor.person);
    const roles = catalog.resources.flatMap((resource) =>
      resource.roles
        .filter((role) => person !== undefined && requestersOf(catalog, role).includes(person.id))
        .map((role) => ({
          text: plain(`${resource.name} ${role.name}: ${role.grants}`, 75),
          value: `${resource.name} ${role.name}`,
        })),
    );
    if (roles.length === 0)
      return [
        section("There is nothing you may ask for. A platform engineer can add your team to a policy."),
      ];
    return [
      input("resource", "What", { type: "static_select", options: roles.slice(0, optionsMax) }),
      timeInput("15m"),
      reasonInput,
    ];
  },
  line: (values) => `access request ${values.resource ?? ""} ${values.time ?? ""} ${quoted(values.reason)}`,
};

function reasonForm(
  name: string,
  title: string,
  submitLabel: string,
  about: string,
  withTime = false,
): Modal {
  return {
    name,
    title,
    submitLabel,
    build: ({ words }) => [
      section(`*${escapeText(words.split(" ")[0] ?? "")}*: ${about}`),
      ...(withTime ? [timeInput("15m")] : []),
      reasonInput,
    ],
    line: (values, words) =>
      `${name} ${words.trim()} ${withTime ? `${values.time ?? ""} ` : ""}${quoted(values.reason)}`,
  };
}

export const accessForms: readonly Modal[] = [
  requestForm,
  reasonForm("access deny", "Deny", "Deny", "the requester reads why, and what they could do instead."),
  reasonForm("access revoke", "Revoke", "Revoke", "ends now, with its open sessions."),
  reasonForm("access extend", "More time", "Ask", "a lead decides; it is a login of its own.", true),
];
