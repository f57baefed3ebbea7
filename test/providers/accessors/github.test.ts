import { createEmulator, type Emulator } from "emulate";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../../src/platform/secret.ts";
import type { GrantIntent } from "../../../src/providers/accessors/contract.ts";
import { createGithubAccessor } from "../../../src/providers/accessors/github.ts";
import { type StandIn, startStandIn } from "../../support/stand-in.ts";
import { accessorConformance } from "./conformance.ts";
import { anybody, somebody } from "./granted.ts";

const token = "ghp_tests";
const platform = { team: "platform", role: "member" };
const release = { team: "release", role: "member" };
const maintainer = { team: "release", role: "maintainer" };

let emulator: Emulator;
/** Stands before the emulation, which knows no memberships of an organisation and invites nobody. */
let proxy: StandIn;
/** People the organisation has not, and how far their invitation is. */
const outsiders = new Map<string, "none" | "pending" | "active">();
let isHanging = false;
/** Whom the emulation calls so is called that at GitHub by now; it renames nobody itself. */
const renamed = new Map<string, string>();
const idOf = async (login: string) => ((await call("GET", `/users/${login}`)).body as { id: number }).id;

const call = async (method: string, path: string, body?: unknown) => {
  const reply = await fetch(`${emulator.url.replace("localhost", "127.0.0.1")}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  return { status: reply.status, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
};

beforeAll(async () => {
  emulator = await createEmulator({
    service: "github",
    port: 0,
    seed: {
      tokens: { [token]: { login: "quarterdeck-bot", scopes: ["admin:org"] } },
      github: {
        users: ["quarterdeck-bot", "dev", "ops", "old-hand", "newcomer"].map((login) => ({ login })),
        orgs: [{ login: "acme" }],
      },
    },
  });
  for (const name of ["platform", "release"]) await call("POST", "/orgs/acme/teams", { name });
  proxy = await startStandIn(async ({ method, path, headers, body }) => {
    if (headers.authorization !== `Bearer ${token}`)
      return { status: 401, body: { message: "Bad credentials" } };
    if (headers["x-github-api-version"] !== "2022-11-28" || headers["user-agent"] !== "quarterdeck")
      return { status: 400, body: { message: "not as documented" } };
    const last = path.split("/").at(-1) ?? "";
    if (/^\/user\/\d+$/.test(path)) {
      for (const known of ["dev", "ops", "old-hand", "newcomer"])
        if (String(await idOf(known)) === last)
          return { status: 200, body: { id: Number(last), login: renamed.get(known) ?? known } };
      return { status: 404, body: { message: "Not Found" } };
    }
    if (renamed.has(last)) return { status: 404, body: { message: "Not Found" } };
    const login = [...renamed].find(([, now]) => now === last)?.[0] ?? last;
    const standing = outsiders.get(login) ?? "active";
    if (path === `/orgs/acme/memberships/${login}`) {
      if (method === "DELETE") outsiders.set(login, "none");
      return standing === "none"
        ? { status: 404, body: { message: "Not Found" } }
        : { status: 200, body: { state: standing, role: "member" } };
    }
    const reply = await call(method, path.replace(/[^/]+$/, login), body);
    if (method === "PUT" && standing === "none") outsiders.set(login, "pending");
    // The answer to an order that was carried out never comes.
    if (isHanging && method === "PUT") await new Promise(() => undefined);
    return (outsiders.get(login) ?? "active") === "pending" && reply.status === 200
      ? { status: 200, body: { ...(reply.body as object), state: "pending" } }
      : reply;
  });
});
afterAll(async () => {
  await proxy.close();
  await emulator.close();
});
beforeEach(() => void proxy.requests.splice(0));

const accessor = (over: { token?: string; deadlineMs?: number } = {}) =>
  createGithubAccessor({
    who: "github-acme",
    apiUrl: proxy.url,
    org: "acme",
    token: new Secret(over.token ?? token),
    grantable: [platform, release, maintainer],
    deadlineMs: over.deadlineMs ?? 10_000,
    now: () => new Date("2026-11-25T16:00:00Z"),
  });
const path = (login: string, team = "release") => `/orgs/acme/teams/${team}/memberships/${login}`;
const roleOf = async (login: string, team = "release") => {
  const { status, body } = await call("GET", path(login, team));
  return status === 200 ? (body as { role: string }).role : undefined;
};

describe("GitHub teams, emulated", () => {
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
      roles: [platform, release],
      membershipsOf: (terms) => [`acme/${String(terms.team)} member`],
      hostileTerms: [
        { team: "../../users" },
        { team: "owners" },
        { team: "platform", role: "admin" },
        { team: "platform", role: "maintainer" },
      ],
      works: async (_granted, { grantee, terms }) =>
        (await roleOf(grantee.accounts.github ?? "", String(terms.team))) !== undefined,
      losingAnswers: async () => {
        isHanging = true;
        return {
          accessor: accessor({ deadlineMs: 300 }),
          close: async () => {
            isHanging = false;
          },
        };
      },
    }),
  );
});

/** As the room does it: what was there before is on record first. */
const granting = async (terms: Record<string, string>, login: string): Promise<GrantIntent> => {
  const intent: GrantIntent = {
    externalName: "qd_g12",
    grantee: { ...anybody, accounts: { github: login } },
    terms,
    expiresAt: new Date("2099-01-01T00:00:00Z"),
  };
  return { ...intent, before: await accessor().prepare?.(intent) };
};

describe("what was there before", () => {
  it("is never taken away: a member stays a member", async () => {
    await call("PUT", path("old-hand"), { role: "member" });
    const intent = await granting(release, "old-hand");
    expect(await accessor().grant(intent, "G-12")).toMatchObject({ wasAdopted: true, credential: [] });
    expect(await accessor().revoke(intent)).toMatchObject({
      readBack: { exists: false },
      stays: "old-hand was in acme/release before the grant and stays in it",
    });
    expect(proxy.asked().filter((one) => !one.startsWith("GET"))).toEqual([]);
    expect(await roleOf("old-hand")).toBe("member");
  });

  it("is what it goes back to: a member is maintainer for the time, and a maintainer is never lowered", async () => {
    await call("PUT", path("old-hand"), { role: "member" });
    const raised = await granting(maintainer, "old-hand");
    await accessor().grant(raised, "G-12");
    expect(await roleOf("old-hand")).toBe("maintainer");
    expect(await accessor().verify(raised)).toMatchObject({ memberships: ["acme/release maintainer"] });
    await accessor().revoke(raised);
    expect(await roleOf("old-hand")).toBe("member");

    await call("PUT", path("old-hand"), { role: "maintainer" });
    const lower = await granting(release, "old-hand");
    await accessor().grant(lower, "G-12");
    expect(await accessor().verify(lower)).toMatchObject({ canLogin: true });
    await accessor().revoke(lower);
    expect(await roleOf("old-hand")).toBe("maintainer");
  });

  it("and is gone when it is granted refuses the grant, which would outlive itself", async () => {
    await call("PUT", path("old-hand"), { role: "member" });
    const intent = await granting(release, "old-hand");
    await call("DELETE", path("old-hand"));
    await expect(accessor().grant(intent, "G-12")).rejects.toMatchObject({ code: "conflict" });
    expect(await roleOf("old-hand")).toBeUndefined();
  });

  it("and was never read takes nothing away", async () => {
    await call("PUT", path("old-hand"), { role: "member" });
    const { before: _unread, ...ref } = await granting(release, "old-hand");
    expect((await accessor().revoke(ref)).stays).toContain("nothing was granted");
    expect(await roleOf("old-hand")).toBe("member");
  });
});

describe("somebody whom the organisation has not", () => {
  it("is invited and waits; the end takes membership and invitation back", async () => {
    outsiders.set("newcomer", "none");
    const intent = await granting(release, "newcomer");
    await expect(accessor().grant(intent, "G-12")).rejects.toMatchObject({
      code: "in_progress",
      message: "newcomer is invited to acme and is in release once they accept",
      hint: expect.stringContaining("https://github.com/orgs/acme/invitation"),
    });
    expect(await accessor().verify(intent)).toMatchObject({ exists: true, canLogin: false });
    expect(await accessor().revoke(intent)).toMatchObject({
      readBack: { exists: false },
      cleaned: ["invitation of newcomer to acme"],
    });
    expect(outsiders.get("newcomer")).toBe("none");
  });

  it("and accepted is in the team, and at the end in the organisation still: that is said", async () => {
    outsiders.set("newcomer", "none");
    const intent = await granting(release, "newcomer");
    await expect(accessor().grant(intent, "G-12")).rejects.toMatchObject({ code: "in_progress" });
    outsiders.set("newcomer", "active");
    expect(await accessor().grant(intent, "G-12")).toMatchObject({ wasAdopted: true });
    expect(await accessor().revoke(intent)).toMatchObject({
      readBack: { exists: false },
      cleaned: [],
      seen: expect.stringContaining("is in it still"),
    });
    outsiders.delete("newcomer");
  });
});

describe("an end that finds nobody there", () => {
  const granted = async (login: string) => {
    await call("DELETE", path(login));
    const intent = await granting(release, login);
    await accessor().grant(intent, "G-12");
    return intent;
  };

  it("is none while the team itself is not to be found: it may have been renamed, or hidden", async () => {
    const intent = await granted("dev");
    proxy.refuseNext({ status: 404, body: { message: "Not Found" } });
    proxy.refuseNext({ status: 404, body: { message: "Not Found" } });
    await expect(accessor().revoke(intent)).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining("the team acme/release"),
    });
    expect(await roleOf("dev")).toBe("member");
    expect(await accessor().revoke(intent)).toMatchObject({ readBack: { exists: false } });
    expect(await roleOf("dev")).toBeUndefined();
  });

  it("takes out who was renamed since, by what the account is called now", async () => {
    const intent = await granted("dev");
    renamed.set("dev", "dev-acme");
    expect(await accessor().revoke(intent)).toMatchObject({ readBack: { exists: false } });
    renamed.delete("dev");
    expect(await roleOf("dev")).toBeUndefined();
  });

  it("is an end where they were taken out by hand, or where the account is gone", async () => {
    const intent = await granted("dev");
    await call("DELETE", path("dev"));
    expect(await accessor().revoke(intent)).toMatchObject({ readBack: { exists: false } });
    const gone = { ...intent, before: { ...intent.before, accountId: "999999" } };
    expect(await accessor().revoke(gone)).toMatchObject({ readBack: { exists: false } });
  });
});

describe("a refusal", () => {
  it("for want of an account names the person, before GitHub is asked", async () => {
    const intent = { ...(await granting(release, "dev")), grantee: { ...somebody, accounts: {} } };
    proxy.requests.splice(0);
    await expect(accessor().grant(intent, "G-12")).rejects.toMatchObject({
      code: "rejected",
      message: "ops has no account at GitHub in the catalog",
      hint: expect.stringContaining("accounts: { github: <login> }"),
    });
    expect(proxy.requests).toEqual([]);
  });

  it("of a team that an identity provider synchronises says so", async () => {
    const intent = await granting(release, "dev");
    // The write is the second request: the membership is looked at first.
    proxy.refuseNext({ status: 404, body: { message: "Not Found" } });
    proxy.refuseNext({ status: 403, body: { message: "This team is externally managed" } });
    await expect(accessor().grant(intent, "G-12")).rejects.toMatchObject({
      code: "unauthorised",
      message: expect.stringContaining("This team is externally managed"),
      hint: expect.stringContaining("identity provider synchronises"),
    });
  });

  it("that asks to come back later says when", async () => {
    const intent = await granting(release, "dev");
    proxy.refuseNext({ status: 403, headers: { "retry-after": "30" }, body: { message: "secondary limit" } });
    await expect(accessor().verify(intent)).rejects.toMatchObject({
      code: "unreachable",
      retryAfterMs: 30_000,
    });
  });

  it("of the token says what it needs, and never shows it", async () => {
    const refused = accessor({ token: "ghp_wrong" }).verify(await granting(release, "dev"));
    await expect(refused).rejects.toMatchObject({
      code: "unauthorised",
      hint: expect.stringContaining("Members"),
    });
    expect(String(await refused.catch((error: unknown) => error))).not.toContain("ghp_wrong");
  });

  it("of a team that is not there is none of the person", async () => {
    await call("DELETE", "/orgs/acme/teams/platform");
    await expect(granting(platform, "dev")).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining("acme/platform"),
    });
    await call("POST", "/orgs/acme/teams", { name: "platform" });
  });
});

it("asks for a membership in exactly these requests", async () => {
  const intent = await granting(release, "dev");
  proxy.requests.splice(0);
  await accessor().grant(intent, "G-12");
  await accessor().revoke(intent);
  expect(proxy.requests.map(({ method, path: at, body }) => [method, at, body])).toEqual([
    ["GET", path("dev"), undefined],
    ["PUT", path("dev"), { role: "member" }],
    ["GET", path("dev"), undefined],
    ["GET", path("dev"), undefined],
    ["DELETE", path("dev"), undefined],
    ["GET", path("dev"), undefined],
  ]);
});

it("lists everybody in the teams, and calls nobody ours", async () => {
  await call("PUT", path("ops"), { role: "maintainer" });
  const found = await accessor().list();
  expect(found).toContainEqual(
    expect.objectContaining({ idempotencyKey: null, words: "ops is a maintainer of acme/release" }),
  );
  const ref = found.find(({ words }) => words.startsWith("ops is"))?.ref;
  expect(ref && accessor().sharedKey?.(ref)).toBe(`${proxy.url}/orgs/acme/teams/release/ops`);
});
