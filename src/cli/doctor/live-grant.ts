import { sql } from "kysely";
import { approversOf, requestersOf, resource as resourceOf } from "../../catalog/lookup.ts";
import type { AccessorInstance, AccessRole, Resource } from "../../catalog/schema.ts";
import { externalNameOf, type ReadBack } from "../../providers/accessors/contract.ts";
import { createAccessors } from "../../providers/accessors/instances.ts";
import { eventually } from "./eventually.ts";
import { type Finding, failed, notProven, notSet, ok } from "./finding.ts";
import { byWhom, type LiveParts, personMaxMs, secondsText, testerOf, workMaxMs } from "./live-parts.ts";

const system = "Live grant";

/**
 * A grant as people ask for it: requested and claimed by whoever runs this, approved by somebody else, made by the
 * worker, and over by itself. The system is read beside Quarterdeck's own word: the login is there, and it is gone.
 */
export async function proveGrant(parts: LiveParts): Promise<Finding> {
  const { app, catalog, runner } = parts;
  if (!parts.actsForPeople && !parts.mayWait)
    return notProven(system, "left out (--no-wait): somebody else has to approve it");
  const chosen = choose(parts);
  if (!("role" in chosen)) return chosen;
  const { resource, role, accessor } = chosen;
  const what = `${resource.name} ${role.name}`;
  const asked = await parts.ask(
    runner.slackUser,
    `access request ${resource.name} ${role.name} ${parts.grantSec}s Test ${byWhom(parts)}`,
  );
  const id = /^G-\d+/.exec(asked.text ?? "")?.[0];
  if (!asked.ok || id === undefined)
    return failed(
      system,
      `${what} could not be asked for: ${asked.text}`,
      "Take the old request back, or name another: --resource",
    );
  const stateOf = async () =>
    (await sql<{ state: string }>`select state from access_grants where id = ${id}`.execute(app.database.db))
      .rows[0]?.state ?? "gone";
  const reaches = (wanted: string, withinMs: number) =>
    eventually(withinMs, async () => ((await stateOf()) === wanted ? true : undefined));
  /** Takes it back, so that a test that failed leaves nothing behind. */
  const giveUp = async (saw: string, cure: string): Promise<Finding> => {
    await parts.ask(runner.slackUser, `access return ${id}`);
    return failed(system, `${id}: ${saw}`, cure);
  };

  const refused = await approve(parts, id, role);
  if (refused !== undefined) return giveUp(refused, "Check the leads of the approving team in the catalog.");
  if (!(await reaches("approved", parts.actsForPeople ? workMaxMs : personMaxMs)))
    return giveUp("nobody approved it", "Ask a lead to press Approve, then try again.");
  const beganMs = performance.now();
  const since = () => secondsText(performance.now() - beganMs);
  await claim(parts, id);
  if (!(await reaches("active", workMaxMs)))
    return giveUp(
      `was claimed and is ${await stateOf()} after 30 s`,
      "Its card in the leads' channel says what is in the way.",
    );
  const login = externalNameOf(id);
  const { accounts = {} } = catalog.people.find((person) => person.id === runner.id) ?? {};
  const ref = {
    externalName: login,
    grantee: {
      personId: runner.id,
      slack: { team: app.slackTeam(), user: runner.slackUser },
      accounts: { ...accounts },
    },
    terms: role.terms,
  };
  const there = await accessor().verify(ref);
  if (!there.exists || !there.canLogin)
    return giveUp(`${login} is not there, though the grant is active`, "Check the accessor above.");
  const made = `${id} ${what}: login ${login} there after ${since()}`;
  if (!(await reaches("ended", parts.grantSec * 1_000 + workMaxMs)))
    return giveUp(
      `${made}, and it did not end`,
      "Revoke it: its card in the leads' channel says how. Check that a worker runs.",
    );
  const ended = since();
  const gone = await accessor().verify(ref);
  return gone.exists || (gone.openSessions ?? 0) > 0
    ? failed(
        system,
        `${made}, and it still stands: ${readBackText(gone)}`,
        `Drop ${login} by hand and check the accessor above.`,
      )
    : ok(system, `${made}, ended by itself after ${ended}, read back: ${readBackText(gone)}`);
}

const readBackText = ({ exists, openSessions }: ReadBack): string =>
  `${exists ? "login there" : "login gone"}, ${openSessions ?? "unknown"} sessions`;

interface Chosen {
  resource: Resource;
  role: AccessRole;
  accessor: () => ReturnType<ReturnType<typeof createAccessors>["of"]>;
}

/** The named resource's, else the first one's role that the runner may ask for and somebody else may approve. */
function choose({ app, catalog, options, runner }: LiveParts): Chosen | Finding {
  const named = options.resource === undefined ? undefined : resourceOf(catalog, options.resource);
  if (options.resource !== undefined && !named)
    return failed(
      system,
      `the catalog declares no resource ${options.resource}`,
      "Name one of it: --resource",
    );
  const resources = named ? [named] : catalog.resources;
  if (resources.length === 0) return notSet(system, "the catalog declares no resource");
  for (const resource of resources)
    for (const role of resource.roles) {
      const { policy } = role;
      const others = approversOf(catalog, role).filter((id) => id !== runner.id);
      if (policy.ticketRequired || policy.reasonPattern !== undefined) continue;
      if (!requestersOf(catalog, role).includes(runner.id) || others.length < policy.quorum) continue;
      const instance = catalog.providers.accessors.find(({ name }) => name === resource.accessor);
      const groups = resource.roles.map(({ terms }) => terms);
      return {
        resource,
        role,
        accessor: () => createAccessors(app).of(instance as AccessorInstance, groups),
      };
    }
  return notProven(
    system,
    `${runner.name} may ask for no role of ${resources.map(({ name }) => name).join(", ")} that somebody else approves and that needs no ticket`,
    "Run it as somebody who may: --as in the local workspace, else sign their terminal in.",
  );
}

/** @returns what a lead of the local workspace was refused with, if one was */
async function approve(parts: LiveParts, id: string, role: AccessRole): Promise<string | undefined> {
  const { app, catalog, runner } = parts;
  const leads = approversOf(catalog, role)
    .filter((person) => person !== runner.id)
    .flatMap((person) => testerOf(catalog, app.slackTeam(), person) ?? []);
  if (!parts.actsForPeople) {
    const names = leads.map(({ name }) => name).join(" or ");
    parts.say(
      `${id} is a test request. ${names}: press Approve on its card (waiting up to 5 minutes; Ctrl-C gives up).`,
    );
    return undefined;
  }
  for (const { slackUser } of leads.slice(0, role.policy.quorum)) {
    const answer = await parts.ask(slackUser, `access approve ${id}`);
    if (!answer.ok) return answer.text;
  }
  return undefined;
}

/** As the runner does it: a link signs in, the page holds the form. */
async function claim({ app, runner, url }: LiveParts, id: string): Promise<void> {
  const token = await app.sessions.createLink(
    { team: app.slackTeam(), person: runner.slackUser },
    `/access/${id}`,
  );
  const signedIn = await fetch(`${url}/sign-in?token=${encodeURIComponent(token)}`, {
    method: "POST",
    redirect: "manual",
  });
  const cookie = signedIn.headers
    .getSetCookie()
    .map((one) => one.split(";")[0])
    .join("; ");
  const page = await (await fetch(`${url}/access/${id}`, { headers: { cookie } })).text();
  const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? "";
  const answer = await fetch(`${url}/access/${id}/claim`, {
    method: "POST",
    redirect: "manual",
    headers: {
      cookie,
      origin: new URL(app.publicUrl).origin,
      "content-type": "application/x-www-form-urlencoded",
    },
    body: new URLSearchParams({ csrf }),
  });
  if (answer.status !== 303 && answer.status !== 302)
    throw Object.assign(new Error(`${id} could not be claimed at ${url}: HTTP ${answer.status}`), {
      hint: "Check PUBLIC_URL: the console is reached by it.",
    });
}
