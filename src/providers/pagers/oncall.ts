/**
 * Grafana OnCall and Grafana IRM, by an inbound Formatted Webhook integration. Its address is the secret.
 * Source: grafana.com docs, "Inbound Webhook integrations": alert_uid, title, message, state, link_to_upstream_details.
 */
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { PageNotice, Pager } from "./contract.ts";
import { exchange, refusedBy } from "./http.ts";

export interface GrafanaOnCallOptions {
  who: string;
  url: Secret<string>;
  deadlineMs: number;
}

/**
 * `alerting` opens a group, `ok` resolves it. `acknowledged` acknowledges it once the integration's acknowledge
 * template says so: `{{ payload.state == "acknowledged" }}`; without it the word changes nothing.
 */
type FormattedState = "alerting" | "acknowledged" | "ok";

export function createGrafanaOnCall({ who, url, deadlineMs }: GrafanaOnCallOptions): Pager {
  if (!/^https?:\/\//.test(url.reveal()) || !URL.canParse(url.reveal()))
    throw new ProviderError(
      "unauthorised",
      `The address of ${who} is not one`,
      "Copy the HTTP endpoint of its Formatted Webhook integration into the variable named by urlEnv.",
    );
  const post = async (notice: PageNotice, state: FormattedState): Promise<void> => {
    const { status } = await exchange({
      who,
      method: "POST",
      url: url.reveal(),
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        alert_uid: notice.key,
        title: notice.summary,
        message: notice.detail,
        state,
        ...(notice.url === null ? {} : { link_to_upstream_details: notice.url }),
      }),
      deadlineMs,
    });
    // What it says is not shown: a page for people, which may repeat the address.
    if (status < 200 || status > 299) throw refusedBy(who, status, "");
  };
  return {
    canRead: false,
    trigger: (notice) => post(notice, "alerting"),
    acknowledge: (notice) => post(notice, "acknowledged"),
    resolve: (notice) => post(notice, "ok"),
    read: async () => undefined,
  };
}
