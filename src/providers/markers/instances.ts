import type { MarkerSinkInstance } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Secret } from "../../platform/secret.ts";
import { secretOf } from "../secrets.ts";
import type { MarkerSink } from "./contract.ts";
import { createGrafana } from "./grafana.ts";
import { createSignedWebhook } from "./webhook.ts";

export interface MarkerSinks {
  /** Secrets are read from the environment at each call. Throws ProviderError `unauthorised` when one is not set. */
  of(instance: MarkerSinkInstance): MarkerSink;
}

export function createMarkerSinks({ env, clock }: Pick<Platform, "env" | "clock">): MarkerSinks {
  const secret = (instance: MarkerSinkInstance, variable: string): Secret<string> =>
    secretOf({ env }, instance, variable);
  return {
    of(instance) {
      const common = { who: instance.name, deadlineMs: instance.deadline, now: () => clock.now() };
      switch (instance.kind) {
        case "grafana":
          return createGrafana({
            ...common,
            url: instance.url.replace(/\/+$/, ""),
            token: secret(instance, instance.tokenEnv),
            dashboardUid: instance.dashboardUid,
            tags: instance.tags,
          });
        case "webhook":
          return createSignedWebhook({
            ...common,
            url: instance.url,
            secret: secret(instance, instance.secretEnv),
          });
      }
    },
  };
}
