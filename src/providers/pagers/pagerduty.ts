/**
 * PagerDuty, Events API v2 to tell and REST API v2 to ask.
 * Source: developer.pagerduty.com, "Send an alert event" and "List incidents".
 */
import { z } from "zod";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { PageNotice, Pager, PagerState, SeenPage } from "./contract.ts";
import { exchange, fitting, jsonOf, refusedBy } from "./http.ts";

/** Characters of `payload.summary` and of `dedup_key`. Source: as above. */
const summaryCharsMax = 1_024;
const keyCharsMax = 255;
const routingKeyChars = 32;

export interface PagerDutyOptions {
  who: string;
  /** Of the Events API, without a path. */
  url: string;
  routingKey: Secret<string>;
  apiUrl: string;
  /** Read-only key of the REST API; without it nothing can be asked. */
  apiToken: Secret<string> | undefined;
  deadlineMs: number;
}

const acceptedSchema = z.object({ status: z.literal("success"), dedup_key: z.string().optional() });
const refusalSchema = z.object({ message: z.string().default(""), errors: z.array(z.string()).default([]) });
const actorSchema = z.object({ type: z.string(), summary: z.string().nullish() });
const incidentsSchema = z.object({
  incidents: z.array(
    z.object({
      id: z.string(),
      status: z.enum(["triggered", "acknowledged", "resolved"]),
      acknowledgements: z.array(z.object({ acknowledger: actorSchema })).default([]),
      last_status_change_by: actorSchema.nullish(),
    }),
  ),
});

export function createPagerDuty(options: PagerDutyOptions): Pager {
  const { who, routingKey, apiToken, deadlineMs } = options;
  if (routingKey.reveal().length !== routingKeyChars)
    throw new ProviderError(
      "unauthorised",
      `The integration key of ${who} is not ${routingKeyChars} characters long`,
      "Copy the Integration Key of an Events API v2 integration; a key of the REST API is another one.",
    );

  const enqueue = async (key: string, event: Record<string, unknown>): Promise<void> => {
    const { status, text } = await exchange({
      who,
      method: "POST",
      url: new URL("/v2/enqueue", options.url).href,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        routing_key: routingKey.reveal(),
        dedup_key: key.slice(0, keyCharsMax),
        ...event,
      }),
      deadlineMs,
    });
    if (status !== 202) throw refusedBy(who, status, wordsIn(text));
    if (!acceptedSchema.safeParse(jsonOf(text)).success)
      throw new ProviderError(
        "rejected",
        `What answers for ${who} is not PagerDuty's Events API`,
        "Check url of the instance: https://events.pagerduty.com, or https://events.eu.pagerduty.com.",
      );
  };

  return {
    canRead: apiToken !== undefined,
    trigger: (notice) =>
      enqueue(notice.key, {
        event_action: "trigger",
        client: "Quarterdeck",
        ...(notice.url === null ? {} : { client_url: notice.url }),
        payload: payloadOf(notice),
      }),
    acknowledge: ({ key }) => enqueue(key, { event_action: "acknowledge" }),
    resolve: ({ key }) => enqueue(key, { event_action: "resolve" }),
    async read(key) {
      if (apiToken === undefined) return undefined;
      const url = new URL("/incidents", options.apiUrl);
      // Without date_range an incident of last month would not be among them.
      url.search = new URLSearchParams({
        incident_key: key.slice(0, keyCharsMax),
        date_range: "all",
        sort_by: "created_at:desc",
        limit: "1",
      }).toString();
      const { status, text } = await exchange({
        who,
        method: "GET",
        url: url.href,
        headers: {
          accept: "application/vnd.pagerduty+json;version=2",
          authorization: `Token token=${apiToken.reveal()}`,
        },
        deadlineMs,
      });
      if (status !== 200) throw refusedBy(who, status, "");
      const parsed = incidentsSchema.safeParse(jsonOf(text));
      if (!parsed.success)
        throw new ProviderError(
          "rejected",
          `What answers for ${who} is not PagerDuty's REST API`,
          "Check apiUrl of the instance: https://api.pagerduty.com, or https://api.eu.pagerduty.com.",
        );
      const [incident] = parsed.data.incidents;
      return incident && seenOf(incident);
    },
  };
}

function payloadOf({ summary, detail, subject, team, service, openedAt }: PageNotice) {
  return {
    summary: fitting(summary, summaryCharsMax),
    source: service ?? team,
    severity: "critical",
    timestamp: openedAt.toISOString(),
    ...(service === null ? {} : { component: service }),
    group: team,
    custom_details: { line: detail, subject },
  };
}

function seenOf(incident: z.output<typeof incidentsSchema>["incidents"][number]): SeenPage {
  const state: PagerState = incident.status;
  const actor =
    state === "acknowledged"
      ? incident.acknowledgements.at(-1)?.acknowledger
      : state === "resolved"
        ? incident.last_status_change_by
        : undefined;
  const isPerson = actor?.type === "user_reference" || actor?.type === "user";
  return { state, externalId: incident.id, by: isPerson ? (actor.summary ?? null) : null };
}

function wordsIn(text: string): string {
  const parsed = refusalSchema.safeParse(jsonOf(text));
  return parsed.success ? [parsed.data.message, ...parsed.data.errors].filter(Boolean).join("; ") : "";
}
