import type { MarkerSinkInstance } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { MarkerSink } from "./contract.ts";
import { createGrafana } from "./grafana.ts";
import { createSignedWebhook } from "./webhook.ts";

export interface MarkerSinks {
  /** Secrets are read from the environment at each call. Throws ProviderError `unauthorised` when one is not set. */
  of(instance: MarkerSinkInstance): MarkerSink;
}

export function createMarkerSinks({ env, clock }: Pick<Platform, "env" | "clock">): MarkerSinks {
  const secretOf = ({ name }: MarkerSinkInstance, variable: string): Secret<string> => {
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
      const common = { who: instance.name, deadlineMs: instance.deadline, now: () => clock.now() };
      switch (instance.kind) {
        case "grafana":
          return createGrafana({
            ...common,
            url: instance.url.replace(/\/+$/, ""),
            token: secretOf(instance, instance.tokenEnv),
            dashboardUid: instance.dashboardUid,
            tags: instance.tags,
          });
        case "webhook":
          return createSignedWebhook({
            ...common,
            url: instance.url,
            secret: secretOf(instance, instance.secretEnv),
          });
      }
    },
  };
}
