import type { AccessTerms } from "../../catalog/schema.ts";
import type { WithLock } from "../../platform/db/lock.ts";
import { ProviderError } from "../errors.ts";
import type { Accessor, GrantRef, ReadBack, Revoked } from "./contract.ts";
import { assertExternalName, assertKey } from "./names.ts";
import { createUsergroupApi, type UsergroupAddress } from "./slack-api.ts";
import { readTerms } from "./terms.ts";

export interface SlackAccessorOptions extends UsergroupAddress {
  /** The workspace whose token it is. */
  team: () => string;
  /** Terms of the roles that may be granted. */
  grantable: readonly AccessTerms[];
  /** Slack takes whole lists only: two of ours that merge at once would lose one. */
  withLock: WithLock;
}

interface Aim {
  team: string;
  group: string;
  user: string;
}

/**
 * Membership of a Slack user group: one effect per person and group, shared by all grants of it. Whoever was in the
 * group before is never taken out.
 */
export function createSlackAccessor(options: SlackAccessorOptions): Accessor {
  const { who, withLock } = options;
  const api = createUsergroupApi(options);

  const groupOf = (terms: AccessTerms): string => {
    const group = readTerms("slack", terms).usergroup[options.team()];
    if (group !== undefined) return group;
    throw new ProviderError(
      "rejected",
      `The role names no user group of the workspace ${options.team()}`,
      `Add usergroup: { ${options.team()}: S… } to the role's terms in the catalog`,
    );
  };
  const aimOf = ({ externalName, grantee, terms }: GrantRef): Aim => {
    assertExternalName(externalName);
    const { team, user } = grantee.slack;
    if (team !== options.team())
      throw new ProviderError(
        "rejected",
        `${grantee.personId} is of the workspace ${team}, and ${who} is ${options.team()}`,
        "Ask from an account of that workspace",
      );
    return { team, group: groupOf(terms), user };
  };
  const assertGrantable = (group: string): void => {
    if (options.grantable.some((terms) => readTerms("slack", terms).usergroup[options.team()] === group))
      return;
    throw new ProviderError(
      "rejected",
      `${group} is a user group of no resource`,
      "Declare it in the catalog",
    );
  };
  const alone = async <T>({ team, group }: Aim, work: () => Promise<T>): Promise<T> => {
    const done = await withLock(`slack:usergroup:${team}:${group}`, work);
    if (done.is === "done") return done.value;
    throw new ProviderError(
      "unreachable",
      `Another worker changes the members of ${group} now`,
      "It is asked again by itself.",
    );
  };
  const prepare = async (aim: Aim, signal?: AbortSignal): Promise<{ wasMember: "yes" | "no" }> => {
    if (!(await api.isEnabled(aim.group, signal)))
      throw new ProviderError("rejected", `The user group ${aim.group} is disabled`, "Enable it in Slack");
    return { wasMember: (await api.members(aim.group, signal)).includes(aim.user) ? "yes" : "no" };
  };
  const read = async (aim: Aim, signal?: AbortSignal): Promise<ReadBack> => {
    const isMember = (await api.members(aim.group, signal)).includes(aim.user);
    // A disabled group reaches nobody, though it keeps its list.
    return isMember && (await api.isEnabled(aim.group, signal)) ? present(aim.group) : absent;
  };

  return {
    plan: async (intent, call) => {
      const aim = aimOf(intent);
      assertGrantable(aim.group);
      const members = await api.members(aim.group, call?.signal);
      const rest = members.filter((user) => user !== aim.user);
      const wasMember = rest.length < members.length;
      return {
        words: [
          wasMember
            ? `${aim.user} is in the user group ${aim.group} already; ${intent.externalName} changes nothing`
            : `Put ${aim.user} into the user group ${aim.group} for ${intent.externalName}`,
          wasMember
            ? "At the end they stay in it: they were before"
            : "At the end of the last grant of it: take them out, read back that they are gone",
        ],
        statements: [`usergroups.users.update usergroup=${aim.group} users=${[...rest, aim.user].join()}`],
        endStatements: wasMember ? [] : [`Slack: take ${aim.user} out of the user group ${aim.group}`],
        obstacles: rest.length === 0 ? [noStandingMember(aim.group).message] : [],
      };
    },

    prepare: async (intent, call) => prepare(aimOf(intent), call?.signal),

    grant: async (intent, idempotencyKey, call) => {
      assertKey(idempotencyKey);
      const aim = aimOf(intent);
      assertGrantable(aim.group);
      const before = intent.before ?? (await prepare(aim, call?.signal));
      const wasAdopted = await alone(aim, async () => {
        const members = await api.members(aim.group, call?.signal);
        const isMember = members.includes(aim.user);
        if (!isMember && before.wasMember === "yes")
          throw new ProviderError(
            "conflict",
            `${aim.user} was in ${aim.group} when it was looked at, and somebody took them out since`,
            "Ask anew: what was there before is looked at again",
          );
        if (members.every((user) => user === aim.user)) throw noStandingMember(aim.group);
        if (!isMember) await api.setMembers(aim.group, [...members, aim.user], call?.signal);
        return isMember;
      });
      if (!(await read(aim, call?.signal)).exists)
        throw new ProviderError(
          "conflict",
          `Reading back ${aim.group}: ${aim.user} is not in it, or it is disabled`,
          "Something else changes the group's members; it is tried again",
        );
      return {
        credential: [],
        expiresAt: null,
        lastsUntil: null,
        externalId: `${aim.team}/${aim.group}/${aim.user}`,
        wasAdopted,
      };
    },

    verify: async (ref, call) => read(aimOf(ref), call?.signal),

    revoke: async (ref, call) => {
      const aim = aimOf(ref);
      const none: Revoked = { sessionsEnded: 0, cleaned: [], readBack: absent, lastsUntil: null };
      return alone(aim, async () => {
        const members = await api.members(aim.group, call?.signal);
        if (!members.includes(aim.user)) return none;
        if (ref.before?.wasMember !== "no")
          return {
            ...none,
            stays:
              ref.before === undefined
                ? `nothing was granted; ${aim.user} is in ${aim.group} without it`
                : `${aim.user} was in ${aim.group} before the grant and stays in it`,
          };
        const rest = members.filter((user) => user !== aim.user);
        if (rest.length > 0) {
          await api.setMembers(aim.group, rest, call?.signal);
          return { ...none, readBack: await read(aim, call?.signal) };
        }
        if (await api.isEnabled(aim.group, call?.signal)) await api.disable(aim.group, call?.signal);
        return {
          ...none,
          readBack: await read(aim, call?.signal),
          seen: `nobody else was left in ${aim.group} and Slack keeps no empty group: it was disabled; put somebody into it, take ${aim.user} out and enable it`,
        };
      });
    },

    sharedKey: ({ terms, grantee }) => `slack/${options.team()}/${groupOf(terms)}/${grantee.slack.user}`,

    /** Nothing at Slack says who put whom into a group: all members are shown, none is called ours. */
    list: async (call) => {
      const team = options.team();
      const found = [];
      for (const group of new Set(options.grantable.map(groupOf)))
        for (const user of await api.members(group, call?.signal))
          found.push({
            ref: {
              externalName: "",
              externalId: `${team}/${group}/${user}`,
              grantee: { personId: "", slack: { team, user }, accounts: {} },
              terms: { usergroup: { [team]: group } },
            },
            idempotencyKey: null,
            words: `${user} is in the user group ${group}`,
            readBack: present(group),
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
const present = (group: string): ReadBack => ({
  ...absent,
  exists: true,
  canLogin: true,
  memberships: [group],
});

const noStandingMember = (group: string): ProviderError =>
  new ProviderError(
    "rejected",
    `The user group ${group} has no member who stays`,
    "Slack keeps no empty group, so the last could not be taken out: put somebody into it who stays",
  );
