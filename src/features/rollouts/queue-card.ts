/** A rollout that waits for its turn, as people see it. Pure. */
import { auditUrl } from "../../platform/audit/link.ts";
import { card, dateToken, escapeText, type Mark } from "../../platform/messages/blocks.ts";
import { whoText } from "./headline.ts";
import type { Queued } from "./queue-store.ts";

function headlineOf(queued: Queued): { mark: Mark; text: string } {
  const { id, service, version, behind, state, outcome = "" } = queued;
  const name = `${escapeText(service)} · rollout ${id} → ${escapeText(version)}`;
  switch (state) {
    case "queued":
      return { mark: "⚪", text: `${name} · queued behind ${behind}` };
    case "started":
      return { mark: "🔵", text: `${name} · starting` };
    case "cancelled":
    case "expired":
    case "refused":
      return { mark: "⚫", text: `${name} · not started: ${escapeText(outcome, 400)}` };
  }
}

export function queuedCard(
  queued: Queued,
  publicUrl: string,
): { text: string; blocks: ReturnType<typeof card>["blocks"] } {
  const { id, by, change, queuedAt, expiresAt, state } = queued;
  const { mark, text } = headlineOf(queued);
  return card({
    mark,
    headline: text,
    context: [
      [
        `queued by ${whoText(by)} ${dateToken(queuedAt)}`,
        ...(state === "queued" ? [`lapses ${dateToken(expiresAt, "date_time")}`] : []),
        ...(change ? [change] : []),
        id,
      ].join(" · "),
    ],
    auditUrl: auditUrl(publicUrl, id),
    ...(state === "queued"
      ? {
          verbs: [
            {
              label: "Take it out",
              line: `rollout cancel ${id}`,
              style: "danger" as const,
              confirm: `Takes ${id} out of the queue; nothing was started.`,
            },
          ],
        }
      : {}),
  });
}

/** One line for lists and summaries. */
export function queuedLine(queued: Queued): string {
  const { mark, text } = headlineOf(queued);
  return `${mark} ${text} · by ${whoText(queued.by)}, lapses ${dateToken(queued.expiresAt, "date_time")}`;
}
