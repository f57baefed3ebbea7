/** Each system that access is granted in: reachable, with the rights it takes, and with nothing in it that no grant needs. */
import { sql } from "kysely";
import type { App } from "../../app.ts";
import { person as personOf, requestersOf } from "../../catalog/lookup.ts";
import {
  type AccessorInstance,
  type AccessRole,
  accountsNeeded,
  type Catalog,
} from "../../catalog/schema.ts";
import {
  type Accessor,
  type ExternalObject,
  externalNameOf,
  type Grantee,
} from "../../providers/accessors/contract.ts";
import { createAccessors } from "../../providers/accessors/instances.ts";
import { ProviderError } from "../../providers/errors.ts";
import { reasonOf } from "../world.ts";
import { type Finding, failed, notSet, ok } from "./finding.ts";

/** Milliseconds one answer may take. */
const deadlineMs = 5_000;
/** Ends of the grants that are foreseen and never made; milliseconds from now. */
const foreseenMs = 3_600_000;
const namedMax = 5;

export async function checkAccessor(
  app: App,
  catalog: Catalog,
  instance: AccessorInstance,
): Promise<Finding[]> {
  const system = `Accessor ${instance.name}`;
  const roles = catalog.resources
    .filter(({ accessor }) => accessor === instance.name)
    .flatMap((resource) => resource.roles.map((role) => ({ resource: resource.name, role })));
  try {
    const accessor = createAccessors(app).of(
      instance,
      roles.map(({ role }) => role.terms),
    );
    const objects = await accessor.list({ signal: AbortSignal.timeout(deadlineMs) });
    const obstacles = await Promise.all(
      roles.map(async ({ resource, role }) =>
        (await obstaclesOf(app, catalog, accessor, role)).map((what) => `${resource} ${role.name}: ${what}`),
      ),
    );
    // Members of a group carry no mark: those who stay in it are there by right.
    const own =
      accessor.sharedKey === undefined
        ? objects
        : objects.filter(({ idempotencyKey }) => idempotencyKey !== null);
    return [
      accessorFinding(system, own, await liveGrants(app), obstacles.flat()),
      ...accountsOf(catalog, instance),
    ];
  } catch (error) {
    const { hint } = error as { hint?: string };
    return [failed(system, reasonOf(error), hint ?? "docs/access-providers.md says how it is set up.")];
  }
}

/** What a look at one system comes to; `live` are ids of the grants that need something there. */
export function accessorFinding(
  system: string,
  objects: readonly ExternalObject[],
  live: ReadonlySet<string>,
  obstacles: readonly string[],
): Finding {
  const orphans = objects.filter(
    ({ idempotencyKey }) => idempotencyKey === null || !live.has(idempotencyKey),
  );
  const there = `reachable, ${objects.length} grant(s) there`;
  if (obstacles.length > 0)
    return failed(
      system,
      `${there}; in the way: ${someOf([...new Set(obstacles)], "; ")}`,
      "Mend that: a grant would fail. docs/access-providers.md has the least rights it takes.",
    );
  if (orphans.length > 0)
    return failed(
      system,
      `${there}, ${orphans.length} of them on no record: ${someOf(
        orphans.map(({ ref, words }) => (ref.externalName === "" ? words : ref.externalName)),
        ", ",
      )}`,
      "Ours are removed within a minute while a worker runs; remove the others by hand if nobody needs them.",
    );
  return ok(system, there);
}

/** People who may ask for what is given to an account, and have none in the catalog. */
function accountsOf(catalog: Catalog, { name, kind }: AccessorInstance): Finding[] {
  const system = accountsNeeded[kind];
  if (system === undefined) return [];
  const askers = catalog.resources
    .filter(({ accessor }) => accessor === name)
    .flatMap(({ roles }) => roles.flatMap((role) => requestersOf(catalog, role)));
  const without = catalog.people.filter(({ id, accounts }) => askers.includes(id) && !accounts?.[system]);
  if (without.length === 0) return [];
  return [
    notSet(
      `Accounts for ${name}`,
      `no accounts.${system}: ${someOf(
        without.map(({ id }) => id),
        ", ",
      )}`,
      `Add accounts: { ${system}: … } to them in the catalog; they are refused until then.`,
    ),
  ];
}

function someOf(words: readonly string[], separator: string): string {
  const rest = words.length - namedMax;
  return `${words.slice(0, namedMax).join(separator)}${rest > 0 ? `${separator}and ${rest} more` : ""}`;
}

/** A dry run for somebody who may ask for the role: a system may need an account of theirs. */
async function obstaclesOf(
  app: App,
  catalog: Catalog,
  accessor: Accessor,
  role: AccessRole,
): Promise<readonly string[]> {
  const [first] = requestersOf(catalog, role);
  const person = first === undefined ? undefined : personOf(catalog, first);
  const grantee: Grantee = {
    personId: person?.id ?? "",
    slack: { team: app.slackTeam(), user: person?.slack[app.slackTeam()] ?? "" },
    accounts: { ...person?.accounts },
  };
  const intent = {
    externalName: externalNameOf("dry-run"),
    grantee,
    terms: role.terms,
    expiresAt: new Date(app.clock.now().getTime() + Math.min(foreseenMs, role.policy.durationMax)),
  };
  try {
    return (await accessor.plan(intent, { signal: AbortSignal.timeout(deadlineMs) })).obstacles;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return [error.message];
  }
}

async function liveGrants(app: App): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`select id from access_grants where over_at is null`.execute(
    app.database.db,
  );
  return new Set(rows.map(({ id }) => id));
}
