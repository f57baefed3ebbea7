/** What a system itself would refuse of a role, known when the catalog is read. */
import { formatDuration } from "../platform/commands/time.ts";
import { type AccessorInstance, type AccessRole, accessTermsSchemas, type Resource } from "./accessors.ts";
import type { Say } from "./checks.ts";

export function checkAgainstSystem(
  say: Say,
  { kind, name }: AccessorInstance,
  resource: Resource,
  role: AccessRole,
): void {
  if (kind !== "aws") return;
  const terms = accessTermsSchemas.aws.safeParse(role.terms);
  if (terms.success && role.policy.durationMax > terms.data.sessionMax)
    say(
      resource,
      ["roles", resource.roles.indexOf(role), "policy", "durationMax"],
      `is longer than a session that ${name} gives, ${formatDuration(terms.data.sessionMax)} by sessionMax; shorten it, or raise MaxSessionDuration at AWS and sessionMax`,
    );
}
