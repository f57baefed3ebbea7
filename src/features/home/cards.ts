import type { HelpEntry } from "../../platform/commands/help.ts";
import type { Reply, SummaryLine } from "../../platform/feature.ts";
import { escapeText, section } from "../../platform/messages/blocks.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";

/** The command that is also the empty line. */
export const homeName = "mine";

/** Lines shown at once; what is cut says how much. */
const linesMax = 25;

export function replyOfLines(title: string, lines: readonly SummaryLine[], nothing: string): Reply {
  if (lines.length === 0) return { text: nothing };
  const shown = lines.slice(0, linesMax).map((line) => line.text);
  const more = lines.length > linesMax ? [`… and ${lines.length - linesMax} more`] : [];
  const text = [`*${title}*`, ...shown, ...more].join("\n");
  return { text, blocks: [section(text)] };
}

/** All commands by noun, or one in full with its example. */
export function helpReply(entries: readonly HelpEntry[], wanted: string | undefined): Decision<Reply> {
  if (wanted === undefined) {
    const lines = entries.map(
      (entry) =>
        `\`${`/ops ${escapeText(entry.name === homeName ? "" : (entry.usage.split(" [--")[0] ?? ""))}`.trim()}\` ${escapeText(entry.summary)}`,
    );
    return allow({
      text: [`*What you may do here*`, ...lines, "`/ops help <command>` shows one in full."].join("\n"),
    });
  }
  const found = entries.filter((entry) => entry.name === wanted || entry.name.startsWith(`${wanted} `));
  if (found.length === 0)
    return refuse({
      rule: "known-command",
      message: `There is no command "${wanted}" that you may use.`,
      hint: "Type: /ops help",
    });
  return allow({
    text: found
      .map(
        (entry) =>
          `\`/ops ${escapeText(entry.usage)}\`\n${escapeText(entry.summary)}\nExample: \`/ops ${escapeText(entry.example)}\``,
      )
      .join("\n\n"),
  });
}
