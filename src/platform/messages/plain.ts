import type { Block, Text } from "./blocks.ts";

/** How a terminal shows what Slack would link. Unknown ids stay as they are. */
export interface Names {
  person(id: string): string | undefined;
  channel(id: string): string | undefined;
}

/** Mrkdwn → text for a terminal: names for mentions, addresses beside labels, no marks. */
export function plainOf(mrkdwn: string, names: Names): string {
  return (
    mrkdwn
      .replace(/<!date\^\d+\^[^|>]*\|([^>]*)>/g, "$1")
      .replace(/<@([UW][A-Z0-9]+)(?:\|[^>]*)?>/g, (_all, id: string) => `@${names.person(id) ?? id}`)
      .replace(/<#([CG][A-Z0-9]+)(?:\|[^>]*)?>/g, (_all, id: string) => `#${names.channel(id) ?? id}`)
      .replace(/<!(here|channel|everyone)>/g, "@$1")
      .replace(/<((?:https?|mailto):[^|>]+)\|([^>]*)>/g, "$2 ($1)")
      .replace(/<((?:https?|mailto):[^|>]+)>/g, "$1")
      .replace(/\/ops (?=\S)/g, "")
      // The fence of a block of code is a line of its own.
      .replace(/^```\n|\n```$/gm, "")
      // Marks count only where Slack would read them; those from outside are fenced by a word joiner.
      .replace(/(^|[\s(])\*(\S|\S.*?\S)\*(?=$|[\s.,:;)!?])/gm, "$1$2")
      .replace(/(?<!\u2060)`(?!\u2060)([^\n]*?)(?<!\u2060)`(?!\u2060)/g, "$1")
      .replaceAll("\u2060", "")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&amp;", "&")
  );
}

/** What a reply says in a terminal: its blocks line by line, its verbs as lines to type; without blocks its text. */
export function plainReply(
  reply: { text: string; blocks?: readonly Block[] | undefined },
  names: Names,
): string {
  if (!reply.blocks || reply.blocks.length === 0) return plainOf(reply.text, names);
  const lines = reply.blocks.flatMap((block) => linesOf(block, names));
  return lines.join("\n").trim() || plainOf(reply.text, names);
}

function linesOf(block: Block, names: Names): string[] {
  const say = (text: Text | undefined): string[] =>
    text === undefined ? [] : [text.type === "mrkdwn" ? plainOf(text.text, names) : text.text];
  switch (block.type) {
    case "section":
      return [
        ...say(block.text),
        ...(block.fields ?? []).flatMap(say).map((field) => field.replace("\n", ": ")),
      ];
    case "context":
      return [block.elements.flatMap(say).join(" · ")];
    case "header":
      return say(block.text);
    case "markdown":
      return [block.text];
    case "image":
      return [`[${block.alt_text}]`];
    case "actions":
      return block.elements.flatMap((element) =>
        element.type === "overflow"
          ? element.options.flatMap((option) => verbLine(option.text, option.value))
          : element.url
            ? [`  ${element.text.text}: ${element.url}`]
            : verbLine(element.text, element.value),
      );
    case "divider":
      return ["---"];
    case "input":
      return [];
  }
}

/** A form has no place in a terminal; every other verb is a line that can be typed. */
const verbLine = (label: Text, line: string | undefined): string[] =>
  line === undefined || line.startsWith("modal ") ? [] : [`  ${label.text}: quarterdeck ops "${line}"`];
