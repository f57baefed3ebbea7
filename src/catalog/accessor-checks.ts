/** What a system itself would refuse of a role, known when the catalog is read. */
import { formatDuration } from "../platform/commands/time.ts";
import { type AccessorInstance, type AccessRole, accessTermsSchemas, type Resource } from "./accessors.ts";
import type { Checks, Say } from "./checks.ts";

export function checkAgainstSystem(
  { say, catalog }: Pick<Checks, "say" | "catalog">,
  accessor: AccessorInstance,
  resource: Resource,
  role: AccessRole,
): void {
  if (accessor.kind === "aws") checkSessions(say, accessor, resource, role);
  if (accessor.kind === "github") checkTeams({ say, catalog }, accessor, resource, role);
}

function checkSessions(say: Say, { name }: AccessorInstance, resource: Resource, role: AccessRole): void {
  const terms = accessTermsSchemas.aws.safeParse(role.terms);
  if (terms.success && role.policy.durationMax > terms.data.sessionMax)
    say(
      resource,
      ["roles", resource.roles.indexOf(role), "policy", "durationMax"],
      `is longer than a session that ${name} gives, ${formatDuration(terms.data.sessionMax)} by sessionMax; shorten it, or raise MaxSessionDuration at AWS and sessionMax`,
    );
}

/** Two roles that are one membership outside end with the last grant of either: the higher one would last too long. */
function checkTeams(
  { say, catalog }: Pick<Checks, "say" | "catalog">,
  { org }: Extract<AccessorInstance, { kind: "github" }>,
  resource: Resource,
  role: AccessRole,
): void {
  const terms = accessTermsSchemas.github.safeParse(role.terms);
  if (!terms.success) return;
  const inOrg = new Set(
    catalog.providers.accessors.flatMap((each) =>
      each.kind === "github" && each.org === org ? each.name : [],
    ),
  );
  const others = catalog.resources
    .filter(({ accessor }) => inOrg.has(accessor))
    .flatMap(({ name, roles }) => roles.map((each) => ({ name, role: each })));
  const clash = others.find(({ role: other }) => {
    const read = accessTermsSchemas.github.safeParse(other.terms);
    return read.success && read.data.team === terms.data.team && read.data.role !== terms.data.role;
  });
  if (clash)
    say(
      resource,
      ["roles", resource.roles.indexOf(role), "terms", "role"],
      `is ${terms.data.role} of ${org}/${terms.data.team}, and ${clash.role.name} of ${clash.name} is the other role of the same team: a person is one or the other; give one of them a team of its own`,
    );
}
