/**
 * Block Kit as plain data, and the one door where text from outside becomes Slack text. One card shape for all:
 * a line that says it all, a context line, at most five facts, actions (two buttons, the rest in the overflow).
 */
export type Text =
  | { type: "plain_text"; text: string; emoji?: boolean }
  | { type: "mrkdwn"; text: string; verbatim?: boolean };
export type Confirm = { title: Text; text: Text; confirm: Text; deny: Text; style?: "danger" | "primary" };
export type Button = {
  type: "button";
  action_id: string;
  text: Text;
  value?: string;
  url?: string;
  style?: "danger" | "primary";
  confirm?: Confirm;
};
export type Overflow = {
  type: "overflow";
  action_id: string;
  options: { text: Text; value: string }[];
  confirm?: Confirm;
};
export type Block =
  | { type: "section"; text?: Text; fields?: Text[]; accessory?: Button | Overflow; block_id?: string }
  | { type: "context"; elements: Text[]; block_id?: string }
  | { type: "header"; text: Text }
  | { type: "divider" }
  | { type: "markdown"; text: string }
  | { type: "image"; slack_file: { id: string }; alt_text: string; title?: Text }
  | { type: "actions"; elements: (Button | Overflow)[]; block_id?: string }
  | {
      type: "input";
      block_id: string;
      label: Text;
      element: Record<string, unknown>;
      optional?: boolean;
      hint?: Text;
    };

/** Limits of Block Kit. Source: Slack docs, "Block Kit reference"; the last is measured, not documented. */
export const limits = {
  sectionTextChars: 3_000,
  fieldChars: 2_000,
  buttonTextChars: 75,
  valueChars: 2_000,
  optionTextChars: 75,
  overflowOptions: 5,
  confirmTextChars: 300,
  blocks: 40,
  cardChars: 12_000,
};

/** Controls (but tab and line feed) and what changes the direction of text or hides in it. */
const invisible = /(?![\t\n])[\p{Cc}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** Text from outside, safe inside mrkdwn: no mention, link, formatting or bidi control survives. */
export function escapeText(text: string, maxChars = 500): string {
  const clean = cut(text.toWellFormed().replace(invisible, "").replace(/\r?\n/g, " "), maxChars);
  return (
    clean
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      // A zero-width joiner keeps Slack from reading the mark as formatting and leaves the words readable.
      .replace(/[*_~`]/g, (mark) => `\u2060${mark}\u2060`)
  );
}

/** Cuts by code point and says so. */
export function cut(text: string, maxChars: number): string {
  const points = [...text];
  return points.length <= maxChars ? text : `${points.slice(0, maxChars - 1).join("")}…`;
}

/** A shell command or a line to type, inside a code block: nothing in it may end the block or become a link. */
export function codeBlock(lines: readonly string[]): string {
  const safe = lines
    .join("\n")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("```", "'''");
  return `\`\`\`\n${safe}\n\`\`\``;
}

/** Slack shows this in each reader's own zone. */
export function dateToken(at: Date, form: "time" | "date_time" | "ago" = "time"): string {
  const seconds = Math.floor(at.getTime() / 1_000);
  const format = form === "time" ? "{time_secs}" : form === "ago" ? "{ago}" : "{date_short_pretty} {time}";
  return `<!date^${seconds}^${format}|${at.toISOString().slice(0, 16).replace("T", " ")} UTC>`;
}

export const mention = (person: string): string =>
  /^[UW][A-Z0-9]+$/.test(person) ? `<@${person}>` : escapeText(person);
export const channelLink = (channel: string): string => `<#${channel}>`;
export const link = (url: string, label: string): string =>
  /^https?:\/\//.test(url)
    ? `<${url.replaceAll("|", "%7C").replaceAll(">", "%3E")}|${escapeText(label)}>`
    : escapeText(label);

export const plain = (text: string, maxChars = 150): Text => ({
  type: "plain_text",
  text: cut(text.toWellFormed().replace(invisible, ""), maxChars),
  emoji: true,
});
export const mrkdwn = (text: string): Text => ({
  type: "mrkdwn",
  text: text.length > limits.sectionTextChars ? `${text.slice(0, limits.sectionTextChars - 1)}…` : text,
});
export const section = (text: string): Block => ({ type: "section", text: mrkdwn(text) });
export const context = (...lines: string[]): Block => ({
  type: "context",
  elements: lines.slice(0, 10).map(mrkdwn),
});
/** At most five facts, the worst first. */
export const facts = (items: readonly (readonly [string, string])[]): Block[] =>
  items.length === 0
    ? []
    : [{ type: "section", fields: items.slice(0, 5).map(([name, value]) => mrkdwn(`*${name}*\n${value}`)) }];

/** A card's verb: the same command a person could type, with the arguments filled in. */
export interface Verb {
  label: string;
  /** What `/ops` would be given, or `modal <id> …` to open a form. */
  line: string;
  style?: "danger" | "primary";
  /** What it will do, asked before it is done. */
  confirm?: string;
}

export interface LinkVerb {
  label: string;
  url: string;
}

const confirmOf = (verb: Verb): Confirm | undefined =>
  verb.confirm === undefined
    ? undefined
    : {
        title: plain(verb.label, 100),
        text: plain(verb.confirm, limits.confirmTextChars),
        confirm: plain(verb.label, 30),
        deny: plain("Cancel", 30),
        ...(verb.style === "danger" ? { style: "danger" as const } : {}),
      };

export function button(verb: Verb | LinkVerb, index: number): Button {
  if ("url" in verb)
    return {
      type: "button",
      action_id: `open.${index}`,
      text: plain(verb.label, limits.buttonTextChars),
      url: verb.url,
    };
  const confirm = confirmOf(verb);
  return {
    type: "button",
    action_id: `do.${index}`,
    text: plain(verb.label, limits.buttonTextChars),
    value: verb.line,
    ...(verb.style ? { style: verb.style } : {}),
    ...(confirm ? { confirm } : {}),
  };
}

/** Two buttons, the likelier first; the rest in the overflow. */
export function actions(verbs: readonly (Verb | LinkVerb)[], rest: readonly Verb[] = []): Block[] {
  const elements: (Button | Overflow)[] = verbs.map((verb, index) => button(verb, index));
  if (rest.length > 0)
    elements.push({
      type: "overflow",
      action_id: "more",
      options: rest
        .slice(0, limits.overflowOptions)
        .map((verb) => ({ text: plain(verb.label, limits.optionTextChars), value: verb.line })),
    });
  return elements.length === 0 ? [] : [{ type: "actions", elements }];
}

export type Mark = "⚪" | "🔵" | "🟠" | "🔴" | "🟢" | "⚫";

export interface Card {
  mark: Mark;
  /** Escaped by the caller; the first 80 characters stand alone. */
  headline: string;
  context: readonly string[];
  /** Address of what the audit says of the thing; the context line links to it. */
  auditUrl?: string | undefined;
  facts?: readonly (readonly [string, string])[];
  body?: readonly Block[];
  verbs?: readonly (Verb | LinkVerb)[];
  more?: readonly Verb[];
  /** Once it is over: what happened, how long it took, what it cost, who did it. */
  last?: string | undefined;
}

/** The shape all cards share. Kept below Slack's limits: what is cut is said. */
export function card(card: Card): { text: string; blocks: Block[] } {
  const text = `${card.mark} ${card.headline}`;
  const fixed: Block[] = [
    section(`*${text}*`),
    context(...card.context, ...(card.auditUrl ? [link(card.auditUrl, "audit")] : [])),
  ];
  const tail: Block[] = [
    ...actions(card.verbs ?? [], card.more ?? []),
    ...(card.last ? [context(card.last)] : []),
  ];
  const middle = [...facts(card.facts ?? []), ...(card.body ?? [])];
  const kept: Block[] = [];
  let size = JSON.stringify([...fixed, ...tail]).length;
  for (const block of middle) {
    const more = JSON.stringify(block).length;
    if (
      size + more > limits.cardChars - 200 ||
      fixed.length + tail.length + kept.length + 1 >= limits.blocks
    ) {
      kept.push(context(`${middle.length - kept.length} more parts are on the page linked above.`));
      break;
    }
    size += more;
    kept.push(block);
  }
  return { text: plainText(text), blocks: [...fixed, ...kept, ...tail] };
}

/** Headline without mrkdwn's own marks, for notifications and screen readers. */
export function plainText(text: string): string {
  return cut(text.replace(/<!date\^\d+\^[^|>]*\|([^>]*)>/g, "$1").replace(/<[^|>]*\|([^>]*)>/g, "$1"), 3_900);
}
