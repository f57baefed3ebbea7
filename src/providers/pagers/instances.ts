import type { PagerInstance } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
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
  const secretOf = ({ name }: PagerInstance, variable: string): Secret<string> => {
    const value = env(variable);
    if (value !== undefined && value !== "") return new Secret(value);
    throw new ProviderError(
      "unauthorised",
      `The secret of ${name} is not set`,
      `Set ${variable}, which the catalog names for it.`,
    );
  };
  return {
    of(instance) {
      const who = instance.name;
      switch (instance.kind) {
        case "pagerduty":
          return createPagerDuty({
            who,
            url: instance.url,
            routingKey: secretOf(instance, instance.routingKeyEnv),
            apiUrl: instance.apiUrl,
            apiToken:
              instance.apiTokenEnv === undefined ? undefined : secretOf(instance, instance.apiTokenEnv),
            deadlineMs,
          });
        case "opsgenie":
          return createOpsgenie({
            who,
            url: instance.url,
            key: secretOf(instance, instance.keyEnv),
            deadlineMs,
          });
        case "oncall":
          return createGrafanaOnCall({ who, url: secretOf(instance, instance.urlEnv), deadlineMs });
        case "webhook":
          return createSignedWebhook({
            who,
            url: instance.url,
            secret: secretOf(instance, instance.secretEnv),
            now: () => clock.now(),
            deadlineMs,
          });
      }
    },
  };
}
