import { dateToken, escapeText, link, mention } from "../../platform/messages/blocks.ts";
import type { Deploy } from "./types.ts";

const outcomeWords: Record<Deploy["outcome"], string> = {
  good: "🟢 good",
  bad: "🔴 bad",
  unknown: "⚪ not judged yet",
};

/** `shop v41 → v42 · 10:00 · by ci · 🟢 good · D-3`; of a setting `shop config pool=50 · 10:00 · by ci · D-4`. */
export function deployLine(deploy: Deploy, withService: boolean): string {
  const { service, environment, change, previous, version, at, by, source, outcome, id, url } = deploy;
  const place = withService ? `*${escapeText(service)}* ${escapeText(environment)} ` : "";
  const versions = previous ? `${escapeText(previous)} → ${escapeText(version)}` : escapeText(version);
  const kind = change === "deploy" ? "" : `${change} `;
  // A setting that nobody judges is not waiting for a verdict.
  const verdict = change !== "deploy" && outcome === "unknown" ? "" : ` · ${outcomeWords[outcome]}`;
  const shown = url ? link(url, version) : undefined;
  const from = source === by ? "" : ` (${escapeText(source)})`;
  return `${place}${kind}${versions} · ${dateToken(at, "date_time")} · by ${mention(by)}${from}${verdict} · ${id}${shown ? ` · ${shown}` : ""}`;
}
