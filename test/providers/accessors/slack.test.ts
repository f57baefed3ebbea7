import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createSlackApi } from "../../../src/platform/slack/client.ts";
import { Turns } from "../../../src/platform/turns.ts";
import type { GrantIntent } from "../../../src/providers/accessors/contract.ts";
import { createSlackAccessor, type SlackAccessorOptions } from "../../../src/providers/accessors/slack.ts";
import { keptLog } from "../../support/silent-log.ts";
import { accessorConformance } from "./conformance.ts";
import { anybody, somebody } from "./granted.ts";

const dev = { ...anybody, slack: { team: "T0A", user: "U0" } };
const ops = { ...somebody, slack: { team: "T0A", user: "U1" } };

const token = "xoxb-tests";
const release = { usergroup: { T0A: "S0RELEASE", T1A: "S1RELEASE" } };
const leads = { usergroup: { T0A: "S0LEADS" } };

/** A strict server in Slack's place: what `usergroups.*` document, and nothing else. */
let server: ReturnType<typeof createServer>;
let url: string;
const groups = new Map<string, { users: string[]; isDisabled: boolean }>();
const asked: (readonly [string, Record<string, string>])[] = [];
/** The next call of this method is answered with this, and not done. */
const refusals = new Map<string, string>();
let retryAfterSec = 0;
let isHanging = false;

const answers: Record<string, (args: Record<string, string>) => Record<string, unknown>> = {
  "usergroups.list": ({ include_disabled: withDisabled }) => ({
    usergroups: [...groups]
      .filter(([, { isDisabled }]) => !isDisabled || withDisabled === "true")
      .map(([id, { isDisabled }]) => ({ id, date_delete: isDisabled ? 1_700_000_000 : 0 })),
  }),
  "usergroups.users.list": ({ usergroup = "" }) => {
    const group = groups.get(usergroup);
    return group ? { users: group.users } : { error: "no_such_subteam" };
  },
  "usergroups.users.update": ({ usergroup = "", users = "" }) => {
    const group = groups.get(usergroup);
    if (!group) return { error: "no_such_subteam" };
    if (users === "") return { error: "no_users_provided" };
    group.users = users.split(",");
    return { usergroup: { id: usergroup } };
  },
  "usergroups.disable": ({ usergroup = "" }) => {
    const group = groups.get(usergroup);
    if (!group) return { error: "no_such_subteam" };
    group.isDisabled = true;
    return { usergroup: { id: usergroup } };
  },
};

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const method = request.url?.replace("/api/", "") ?? "";
      const args = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString("utf8")));
      if (request.headers.authorization !== `Bearer ${token}`) throw new Error("no token");
      asked.push([method, args]);
      if (retryAfterSec > 0) {
        response.writeHead(429, { "retry-after": String(retryAfterSec) }).end();
        return;
      }
      const refused = refusals.get(method);
      refusals.delete(method);
      const body = refused ? { error: refused } : (answers[method]?.(args) ?? { error: "unknown_method" });
      // The answer to an order that was carried out never comes.
      if (isHanging && method === "usergroups.users.update") return;
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ ok: !("error" in body), ...body }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
});
afterAll(
  () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
);
beforeEach(() => {
  groups.clear();
  for (const id of ["S0RELEASE", "S0LEADS"]) groups.set(id, { users: ["U0STAYS"], isDisabled: false });
  asked.splice(0);
  refusals.clear();
  retryAfterSec = 0;
});

const turns = new Turns();
const accessor = (over: Partial<SlackAccessorOptions> = {}) =>
  createSlackAccessor({
    who: "slack",
    slack: createSlackApi({ token, apiUrl: url, log: keptLog() }),
    team: () => "T0A",
    grantable: [release, leads],
    withLock: (key, work) => turns.take(key, async () => ({ is: "done", value: await work() })),
    deadlineMs: 5_000,
    ...over,
  });
const usersOf = (group = "S0RELEASE") => groups.get(group)?.users;

describe("Slack user groups", () => {
  accessorConformance(
    {
      ownEndPrecisionMs: null,
      takesPastEnds: false,
      sessions: "unknown",
      secrets: "none",
      effect: "shared",
      isMarked: false,
      isListed: false,
      endsAtOnce: true,
    },
    async () => ({
      accessor: accessor(),
      people: [dev, ops],
      roles: [release, leads],
      membershipsOf: (terms) => [(terms.usergroup as Record<string, string>).T0A ?? ""],
      hostileTerms: [
        { usergroup: { T0A: "S0OTHER" } },
        { usergroup: { T1A: "S1RELEASE" } },
        { usergroup: {} },
      ],
      works: async (_granted, { grantee, terms }) =>
        usersOf((terms.usergroup as Record<string, string>).T0A)?.includes(grantee.slack.user) ?? false,
      losingAnswers: async () => {
        isHanging = true;
        return {
          accessor: accessor({ deadlineMs: 200 }),
          close: async () => {
            isHanging = false;
          },
        };
      },
    }),
  );
});

/** As the room does it: what was there before is on record first. */
const granting = async (terms: typeof release | typeof leads, grantee = dev): Promise<GrantIntent> => {
  const intent = { externalName: "qd_g12", grantee, terms, expiresAt: new Date("2099-01-01T00:00:00Z") };
  return { ...intent, before: await accessor().prepare?.(intent) };
};

describe("a user group", () => {
  it("is written as a whole: who was there, and the person; and again without them", async () => {
    const intent = await granting(release);
    asked.splice(0);
    await accessor().grant(intent, "G-12");
    await accessor().revoke(intent);
    const list = ["usergroups.users.list", { usergroup: "S0RELEASE", include_disabled: "true" }];
    const enabled = ["usergroups.list", { include_disabled: "true" }];
    expect(asked).toEqual([
      list,
      ["usergroups.users.update", { usergroup: "S0RELEASE", users: "U0STAYS,U0" }],
      list,
      enabled,
      list,
      ["usergroups.users.update", { usergroup: "S0RELEASE", users: "U0STAYS" }],
      list,
    ]);
  });

  it("loses nobody when two are put in at once", async () => {
    const both = [await granting(release), await granting(release, ops)];
    await Promise.all(both.map((intent) => accessor().grant(intent, "G-12")));
    expect(usersOf()?.toSorted()).toEqual(["U0", "U0STAYS", "U1"]);
  });

  it("keeps who was in it before the grant", async () => {
    groups.set("S0RELEASE", { users: ["U0STAYS", "U0"], isDisabled: false });
    const intent = await granting(release);
    expect(await accessor().grant(intent, "G-12")).toMatchObject({ wasAdopted: true });
    expect((await accessor().revoke(intent)).stays).toBe(
      "U0 was in S0RELEASE before the grant and stays in it",
    );
    expect(usersOf()).toEqual(["U0STAYS", "U0"]);
  });

  it("in which nobody stays takes nobody in", async () => {
    groups.set("S0RELEASE", { users: [], isDisabled: false });
    const intent = await granting(release);
    await expect(accessor().grant(intent, "G-12")).rejects.toMatchObject({
      code: "rejected",
      hint: expect.stringContaining("put somebody into it who stays"),
    });
    expect((await accessor().plan(intent)).obstacles).toHaveLength(1);
  });

  it("whose others left meanwhile is disabled with its last member: Slack keeps no empty one", async () => {
    const intent = await granting(release);
    await accessor().grant(intent, "G-12");
    groups.set("S0RELEASE", { users: ["U0"], isDisabled: false });
    expect(await accessor().revoke(intent)).toMatchObject({
      readBack: { exists: false },
      seen: expect.stringContaining("it was disabled"),
    });
    expect(groups.get("S0RELEASE")?.isDisabled).toBe(true);
    expect(await accessor().verify(intent)).toMatchObject({ exists: false });
    await expect(accessor().prepare?.(intent)).rejects.toMatchObject({ hint: "Enable it in Slack" });
  });

  it("that another worker changes is asked again, and nothing is written", async () => {
    const intent = await granting(release);
    const busy = accessor({ withLock: async () => ({ is: "in_use" }) });
    await expect(busy.grant(intent, "G-12")).rejects.toMatchObject({ code: "unreachable" });
    expect(usersOf()).toEqual(["U0STAYS"]);
  });

  it("shows everybody in it, and calls nobody ours", async () => {
    const found = await accessor().list();
    expect(found.map(({ words, idempotencyKey }) => [words, idempotencyKey])).toEqual([
      ["U0STAYS is in the user group S0RELEASE", null],
      ["U0STAYS is in the user group S0LEADS", null],
    ]);
    expect(found[0] && accessor().sharedKey?.(found[0].ref)).toBe("slack/T0A/S0RELEASE/U0STAYS");
  });
});

describe("a refusal", () => {
  it.each([
    ["permission_denied", "unauthorised", /admins alone.*tokenEnv/],
    ["missing_scope", "unauthorised", /quarterdeck manifest/],
    ["paid_teams_only", "rejected", /paid plan/],
    ["invalid_users", "rejected", /guest/],
    ["unknown_method", "rejected", /cannot do that/],
    ["something_new", "rejected", /names the cause/],
  ])("with %s says what to do", async (error, code, hint) => {
    const intent = await granting(release);
    refusals.set("usergroups.users.update", error);
    await expect(accessor().grant(intent, "G-12")).rejects.toMatchObject({
      name: "ProviderError",
      code,
      hint: expect.stringMatching(hint),
    });
  });

  it("that asks to wait says how long", async () => {
    const intent = await granting(release);
    retryAfterSec = 30;
    await expect(accessor().verify(intent)).rejects.toMatchObject({
      code: "unreachable",
      retryAfterMs: 30_000,
    });
  });

  it("of somebody from another workspace comes before Slack is asked", async () => {
    const intent = await granting(release);
    asked.splice(0);
    const stranger = { ...dev, slack: { team: "T9", user: "U9" } };
    await expect(accessor().grant({ ...intent, grantee: stranger }, "G-12")).rejects.toMatchObject({
      code: "rejected",
      message: "dev is of the workspace T9, and slack is T0A",
    });
    expect(asked).toEqual([]);
  });
});
