/** Entries as people read them in Slack and at a terminal. Pure. */
import { formatDuration } from "../../platform/commands/time.ts";
import type { Reply } from "../../platform/feature.ts";
import { actions, dateToken, escapeText, link, mention, section } from "../../platform/messages/blocks.ts";
import type { AuditLine, AuditPage } from "./model.ts";

/** `line`: the command for the next page, when there is one. `url`: the same question on the console. */
export function auditReply(
  page: AuditPage,
  asked: { sinceMs: number | undefined; line: string; url: string },
): Reply {
  const back = asked.sinceMs === undefined ? "" : ` in the last ${formatDuration(asked.sinceMs)}`;
  const console = link(asked.url, "in the console");
  if (page.lines.length === 0)
    return {
      text: `Nothing was done there${back}.${asked.sinceMs === undefined ? "" : " Look further back: `--since 7d`."} The same ${console}.`,
    };
  const lines = page.lines.map(textOf);
  const more = page.next === undefined ? "" : "There are older ones; the entries are ";
  const text = `${lines.join("\n")}\n${more === "" ? "Entries " : more}${console}.`;
  return {
    text,
    blocks: [
      ...chunksOf(lines).map((chunk) => section(chunk)),
      section(`${more === "" ? "Entries " : more}${console}.`),
      ...(page.next === undefined ? [] : actions([{ label: "Older", line: asked.line }])),
    ],
  };
}

/** A section holds 3,000 characters; entries are not cut in two. */
function chunksOf(lines: readonly string[]): string[] {
  const chunks: string[] = [];
  for (const line of lines) {
    const last = chunks.at(-1);
    if (last === undefined || last.length + line.length > 2_900) chunks.push(line);
    else chunks[chunks.length - 1] = `${last}\n${line}`;
  }
  return chunks;
}

function textOf(line: AuditLine): string {
  const who =
    line.person === "quarterdeck"
      ? "Quarterdeck"
      : /^[UW][A-Z0-9]+$/.test(line.person)
        ? mention(line.person)
        : escapeText(line.name ?? line.person);
  const why = line.reason ? `: ${escapeText(line.reason, 200)}` : "";
  return `\`${line.seq}\` ${dateToken(line.at, "date_time")} ${who} *${escapeText(line.action)}* ${escapeText(line.subject)}${why}`;
}
