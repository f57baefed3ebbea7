import type { MetricsInstance } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { MetricsProvider } from "./contract.ts";
import { createPrometheusProvider } from "./prometheus.ts";

/** A Prometheus of the catalog: it needs nothing but its address and its token. */
export function prometheusOf(
  instance: Extract<MetricsInstance, { kind: "prometheus" }>,
  env: Platform["env"],
): MetricsProvider {
  const { tokenEnv } = instance;
  const token = tokenEnv === undefined ? undefined : env(tokenEnv);
  if (tokenEnv !== undefined && token === undefined)
    throw new ProviderError(
      "unauthorised",
      `The token of ${instance.name} is not set`,
      `Set ${tokenEnv}, which the catalog names for it`,
    );
  return createPrometheusProvider({
    url: instance.url,
    token: token === undefined ? undefined : new Secret(token),
    deadlineMs: instance.deadline,
  });
}
