/**
 * Grafana OnCall's and IRM's outgoing webhook with *Forward all*: who acknowledged or resolved a page, and alert
 * groups that are not ours. Pure. Source: grafana/oncall docs, "Outgoing Webhooks", data fields and event types.
 */
import { z } from "zod";
import type { PageEvent, ReadEvent } from "../events.ts";
import { type ReadAlert, severityOf, untitled } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import { hintsOf, labelOf, labelsFrom, namedOf } from "./labels.ts";
import { linkOf, linksOf } from "./links.ts";
import { isOwnPage } from "./own-pages.ts";
import { delivery, type Inbound, readBody, type Sender } from "./reader.ts";
import { firstText, textOf } from "./texts.ts";
import { time } from "./times.ts";

const maybe = z.looseObject({}).nullish().catch(undefined);

const bodySchema = z.looseObject({
  event: z.looseObject(
    {
      type: z.string({ error: "is missing; OnCall gives it when all is forwarded" }).min(1, "is empty"),
      time: time,
    },
    { error: "is missing; switch Forward all on" },
  ),
  user: maybe,
  alert_group: z.looseObject(
    {
      id: z
        .string({ error: "is missing: no key to know the alert group by" })
        .refine((given) => givenKey(given) !== undefined, { error: "is empty" }),
      created_at: time,
      resolved_at: time,
      labels: maybe,
      permalinks: maybe,
    },
    { error: "is missing; switch Forward all on" },
  ),
  alert_payload: z.looseObject({ labels: maybe, annotations: maybe }).nullish().catch(undefined),
  integration: maybe,
});
type Body = z.output<typeof bodySchema>;

type Turn = "opened" | "acknowledged" | "resolved";
/** What an event says; others change nothing that concerns us. */
const turns: Readonly<Record<string, Turn>> = {
  "alert group created": "opened",
  firing: "opened",
  unresolve: "opened",
  acknowledge: "acknowledged",
  resolve: "resolved",
};
/** For `status change`, which says the state only. */
const turnsByState: Readonly<Record<string, Turn>> = {
  new: "opened",
  firing: "opened",
  acknowledged: "acknowledged",
  resolved: "resolved",
};

function read({ body }: Inbound) {
  const parsed = readBody(body, bodySchema);
  if ("problems" in parsed) return delivery({ problems: parsed.problems });
  const { event, alert_group: group, alert_payload: payload, user } = parsed.value;
  const type = event.type.trim().toLowerCase();
  const state = textOf(group.state)?.toLowerCase() ?? "";
  const turn = type === "status change" ? turnsByState[state] : turns[type];
  const ours = isOwnPage(payload?.alert_uid);
  const at = event.time ?? null;
  const page = (what: PageEvent["what"]): PageEvent => ({
    kind: "page",
    system: "oncall",
    what,
    key: (ours ? givenKey(payload?.alert_uid) : undefined) ?? givenKey(group.id) ?? "",
    // The address tells which of our people it is.
    by: firstText(user?.email, user?.username) ?? null,
    at,
  });
  const told = (status: ReadAlert["status"]) => (ours ? [] : [alertOf(parsed.value, status)]);
  if (turn === "opened") return delivery({ alerts: told("firing") });
  if (turn === "acknowledged") return delivery({ events: [page("acknowledged")] });
  if (turn === "resolved") return delivery({ alerts: told("resolved"), events: [page("resolved")] });
  const other: ReadEvent = {
    kind: "other",
    type: textOf(type) ?? "unknown",
    title: textOf(group.title) ?? untitled,
    url: linkOf(group.permalinks?.web) ?? null,
    at,
  };
  return delivery({ events: [other] });
}

function alertOf(
  { event, alert_group: group, alert_payload: payload, integration }: Body,
  status: ReadAlert["status"],
): ReadAlert {
  const title = textOf(group.title) ?? untitled;
  const said = { ...labelsFrom(payload?.labels ?? {}), ...labelsFrom(group.labels ?? {}) };
  const labels = {
    ...said,
    ...labelsFrom({ alertname: labelOf(said, "alertname") ?? title, integration: integration?.name }),
  };
  const named = namedOf(said);
  const severityText = labelOf(said, "severity");
  return {
    fingerprint: givenKey(group.id) ?? "",
    status,
    title,
    labels,
    annotations: { ...labelsFrom(payload?.annotations ?? {}), ...labelsFrom({ summary: payload?.message }) },
    // One that is opened again began anew.
    startsAt: status === "firing" && event.type.toLowerCase() === "unresolve" ? event.time : group.created_at,
    endsAt: status === "resolved" ? (group.resolved_at ?? event.time) : undefined,
    links: linksOf([
      ["alert group", group.permalinks?.web],
      ["source", payload?.link_to_upstream_details],
    ]),
    severity: severityOf(severityText),
    severityText,
    named: { ...named, hints: hintsOf([...(named?.hints ?? []), integration?.team]) },
  };
}

export const oncall: Sender = {
  about:
    "Grafana OnCall and IRM (outgoing webhook, all forwarded): who acknowledged or resolved a page, and alert groups.",
  read,
  unreadableStatus: 400,
};
