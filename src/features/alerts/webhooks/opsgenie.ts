/**
 * Opsgenie's outgoing webhook: alerts, and who acknowledged or closed one there. Pure. Source: Opsgenie docs,
 * "Webhook integration".
 */
import { z } from "zod";
import type { PageEvent, ReadEvent } from "../events.ts";
import { type ReadAlert, severityOf, untitled } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import { hintsOf, labelsFrom, namedOf } from "./labels.ts";
import { isOwnPage } from "./own-pages.ts";
import { delivery, type Inbound, readBody, type Sender } from "./reader.ts";
import { firstText, textOf } from "./texts.ts";
import { epoch } from "./times.ts";

const bodySchema = z.looseObject({
  action: z.string({ error: "is missing; Opsgenie's webhooks give it" }).min(1, "is empty"),
  alert: z.looseObject(
    {
      tags: z.array(z.unknown()).nullish().catch(undefined),
      details: z.looseObject({}).nullish().catch(undefined),
      createdAt: epoch,
      updatedAt: epoch,
    },
    { error: "must be an object" },
  ),
});
type Alert = z.output<typeof bodySchema>["alert"];

/** What an action does to the alert; others change nothing about it. */
const actions: Readonly<Record<string, "firing" | "resolved" | "acknowledged">> = {
  create: "firing",
  close: "resolved",
  delete: "resolved",
  acknowledge: "acknowledged",
};

function read({ body }: Inbound) {
  const parsed = readBody(body, bodySchema);
  if ("problems" in parsed) return delivery({ problems: parsed.problems });
  const { action, alert } = parsed.value;
  const key = givenKey(alert.alias) ?? givenKey(alert.alertId);
  if (key === undefined)
    return delivery({
      problems: [{ field: "alert.alias", why: "is missing, and alertId too: no key to know it by" }],
    });
  const at = alert.updatedAt ?? null;
  const did = actions[action.toLowerCase()];
  const told = (status: ReadAlert["status"]) => (isOwnPage(alert.alias) ? [] : [alertOf(alert, key, status)]);
  const page = (what: PageEvent["what"]): PageEvent => ({
    kind: "page",
    system: "opsgenie",
    what,
    key,
    by: textOf(alert.username) ?? null,
    at,
  });
  if (did === "firing") return delivery({ alerts: told("firing") });
  if (did === "resolved") return delivery({ alerts: told("resolved"), events: [page("resolved")] });
  if (did === "acknowledged") return delivery({ events: [page("acknowledged")] });
  const other: ReadEvent = {
    kind: "other",
    type: textOf(action) ?? "unknown",
    title: textOf(alert.message) ?? untitled,
    url: null,
    at,
  };
  return delivery({ events: [other] });
}

function alertOf(alert: Alert, key: string, status: ReadAlert["status"]): ReadAlert {
  const title = textOf(alert.message) ?? untitled;
  const entity = textOf(alert.entity);
  const tags = (alert.tags ?? []).map(textOf).filter((tag) => tag !== undefined);
  const labels = {
    ...labelsFrom(alert.details ?? {}),
    ...labelsFrom({ alertname: title, entity, tags: tags.join(", "), priority: priorityOf(alert.priority) }),
  };
  const named = namedOf(labels);
  const severityText = priorityOf(alert.priority);
  return {
    fingerprint: key,
    status,
    title,
    labels,
    annotations: labelsFrom({ summary: firstText(alert.description, alert.message), note: alert.note }),
    startsAt: alert.createdAt,
    // When it was closed is not said; `updatedAt` is the last change of any kind.
    endsAt: undefined,
    links: [],
    severity: severityOf(severityText),
    severityText,
    named: { ...named, hints: hintsOf([...(named?.hints ?? []), entity]) },
  };
}

/** `P3`, given as such or as the number 3. */
function priorityOf(given: unknown): string | undefined {
  const text = textOf(given);
  return text !== undefined && /^[1-5]$/.test(text) ? `P${text}` : text;
}

export const opsgenie: Sender = {
  about: "Alerts of Opsgenie (outgoing webhook), and who acknowledged or closed one there.",
  read,
  unreadableStatus: 400,
};
