import { dateToken, escapeText, link, mention } from "../../platform/messages/blocks.ts";
import type { Deploy } from "./types.ts";

const outcomeWords: Record<Deploy["outcome"], string> = {
  good: "🟢 good",
  bad: "🔴 bad",
  unknown: "⚪ not judged yet",
};

/** `shop v41 → v42 · 10:00 · by ci · 🟢 good · D-3` */
export function deployLine(deploy: Deploy, withService: boolean): string {
  const { service, environment, previous, version, at, by, source, outcome, id, url } = deploy;
  const place = withService ? `*${escapeText(service)}* ${escapeText(environment)} ` : "";
  const versions = previous ? `${escapeText(previous)} → ${escapeText(version)}` : escapeText(version);
  const shown = url ? link(url, version) : undefined;
  const from = source === by ? "" : ` (${escapeText(source)})`;
  return `${place}${versions} · ${dateToken(at, "date_time")} · by ${mention(by)}${from} · ${outcomeWords[outcome]} · ${id}${shown ? ` · ${shown}` : ""}`;
}
