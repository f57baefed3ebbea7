import type { AccessTerms, TermsOf } from "../../catalog/schema.ts";
import { ProviderError } from "../errors.ts";
import type { Accessor, GrantRef, ReadBack, Revoked } from "./contract.ts";
import { createGithubApi, type GithubAddress, type TeamMembership } from "./github-api.ts";
import { assertExternalName, assertKey } from "./names.ts";
import { readTerms } from "./terms.ts";

type GithubTerms = TermsOf<"github">;

export interface GithubAccessorOptions extends GithubAddress {
  /** Terms of the roles that may be granted. */
  grantable: readonly AccessTerms[];
}

/** What {@link Accessor.prepare} read. Only what was not there is ever taken away. */
interface Before {
  membership: "none" | TeamMembership["state"];
  role: TeamMembership["role"] | "";
  organisation: "active" | "pending" | "none" | "unknown";
  /** GitHub's number of the account, which stays when it is renamed; "" in what was recorded without it. */
  accountId: string;
}

/**
 * Membership of a GitHub team, with the account people have: one effect per person and team, shared by all grants of
 * it. What is older than the first of them is never taken away.
 */
export function createGithubAccessor(options: GithubAccessorOptions): Accessor {
  const { org, apiUrl } = options;
  const api = createGithubApi(options);
  const aimOf = (ref: GrantRef): { team: string; role: GithubTerms["role"]; login: string } => {
    assertExternalName(ref.externalName);
    return { ...readTerms("github", ref.terms), login: loginOf(ref) };
  };
  const namedIn = ({ team, role }: Pick<GithubTerms, "team" | "role">) => `${org}/${team} ${role}`;

  const readBackOf = (
    team: string,
    role: GithubTerms["role"],
    found: TeamMembership | undefined,
  ): ReadBack =>
    found === undefined
      ? absent
      : {
          exists: true,
          canLogin: found.state === "active" && covers(found, role),
          validUntil: null,
          memberships: [namedIn({ team, role: found.role })],
          openSessions: null,
        };

  const read = async (ref: GrantRef, signal?: AbortSignal): Promise<ReadBack> => {
    const { team, role, login } = aimOf(ref);
    return readBackOf(team, role, await api.membership(team, login, signal));
  };

  const prepare = async (ref: GrantRef, signal?: AbortSignal): Promise<Before> => {
    const { team, login } = aimOf(ref);
    await api.team(team, signal);
    const [found, organisation, accountId] = await Promise.all([
      api.membership(team, login, signal),
      api.inOrganisation(login, signal),
      api.accountId(login, signal),
    ]);
    return { membership: found?.state ?? "none", role: found?.role ?? "", organisation, accountId };
  };

  /**
   * The membership to take back, of whoever the account is called by now. GitHub says the same of a member who is none
   * and of a team that was renamed or that the token may see no more: that the team is there makes it the first.
   * Throws `not_found` when it is not.
   */
  const membershipToEnd = async (
    team: string,
    login: string,
    before: Before | undefined,
    signal?: AbortSignal,
  ): Promise<{ login: string; found: TeamMembership | undefined }> => {
    const found = await api.membership(team, login, signal);
    if (found !== undefined || before === undefined) return { login, found };
    await api.team(team, signal);
    const current = before.accountId === "" ? undefined : await api.loginOf(before.accountId, signal);
    if (current === undefined || current.toLowerCase() === login.toLowerCase()) return { login, found };
    return { login: current, found: await api.membership(team, current, signal) };
  };

  /** What a grant brought besides the membership. */
  const cleanUp = async (
    login: string,
    before: Before,
    signal?: AbortSignal,
  ): Promise<Pick<Revoked, "cleaned" | "seen">> => {
    if (before.organisation !== "none") return { cleaned: [] };
    const now = await api.inOrganisation(login, signal);
    if (now === "pending") {
      await api.uninvite(login, signal);
      return { cleaned: [`invitation of ${login} to ${org}`] };
    }
    return now === "active"
      ? {
          cleaned: [],
          seen: `${login} came to the organisation ${org} by the invitation and is in it still; remove them there if it was for this alone`,
        }
      : { cleaned: [] };
  };

  return {
    plan: async (intent, call) => {
      const { team, role, login } = aimOf(intent);
      assertGrantable(options, { team, role });
      const path = `/orgs/${org}/teams/${team}/memberships/${login}`;
      const before = await prepare(intent, call?.signal);
      const isThere = before.membership === "active" && covers({ role: before.role || "member" }, role);
      return {
        words: [
          ...(isThere
            ? [`${login} is in ${org}/${team} already; ${intent.externalName} changes nothing`]
            : [`Put ${login} into ${org}/${team} as ${role} for ${intent.externalName}`]),
          before.membership === "none"
            ? "At the end of the last grant of it: take them out, read back that they are gone. Other teams, clones and deploy keys remain"
            : "At the end they stay in it: they were before",
          ...(before.organisation === "none"
            ? [
                `${login} is not in the organisation ${org}: GitHub invites them, and it waits until they accept`,
              ]
            : []),
        ],
        statements: [`PUT ${path} ${JSON.stringify({ role })}`],
        endStatements: before.membership === "none" ? [`DELETE ${path}`] : [],
        obstacles: [],
      };
    },

    prepare: async (intent, call) => ({ ...(await prepare(intent, call?.signal)) }),

    grant: async (intent, idempotencyKey, call) => {
      assertKey(idempotencyKey);
      const { team, role, login } = aimOf(intent);
      assertGrantable(options, { team, role });
      const before = beforeIn(intent) ?? (await prepare(intent, call?.signal));
      const found = await api.membership(team, login, call?.signal);
      const wasEnough = before.membership === "active" && covers({ role: before.role || "member" }, role);
      if (wasEnough && found === undefined)
        throw new ProviderError(
          "conflict",
          `${login} was in ${org}/${team} when it was looked at, and somebody took them out since`,
          "Ask anew: what was there before is looked at again",
        );
      if (found === undefined || !covers(found, role))
        await api.putMembership(team, login, role, call?.signal);
      const made = await api.membership(team, login, call?.signal);
      if (made?.state === "pending")
        throw new ProviderError(
          "in_progress",
          `${login} is invited to ${org} and is in ${team} once they accept`,
          `Accept at https://github.com/orgs/${org}/invitation, or in the e-mail that GitHub sent`,
        );
      if (made === undefined || !covers(made, role))
        throw new ProviderError(
          "conflict",
          `Reading back ${login} in ${org}/${team}: ${made === undefined ? "not in it" : made.role}`,
          "Something else changes the team's members; it is tried again",
        );
      return {
        credential: [],
        expiresAt: null,
        lastsUntil: null,
        externalId: `${org}/${team}/${login}`,
        wasAdopted: found !== undefined,
      };
    },

    verify: async (ref, call) => read(ref, call?.signal),

    revoke: async (ref, call) => {
      const { team, role, login: named } = aimOf(ref);
      const before = beforeIn(ref);
      const { login, found } = await membershipToEnd(team, named, before, call?.signal);
      const none: Revoked = { sessionsEnded: 0, cleaned: [], readBack: absent, lastsUntil: null };
      if (found === undefined)
        return before === undefined ? none : { ...none, ...(await cleanUp(login, before, call?.signal)) };
      if (before === undefined)
        // What was there before is on record before anything is made.
        return { ...none, stays: `nothing was granted; ${login} is in ${org}/${team} without it` };
      if (before.membership !== "none") {
        const isRaised = role === "maintainer" && before.role === "member" && found.role === "maintainer";
        if (isRaised) {
          await api.putMembership(team, login, "member", call?.signal);
          if ((await api.membership(team, login, call?.signal))?.role === "maintainer")
            throw new ProviderError(
              "conflict",
              `${login} is maintainer of ${org}/${team} still after that was taken back`,
              "Owners of the organisation are maintainers of every team: nothing can be taken back from them here",
            );
        }
        return { ...none, stays: `${login} was in ${org}/${team} before the grant and stays in it` };
      }
      await api.deleteMembership(team, login, call?.signal);
      const readBack = readBackOf(team, role, await api.membership(team, login, call?.signal));
      return { ...none, readBack, ...(await cleanUp(login, before, call?.signal)) };
    },

    sharedKey: (ref) => {
      const { team } = readTerms("github", ref.terms);
      return `${apiUrl}/orgs/${org}/teams/${team}/${loginOf(ref)}`.toLowerCase();
    },

    /** Nothing at GitHub says who put whom into a team: all members are shown, none is called ours. */
    list: async (call) => {
      const teams = new Set(options.grantable.map((terms) => readTerms("github", terms).team));
      const found = [];
      for (const team of teams)
        for (const role of ["maintainer", "member"] as const)
          for (const login of await api.members(team, role, call?.signal))
            found.push({
              ref: {
                externalName: "",
                externalId: `${org}/${team}/${login}`,
                grantee: { personId: "", slack: { team: "", user: "" }, accounts: { github: login } },
                terms: { team, role },
              },
              idempotencyKey: null,
              words: `${login} is a ${role} of ${org}/${team}`,
              readBack: {
                exists: true,
                canLogin: true,
                validUntil: null,
                memberships: [namedIn({ team, role })],
                openSessions: null,
              },
            });
      return found;
    },
  };
}

const absent: ReadBack = {
  exists: false,
  canLogin: false,
  validUntil: null,
  memberships: [],
  openSessions: null,
};

const covers = (found: Pick<TeamMembership, "role">, role: TeamMembership["role"]): boolean =>
  role === "member" || found.role === "maintainer";

/** A login at GitHub; `_` stands in those of managed users. */
const loginPattern = /^[a-z\d][a-z\d_-]{0,99}$/i;

function loginOf({ grantee }: Pick<GrantRef, "grantee">): string {
  const login = grantee.accounts.github;
  if (login !== undefined && loginPattern.test(login)) return login;
  throw new ProviderError(
    "rejected",
    login === undefined
      ? `${grantee.personId} has no account at GitHub in the catalog`
      : `${JSON.stringify(login)} is no login at GitHub`,
    `Add accounts: { github: <login> } to ${grantee.personId} in the catalog's people`,
  );
}

function assertGrantable(
  { grantable, org }: Pick<GithubAccessorOptions, "grantable" | "org">,
  { team, role }: Pick<GithubTerms, "team" | "role">,
): void {
  const isKnown = grantable
    .map((terms) => readTerms("github", terms))
    .some((each) => each.team === team && each.role === role);
  if (!isKnown)
    throw new ProviderError(
      "rejected",
      `${role} of ${org}/${team} is a role of no resource`,
      "Declare it in the catalog",
    );
}

function beforeIn({ before }: Pick<GrantRef, "before">): Before | undefined {
  if (before === undefined) return undefined;
  const { membership, role = "", organisation = "unknown", accountId = "" } = before;
  return { membership, role, organisation, accountId } as Before;
}
