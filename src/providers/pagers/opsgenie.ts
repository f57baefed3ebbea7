/** Opsgenie's Alert API v2. Its requests are taken first and done later. Source: docs.opsgenie.com, "Alert API". */
import { z } from "zod";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { PageNotice, Pager, SeenPage } from "./contract.ts";
import { exchange, fitting, jsonOf, refusedBy } from "./http.ts";

/** Characters of an alert's fields. Source: as above. */
const limits = {
  message: 130,
  alias: 512,
  description: 15_000,
  entity: 512,
  source: 100,
  user: 100,
  note: 25_000,
};

export interface OpsgenieOptions {
  who: string;
  url: string;
  key: Secret<string>;
  deadlineMs: number;
}

const acceptedSchema = z.object({ requestId: z.string().min(1) });
const refusalSchema = z.object({ message: z.string() });
const alertSchema = z.object({
  data: z.object({
    id: z.string(),
    status: z.enum(["open", "closed"]),
    acknowledged: z.boolean(),
    report: z.object({ acknowledgedBy: z.string().nullish(), closedBy: z.string().nullish() }).nullish(),
  }),
});

const source = "Quarterdeck";

export function createOpsgenie({ who, url, key: secret, deadlineMs }: OpsgenieOptions): Pager {
  const headers = { authorization: `GenieKey ${secret.reveal()}`, "content-type": "application/json" };
  const pathOf = (key: string, action = "") =>
    `/v2/alerts/${encodeURIComponent(key.slice(0, limits.alias))}${action}?identifierType=alias`;

  const post = async (path: string, body: Record<string, unknown>): Promise<void> => {
    const { status, text } = await exchange({
      who,
      method: "POST",
      url: new URL(path, url).href,
      headers,
      body: JSON.stringify(body),
      deadlineMs,
    });
    if (status !== 202) throw refusedBy(who, status, wordsIn(text));
    if (!acceptedSchema.safeParse(jsonOf(text)).success) throw notOpsgenie(who);
  };
  const actionOf = (by: string) => ({ source, user: fitting(by, limits.user) });

  return {
    canRead: true,
    trigger: (notice) => post("/v2/alerts", alertOf(notice)),
    acknowledge: ({ key }, by) => post(pathOf(key, "/acknowledge"), actionOf(by)),
    resolve: ({ key }, by) => post(pathOf(key, "/close"), actionOf(by)),
    async read(key) {
      const { status, text } = await exchange({
        who,
        method: "GET",
        url: new URL(pathOf(key), url).href,
        headers,
        deadlineMs,
      });
      if (status === 404) return undefined;
      if (status !== 200) throw refusedBy(who, status, wordsIn(text));
      const parsed = alertSchema.safeParse(jsonOf(text));
      if (!parsed.success) throw notOpsgenie(who);
      return seenOf(parsed.data.data);
    },
  };
}

function alertOf({ key, summary, detail, subject, team, service, url }: PageNotice) {
  return {
    message: fitting(summary, limits.message),
    alias: key.slice(0, limits.alias),
    description: fitting(url === null ? detail : `${detail}\n${url}`, limits.description),
    entity: fitting(service ?? team, limits.entity),
    source,
    priority: "P1",
    details: { subject, team },
  };
}

function seenOf({ id, status, acknowledged, report }: z.output<typeof alertSchema>["data"]): SeenPage {
  const seen = { externalId: id };
  if (status === "closed") return { ...seen, state: "resolved", by: personIn(report?.closedBy) };
  if (acknowledged) return { ...seen, state: "acknowledged", by: personIn(report?.acknowledgedBy) };
  return { ...seen, state: "triggered", by: null };
}

/** Opsgenie names itself where a rule of its own did it. */
const personIn = (name: string | null | undefined): string | null =>
  name === undefined || name === null || name === "" || name === "System" || name === source ? null : name;

const notOpsgenie = (who: string) =>
  new ProviderError(
    "rejected",
    `What answers for ${who} is not Opsgenie's API`,
    "Check url of the instance: https://api.opsgenie.com, or https://api.eu.opsgenie.com.",
  );

function wordsIn(text: string): string {
  const parsed = refusalSchema.safeParse(jsonOf(text));
  return parsed.success ? parsed.data.message : "";
}
