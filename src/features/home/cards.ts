import type { Reply, SummaryLine } from "../../platform/feature.ts";
import { section } from "../../platform/messages/blocks.ts";

/** Lines shown at once; what is cut says how much. */
const linesMax = 25;

export function replyOfLines(title: string, lines: readonly SummaryLine[], nothing: string): Reply {
  if (lines.length === 0) return { text: nothing };
  const shown = lines.slice(0, linesMax).map((line) => line.text);
  const more = lines.length > linesMax ? [`… and ${lines.length - linesMax} more`] : [];
  const text = [`*${title}*`, ...shown, ...more].join("\n");
  return { text, blocks: [section(text)] };
}
