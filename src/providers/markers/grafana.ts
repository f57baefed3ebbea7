/**
 * Grafana, by its annotations API. An annotation of ours carries the tag `quarterdeck:<marker id>`: it is looked for by
 * that tag before one is made, also after an answer that was lost, so that there is one per marker.
 * Source: grafana.com/docs, "Annotations HTTP API" (`GET` and `POST /api/annotations`; kept beside the `/apis` routes of
 * Grafana 13, which are not yet stable). Rights of the token: annotations:read and annotations:create.
 */
import { z } from "zod";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import { type MarkerNotice, type MarkerSink, noticeText } from "./contract.ts";
import { send } from "./http.ts";

export interface GrafanaOptions {
  who: string;
  /** Without a slash at the end. */
  url: string;
  token: Secret<string>;
  dashboardUid: string | undefined;
  tags: readonly string[];
  deadlineMs: number;
  now: () => Date;
}

const foundSchema = z.array(z.looseObject({ id: z.number().int(), tags: z.array(z.string()).nullish() }));
const madeSchema = z.looseObject({ id: z.number().int() });

export const markOf = (id: string): string => `quarterdeck:${id}`;

export function createGrafana(options: GrafanaOptions): MarkerSink {
  const { who, url, token, dashboardUid, deadlineMs, now } = options;
  const headers = () => ({ authorization: `Bearer ${token.reveal()}` });

  const find = async (id: string): Promise<string | null> => {
    const query = new URLSearchParams({ tags: markOf(id), type: "annotation", limit: "1" });
    const text = await send({
      who,
      method: "GET",
      url: `${url}/api/annotations?${query}`,
      headers: headers(),
      deadlineMs,
      now,
    });
    // A server that does not know the filter would answer with any annotation.
    const found = read(who, foundSchema, text).find(({ tags }) => tags?.includes(markOf(id)));
    return found === undefined ? null : String(found.id);
  };

  return {
    canRead: true,
    find,
    async put(notice) {
      const found = await find(notice.id);
      if (found !== null) return found;
      const text = await send({
        who,
        method: "POST",
        url: `${url}/api/annotations`,
        headers: { ...headers(), "content-type": "application/json" },
        body: JSON.stringify({
          ...(dashboardUid === undefined ? {} : { dashboardUID: dashboardUid }),
          time: Date.parse(notice.at),
          tags: tagsOf(notice, options.tags),
          text: noticeText(notice),
        }),
        deadlineMs,
        now,
      });
      return String(read(who, madeSchema, text).id);
    },
  };
}

/** Dashboards pick annotations by these. */
const tagsOf = (
  { id, kind, service, environment, version }: MarkerNotice,
  more: readonly string[],
): string[] => [
  ...new Set([
    "deploy",
    `service:${service}`,
    `environment:${environment}`,
    `version:${version}`,
    `kind:${kind}`,
    ...more,
    markOf(id),
  ]),
];

function read<Schema extends z.ZodType>(who: string, schema: Schema, text: string): z.output<Schema> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ProviderError(
    "rejected",
    `What ${who} answered is not Grafana's`,
    "Check the instance's address in the catalog.",
    parsed.error,
  );
}
