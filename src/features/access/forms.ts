/** Forms: each collects the words of a command. */
import { isNarrowerThan, personBySlack, requestersOf, resource as resourceOf } from "../../catalog/lookup.ts";
import type { AccessRole, Catalog } from "../../catalog/schema.ts";
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

const optional = (block: Block): Block => ({ ...block, optional: true }) as Block;

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

/** Whether the form offers it: as the catalog says, or by a Slack user group that is read when they ask. */
function offers(catalog: Catalog, role: AccessRole, personId: string, slackTeam: string): boolean {
  if (requestersOf(catalog, role).includes(personId)) return true;
  return catalog.teams.some(
    ({ name, slackUsergroup }) =>
      role.policy.requesters.includes(name) && slackUsergroup?.[slackTeam] !== undefined,
  );
}

export const requestForm: Modal = {
  name: "access request",
  title: "Ask for access",
  submitLabel: "Ask",
  /** `words`: resource and role to begin with, if any. */
  build: ({ catalog, actor, words }) => {
    const person = personBySlack(catalog, actor.team, actor.person);
    const roles = catalog.resources.flatMap((resource) =>
      resource.roles
        .filter((role) => person !== undefined && offers(catalog, role, person.id, actor.team))
        .map((role) => ({
          text: plain(`${resource.name} ${role.name}: ${role.grants}`, 75),
          value: `${resource.name} ${role.name}`,
        })),
    );
    if (roles.length === 0)
      return [
        section("There is nothing you may ask for. A platform engineer can add your team to a policy."),
      ];
    const first = roles.find(({ value }) => value === words.trim());
    const options = [...(first ? [first] : []), ...roles.filter((role) => role !== first)];
    const left = options.length - optionsMax;
    return [
      input("resource", "What", {
        type: "static_select",
        options: options.slice(0, optionsMax),
        ...(first ? { initial_option: first } : {}),
      }),
      ...(left > 0 ? [section(`${left} more do not fit here: \`/ops access request <resource> …\``)] : []),
      timeInput("15m"),
      reasonInput,
      optional(
        input(
          "at",
          "From when",
          { type: "plain_text_input", max_length: 40 },
          "Now, or: 09:00, fri 09:00, 2h",
        ),
      ),
      optional(
        input("for", "For somebody else", { type: "users_select" }, "Then neither of you approves it."),
      ),
    ];
  },
  line: ({ resource = "", time = "", reason, at = "", for: who = "" }) =>
    [
      `access request ${resource} ${time} ${quoted(reason)}`,
      ...(at.trim() === "" ? [] : [`--at ${quoted(at.trim())}`]),
      ...(who === "" ? [] : [`--for <@${who}>`]),
    ].join(" "),
};

/** `words`: the request, its resource and its role. */
const offerForm: Modal = {
  name: "access offer",
  title: "Offer instead",
  submitLabel: "Offer",
  build: ({ catalog, words }) => {
    const [id = "", resourceName = "", asked = ""] = words.trim().split(" ");
    const resource = resourceOf(catalog, resourceName);
    const roles = (resource?.roles ?? []).filter(
      ({ name }) => resource !== undefined && !isNarrowerThan(resource, asked, name),
    );
    if (roles.length === 0)
      return [section(`*${escapeText(id)}*: the catalog names no role of it any more.`)];
    return [
      section(`*${escapeText(id)}*: if they take it, it is theirs; what they asked for waits until then.`),
      input("role", "Role", {
        type: "static_select",
        options: roles
          .slice(0, optionsMax)
          .map(({ name, grants }) => ({ text: plain(`${name}: ${grants}`, 75), value: name })),
      }),
      timeInput("15m"),
    ];
  },
  line: (values, words) =>
    `access offer ${words.trim().split(" ")[0] ?? ""} ${values.role ?? ""} ${values.time ?? ""}`,
};

/** The thing, and what its card showed. Words may come from a link: what the form does not show, it does not say. */
function keptOf(words: string): { id: string; kept: string } {
  const [kept = "", id = ""] = /^(\S+)(?: --seen \w+)?/.exec(words.trim()) ?? [];
  return { id, kept };
}

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
      section(`*${escapeText(keptOf(words).id)}*: ${about}`),
      ...(withTime ? [timeInput("15m")] : []),
      reasonInput,
    ],
    line: (values, words) =>
      `${name} ${keptOf(words).kept} ${withTime ? `${values.time ?? ""} ` : ""}${quoted(values.reason)}`,
  };
}

export const accessForms: readonly Modal[] = [
  requestForm,
  offerForm,
  reasonForm("access deny", "Deny", "Deny", "the requester reads why, and what they could do instead."),
  reasonForm(
    "access review",
    "Review",
    "Keep the review",
    "what was done with it, and was it needed? Your words stand on its card.",
  ),
  reasonForm("access revoke", "Revoke", "Revoke", "ends now, with its open sessions."),
  reasonForm("access extend", "More time", "Ask", "a lead decides; it is a login of its own.", true),
];
