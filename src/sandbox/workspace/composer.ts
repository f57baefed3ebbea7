/** Reads what a person typed as Slack's client does. Pure. */
export interface Directory {
  users: readonly { id: string; name: string }[];
  channels: readonly { id: string; name: string }[];
  usergroups: readonly { id: string; handle: string }[];
}

export type Typed =
  | { is: "command"; command: string; text: string }
  | { is: "message"; text: string; mentions: readonly string[] };

/** `/word rest` is a command; everything else a message with mentions, links and escapes as Slack stores them. */
export function readTyped(text: string, directory: Directory): Typed {
  const trimmed = text.trim();
  const command = /^(\/[a-z0-9_-]+)(?:\s+([\s\S]*))?$/i.exec(trimmed);
  if (command?.[1])
    return { is: "command", command: command[1], text: encode(command[2] ?? "", directory).trim() };
  const encoded = linked(encode(trimmed, directory));
  const mentions = [...encoded.matchAll(/<@([UW][A-Z0-9]+)(?:\|[^>]*)?>/g)].map((match) => match[1] ?? "");
  return { is: "message", text: encoded, mentions };
}

/** `&`, `<`, `>` escaped; `@name`, `#channel`, `@group`, `@here` as Slack's tokens. */
export function encode(text: string, directory: Directory): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const kept = escaped.replace(/&lt;((?:@|#|!subteam\^)[A-Z][A-Z0-9]*(?:\|[^&<>]*)?)&gt;/g, "<$1>");
  return kept
    .replace(/(^|[\s(,])@([a-z0-9._-]*[a-z0-9])/gi, (whole, before: string, name: string) => {
      const token = mentionOf(name.toLowerCase(), directory);
      return token === undefined ? whole : `${before}${token}`;
    })
    .replace(/(^|[\s(,])#([a-z0-9_-]+)/gi, (whole, before: string, name: string) => {
      const channel = directory.channels.find((one) => one.name === name.toLowerCase());
      return channel ? `${before}<#${channel.id}|${channel.name}>` : whole;
    });
}

function mentionOf(name: string, directory: Directory): string | undefined {
  if (name === "here" || name === "channel" || name === "everyone") return `<!${name}>`;
  const user = directory.users.find((one) => one.name === name);
  if (user) return `<@${user.id}>`;
  const group = directory.usergroups.find((one) => one.handle === name);
  return group ? `<!subteam^${group.id}>` : undefined;
}

function linked(text: string): string {
  return text.replace(/(^|\s)(https?:\/\/[^\s<>]*[^\s<>.,;:!?)])/g, "$1<$2>");
}
