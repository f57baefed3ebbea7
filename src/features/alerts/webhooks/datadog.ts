/**
 * Datadog's webhook with the template of docs/senders.md. Pure. Source of the variables and their values: Datadog docs,
 * "Webhooks", "Variables".
 */
import { z } from "zod";
import { type ReadAlert, severityOf, untitled } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import { labelOf, labelsFrom, namedOf } from "./labels.ts";
import { linksOf } from "./links.ts";
import { delivery, readBody, type Sender } from "./reader.ts";
import { clean, firstText, textOf } from "./texts.ts";
import { epoch } from "./times.ts";

const tagsMax = 100;

/** What `$ALERT_TRANSITION` says, in lower case and without `re-`. */
const transitions: Readonly<Record<string, ReadAlert["status"]>> = {
  triggered: "firing",
  warn: "firing",
  "no data": "firing",
  renotify: "firing",
  recovered: "resolved",
};

const bodySchema = z.looseObject({
  alert_transition: z
    .string({ error: "is missing; the template of docs/senders.md sends it" })
    .transform((text) => text.trim().toLowerCase().replace(/^re-/, ""))
    .refine((text) => Object.hasOwn(transitions, text), {
      error: "must be Triggered, Warn, No Data, Renotify or Recovered",
    }),
  date: epoch,
});

/** A variable that Datadog had nothing for stays as it is written in the template, or comes as `null`. */
const filled = (value: unknown): string | undefined => {
  const text = textOf(value);
  return text === undefined || /^(\$[A-Z_]+|null)$/.test(text) ? undefined : text;
};

/** `env:prod,service:api,monitor`, or a list of such: names and values; a tag may have no value. */
function tagsOf(...values: readonly unknown[]): Record<string, string> {
  const tags = values
    .flatMap((value) => (Array.isArray(value) ? value : [filled(value) ?? ""]))
    .flatMap((value) => (textOf(value) ?? "").split(","))
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "")
    .slice(0, tagsMax)
    .map((tag) => {
      const colon = tag.indexOf(":");
      return colon < 1 ? ([tag, ""] as const) : ([tag.slice(0, colon), tag.slice(colon + 1)] as const);
    });
  // The first of one name counts.
  return Object.fromEntries(tags.reverse());
}

function read({ body }: Parameters<Sender["read"]>[0]) {
  const parsed = readBody(body, bodySchema);
  if ("problems" in parsed) return delivery({ problems: parsed.problems });
  const { alert_transition: transition, date, ...sent } = parsed.value;
  const tags = tagsOf(sent.alert_scope, sent.tags);
  const key =
    givenKey(filled(sent.alert_cycle_key)) ??
    givenKey(filled(sent.aggreg_key)) ??
    givenKey(filled(sent.alert_id) && `${filled(sent.alert_id)}:${filled(sent.alert_scope) ?? ""}`);
  if (key === undefined)
    return delivery({
      problems: [
        {
          field: "alert_cycle_key",
          why: "is missing, and aggreg_key and alert_id too: no key to know it by",
        },
      ],
    });
  const status = transitions[transition] ?? "firing";
  // The state in front of a title changes with every delivery; the rule's name does not.
  const title = filled(sent.alert_title)?.replace(/^(\[[^\]]{0,60}\]\s*)+/, "") || untitled;
  const severityText =
    filled(sent.alert_priority) ?? (transition === "warn" ? "warning" : filled(sent.alert_type));
  const alert: ReadAlert = {
    fingerprint: key,
    status,
    title,
    labels: {
      ...tags,
      ...labelsFrom({
        alertname: title,
        monitor_id: filled(sent.alert_id),
        metric: filled(sent.alert_metric),
        host: labelOf(tags, "host") ?? filled(sent.hostname),
      }),
    },
    annotations: labelsFrom({ summary: filled(sent.text_only_msg) ?? firstText(sent.event_msg) }),
    startsAt: status === "firing" ? date : undefined,
    endsAt: status === "resolved" ? date : undefined,
    links: linksOf([
      ["monitor", sent.link],
      ["snapshot", sent.snapshot],
    ]),
    severity: severityOf(severityText),
    severityText,
    named: namedOf(tags),
  };
  return delivery({ alerts: [alert], groupKey: clean(filled(sent.aggreg_key) ?? "") });
}

export const datadog: Sender = {
  about: "Monitors of Datadog, sent by a webhook with the template of docs/senders.md.",
  read,
  unreadableStatus: 400,
};
