/** What a role's policy says of other entries, and whether its numbers can ever be met. */
import { checkAgainstSystem } from "./accessor-checks.ts";
import { accessTermsSchemas } from "./accessors.ts";
import { type Checks, unknownName } from "./checks.ts";
import { approversOf, isNarrowerThan, service as serviceOf, team as teamOf } from "./lookup.ts";
import type { AccessRole, Resource } from "./schema.ts";

export function checkAccessRole(checks: Checks, resource: Resource, role: AccessRole): void {
  const { say, team, person } = checks;
  const { policy } = role;
  const roleAt = ["roles", resource.roles.indexOf(role)];
  const accessor = checks.catalog.providers.accessors.find(({ name }) => name === resource.accessor);
  if (accessor) {
    for (const issue of accessTermsSchemas[accessor.kind].safeParse(role.terms).error?.issues ?? [])
      say(resource, [...roleAt, "terms", ...issue.path.map(String)], issue.message);
    checkAgainstSystem(checks, accessor, resource, role);
  }
  const at = [...roleAt, "policy"];
  const all = (refer: typeof team, field: string, names: readonly string[] = []): void =>
    names.forEach((name, index) => {
      refer(resource, [...at, ...field.split("."), index], name);
    });
  all(team, "requesters", policy.requesters);
  all(person, "requesterPeople", policy.requesterPeople);
  all(team, "approvers", policy.approvers);
  all(person, "approverPeople", policy.approverPeople);
  if (typeof policy.breakGlass === "object") all(team, "breakGlass.requesters", policy.breakGlass.requesters);

  const approvers = approversOf(checks.catalog, role).length;
  if (approvers > 0 && policy.quorum > approvers)
    say(
      resource,
      [...at, "quorum"],
      `asks for ${policy.quorum} approvals, but approvers have ${approvers} leads; lower it or add approvers`,
    );
  if (policy.durationMax > policy.totalDurationMax)
    say(resource, [...at, "durationMax"], "is longer than totalDurationMax; shorten it");
  checkService(checks, resource, role, at);
  checkNarrower(checks, resource, role);
}

/** Who is on call, and what pages, is asked of a service. */
function checkService(
  { catalog, say }: Checks,
  resource: Resource,
  { policy }: AccessRole,
  at: (string | number)[],
): void {
  for (const field of ["automatic", "incidentRequired"] as const) {
    if (!policy[field]) continue;
    if (resource.service === undefined)
      say(resource, [...at, field], "looks at the resource's service, and it has none; add service");
  }
  const owner = resource.service === undefined ? undefined : serviceOf(catalog, resource.service)?.team;
  const team = owner === undefined ? undefined : teamOf(catalog, owner);
  if (policy.automatic && team !== undefined && team.onCall === undefined)
    say(
      resource,
      [...at, "automatic"],
      `is for who is on call, and ${team.name} has no onCall; add it there`,
    );
}

function checkNarrower({ say }: Checks, resource: Resource, role: AccessRole): void {
  const at = ["roles", resource.roles.indexOf(role), "narrowerThan"];
  const names = resource.roles.map(({ name }) => name);
  role.narrowerThan?.forEach((name, index) => {
    if (!names.includes(name)) say(resource, [...at, index], unknownName("role", name, names));
    else if (name === role.name || isNarrowerThan(resource, name, role.name))
      say(resource, [...at, index], "makes a role narrower than itself; remove one");
  });
}
