import { builtinTicketing, ticketingInstance } from "../../catalog/lookup.ts";
import type { TicketingInstance } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import { secretOf } from "../secrets.ts";
import { createBuiltinTicketing } from "./builtin.ts";
import type { Ticketing } from "./contract.ts";
import { createGithubTicketing } from "./github.ts";
import { createGitlabTicketing } from "./gitlab.ts";
import { createJiraTicketing } from "./jira.ts";

/** The instance of that name in the catalog in force; throws ProviderError when it is not there or lacks a secret. */
export type TicketingProviders = (name: string) => Ticketing;

/** Instances by name, built anew when the catalog switches. */
export function createTicketingProviders(
  platform: Pick<Platform, "catalogs" | "clock" | "database" | "env">,
): TicketingProviders {
  const { catalogs, clock, database } = platform;
  const now = () => clock.now();
  const builtin = createBuiltinTicketing(database.db, now);
  let built = { digest: "none", providers: new Map<string, Ticketing>() };

  const secret = (instance: TicketingInstance, variable: string): Secret<string> =>
    secretOf(platform, instance, variable);

  const build = (instance: TicketingInstance): Ticketing => {
    switch (instance.kind) {
      case "builtin":
        return builtin;
      case "github":
        return createGithubTicketing({
          apiUrl: instance.apiUrl,
          repo: instance.repo,
          token: secret(instance, instance.tokenEnv),
          deadlineMs: instance.deadline,
          now,
        });
      case "gitlab":
        return createGitlabTicketing({
          url: instance.url,
          project: instance.project,
          token: secret(instance, instance.tokenEnv),
          deadlineMs: instance.deadline,
          now,
        });
      case "jira":
        return createJiraTicketing({
          url: instance.url,
          project: instance.project,
          issueType: instance.issueType,
          email: secret(instance, instance.emailEnv),
          token: secret(instance, instance.tokenEnv),
          deadlineMs: instance.deadline,
          now,
        });
    }
  };

  return (name) => {
    if (built.digest !== catalogs.digest()) built = { digest: catalogs.digest(), providers: new Map() };
    const known = built.providers.get(name);
    if (known) return known;
    const instance = ticketingInstance(catalogs.current(), name);
    if (instance === undefined && name === builtinTicketing) return builtin;
    if (instance === undefined)
      throw new ProviderError(
        "not_found",
        `The catalog has no ticketing instance ${name}`,
        "Declare it again under providers.ticketing; its tickets wait for it.",
      );
    const provider = build(instance);
    built.providers.set(name, provider);
    return provider;
  };
}
