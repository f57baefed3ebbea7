import type { PagerInstance } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Secret } from "../../platform/secret.ts";
import { secretOf } from "../secrets.ts";
import type { Pager } from "./contract.ts";
import { callDeadlineMs } from "./http.ts";
import { createGrafanaOnCall } from "./oncall.ts";
import { createOpsgenie } from "./opsgenie.ts";
import { createPagerDuty } from "./pagerduty.ts";
import { createSignedWebhook } from "./webhook.ts";

export interface Pagers {
  /** Secrets are read from the environment at each call. Throws ProviderError `unauthorised` when one is not set. */
  of(instance: PagerInstance): Pager;
}

export function createPagers(
  { env, clock }: Pick<Platform, "env" | "clock">,
  deadlineMs = callDeadlineMs,
): Pagers {
  const secret = (instance: PagerInstance, variable: string): Secret<string> =>
    secretOf({ env }, instance, variable);
  return {
    of(instance) {
      const who = instance.name;
      switch (instance.kind) {
        case "pagerduty":
          return createPagerDuty({
            who,
            url: instance.url,
            routingKey: secret(instance, instance.routingKeyEnv),
            apiUrl: instance.apiUrl,
            apiToken: instance.apiTokenEnv === undefined ? undefined : secret(instance, instance.apiTokenEnv),
            deadlineMs,
          });
        case "opsgenie":
          return createOpsgenie({
            who,
            url: instance.url,
            key: secret(instance, instance.keyEnv),
            deadlineMs,
          });
        case "oncall":
          return createGrafanaOnCall({ who, url: secret(instance, instance.urlEnv), deadlineMs });
        case "webhook":
          return createSignedWebhook({
            who,
            url: instance.url,
            secret: secret(instance, instance.secretEnv),
            now: () => clock.now(),
            deadlineMs,
          });
      }
    },
  };
}
