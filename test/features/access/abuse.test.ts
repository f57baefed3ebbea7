import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { claimGrant } from "../../../src/features/access/claim.ts";
import { approveGrant, denyGrant } from "../../../src/features/access/decide.ts";
import { change } from "../../../src/features/access/room.ts";
import { type Actor, systemActor } from "../../../src/platform/people.ts";
import { SlackError } from "../../../src/platform/slack/client.ts";
import { type AccessRoom, dev, lena, olive, startAccess } from "./rooms.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const otherTeam = "T0OTHER";
/** Lena's and Dev's accounts in the company's other workspace. */
const lenaToo: Actor = { team: otherTeam, person: "U0LENA2", door: "slack" };
const devToo: Actor = { team: otherTeam, person: "U0DEV2", door: "slack" };
const max: Actor = { team: "T0LOCAL", person: "U0MAX", door: "slack" };

/** A second lead, a second workspace, a group nobody can read unless the test says so. */
function widen(catalog: Catalog): void {
  catalog.organisation.slackTeams.push(otherTeam);
  for (const person of catalog.people) {
    if (person.id === "lena") person.slack[otherTeam] = lenaToo.person;
    if (person.id === "dev") person.slack[otherTeam] = devToo.person;
  }
  catalog.people.push({ id: "max", name: "Max Meyer", slack: { T0LOCAL: max.person } });
  const storefront = catalog.teams.find(({ name }) => name === "storefront");
  storefront?.leads.push("olive");
  storefront?.leads.push("dev");
}

const policyOf = (catalog: Catalog) => {
  const policy = catalog.resources[0]?.roles[0]?.policy;
  if (!policy) throw new Error("the sample has no policy");
  return policy;
};

let access: AccessRoom;
let groupTrouble = false;
beforeAll(async () => {
  access = await startAccess({
    change: widen,
    usergroups: async () => {
      if (groupTrouble)
        throw new SlackError("usergroups.users.list", { kind: "unreachable", code: "ETIMEDOUT" });
      return [max.person];
    },
  });
});
afterAll(() => access?.close());
beforeEach(async () => {
  // Each test begins with nobody having asked for anything.
  await access.db.deleteFrom("rings").execute();
  await sql`delete from access_grants`.execute(access.db);
  groupTrouble = false;
});

const quorumOfTwo = async (work: () => Promise<void>): Promise<void> => {
  access.switchTo((catalog) => {
    policyOf(catalog).quorum = 2;
  });
  try {
    await work();
  } finally {
    access.switchTo((catalog) => {
      policyOf(catalog).quorum = 1;
    });
  }
};

describe("approvals", () => {
  it("0: who approves sees a freeze that stands over the resource's service", async () => {
    const yearly = { from: "01-01 00:00", until: "12-31 24:00" };
    const sale = { name: "sale", reason: "The sale is on", scope: "all" as const, zone: "UTC", yearly };
    access.switchTo((catalog) => void catalog.freezes.push(sale));
    const id = await access.request();
    expect(await access.said(`access:${id}`)).toContain("The sale is on (the calendar (sale))");
    access.switchTo((catalog) => void catalog.freezes.pop());
    await access.ask(lena, `access approve ${id}`);
    expect(await access.said(`access:${id}`)).not.toContain("The sale is on");
  });

  it("1: an approver who raises the duration is capped; asked and approved are both kept", async () => {
    const id = await access.request();
    expect((await access.ask(lena, `access approve ${id} 1h`)).text).toContain("15m, the most that can be");
    expect(await access.grantOf(id)).toMatchObject({
      askedMs: 900_000,
      state: { is: "approved", durationMs: 900_000 },
    });
    const shorter = await access.request("orders-db readwrite 20m INC-42 fix");
    await access.ask(lena, `access approve ${shorter} 5m`);
    expect(await access.grantOf(shorter)).toMatchObject({
      askedMs: 1_200_000,
      state: { is: "approved", durationMs: 300_000 },
    });
    expect(await access.said(`access:${shorter}`)).toContain("5m (20m were asked)");
  });

  it("2: what changed after an approval makes buttons of the old card void", () =>
    quorumOfTwo(async () => {
      const id = await access.request();
      const button = await access.buttonOf(id, "Approve");
      await access.ask(lena, `access approve ${id} 5m`);
      const late = await access.ask(olive, button, true);
      expect(late).toMatchObject({ ok: false, rule: "bound-to-what-was-shown" });
      expect(late.text).toMatch(
        /Changed since you looked: G-\d+: Lena Lind approved it for 5m at .* Nothing done/,
      );
      expect((await access.grantOf(id)).state.is).toBe("requested");
      expect((await access.ask(olive, await access.buttonOf(id, "Approve"), true)).ok).toBe(true);
      expect((await access.grantOf(id)).state).toMatchObject({ is: "approved", durationMs: 300_000 });
    }));

  it("2: an approval of other terms than those on the row does not count", () =>
    quorumOfTwo(async () => {
      const id = await access.request();
      await access.ask(lena, `access approve ${id}`);
      await sql`update access_grants set role = 'readwrite' where id = ${id}`.execute(access.db);
      await access.ask(olive, `access approve ${id}`);
      expect((await access.grantOf(id)).state).toMatchObject({
        is: "requested",
        approvals: [{ personId: "olive" }],
      });
    }));

  it("3: a double click is one decision, then told as decided", async () => {
    const id = await access.request();
    const button = await access.buttonOf(id, "Approve");
    const answers = await Promise.all([1, 2, 3].map(() => access.ask(lena, button, true)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    for (const { text } of answers.filter(({ ok }) => !ok))
      expect(text).toMatch(/Lena Lind approved it at \d\d:\d\d:\d\d\. Nothing done/);
    expect((await access.audit(id)).map(({ action }) => action)).toEqual([
      "access.requested",
      "access.approved",
    ]);
  });

  it("5: an approver who leads no approving team any more is refused at the decision", async () => {
    const id = await access.request();
    access.switchTo((catalog) => {
      for (const team of catalog.teams) team.leads = team.leads.filter((lead) => lead !== "olive");
    });
    expect(await access.ask(olive, `access approve ${id}`)).toMatchObject({
      ok: false,
      rule: "leads-approve",
    });
    access.switchTo(
      (catalog) => void catalog.teams.find(({ name }) => name === "storefront")?.leads.push("olive"),
    );
  });

  it("5: one who left between decision and claim makes the claim fail", async () => {
    const id = await access.request();
    await access.ask(olive, `access approve ${id}`);
    access.switchTo((catalog) => {
      for (const team of catalog.teams) team.leads = team.leads.filter((lead) => lead !== "olive");
    });
    expect(await claimGrant(access.room, id, dev)).toMatchObject({
      ok: false,
      refusal: { rule: "rights-at-grant" },
    });
    expect((await access.grantOf(id)).state.is).toBe("lapsed");
    access.switchTo(
      (catalog) => void catalog.teams.find(({ name }) => name === "storefront")?.leads.push("olive"),
    );
  });

  it("6: forty pairs of approve and deny each end in one state, and the other is told by whom", async () => {
    const base = await access.grantOf(await access.request());
    let approved = 0;
    for (let pair = 1; pair <= 40; pair += 1) {
      const id = `G-${1_000 + pair}` as typeof base.id;
      await access.database.tx(async (tx) => {
        await change(
          access.room,
          tx,
          undefined,
          { ...base, id, resource: `pair-${pair}` },
          { actor: dev, action: "access.requested" },
        );
      });
      const common = { isDryRun: false, isPress: false, id };
      const [yes, no] = await Promise.all([
        approveGrant(access.room, { ...common, actor: lena }, undefined),
        denyGrant(access.room, { ...common, actor: olive }, "use the replica"),
      ]);
      expect([yes.ok, no.ok].filter(Boolean), `pair ${pair}`).toHaveLength(1);
      const { state } = await access.grantOf(id);
      expect(state.is).toBe(yes.ok ? "approved" : "denied");
      const told = yes.ok ? no : yes;
      if (!told.ok)
        expect(told.refusal.message).toContain(yes.ok ? "Lena Lind approved it" : "Olive Okafor denied it");
      expect(await access.audit(id)).toHaveLength(2);
      if (yes.ok) approved += 1;
    }
    expect(approved).toBeGreaterThan(0);
  });

  it("6: two approvers at once under a quorum of two both count", () =>
    quorumOfTwo(async () => {
      const id = await access.request();
      const button = await access.buttonOf(id, "Approve");
      const both = await Promise.all([access.ask(lena, button, true), access.ask(olive, button, true)]);
      expect(both.map(({ ok }) => ok)).toEqual([true, true]);
      expect((await access.grantOf(id)).state.is).toBe("approved");
    }));

  it("7: one person with two accounts counts once in a quorum", () =>
    quorumOfTwo(async () => {
      const id = await access.request();
      await access.ask(lena, `access approve ${id}`);
      expect(await access.ask(lenaToo, `access approve ${id}`)).toMatchObject({
        ok: false,
        rule: "one-approval-each",
      });
      expect((await access.grantOf(id)).state.is).toBe("requested");
    }));

  it("8: nobody approves their own request: not as a lead, from another account, by a delegate or a bot", async () => {
    const own = await access.request();
    for (const actor of [dev, devToo])
      expect(await access.ask(actor, `access approve ${own}`)).toMatchObject({
        ok: false,
        rule: "not-your-own-request",
      });
    // Bots are nobody the catalog knows, and Quarterdeck itself decides nothing here.
    for (const bot of [{ team: "T0LOCAL", person: "U0BOT", door: "slack" } as const, systemActor])
      expect((await access.ask(bot, `access approve ${own}`)).ok).toBe(false);
    // Olive asks for Dev: neither may approve.
    const asked = await access.ask(olive, "access request orders-db readwrite 10m INC-9 for him --for @dev");
    const delegated = /G-\d+/.exec(asked.text)?.[0];
    for (const actor of [olive, dev])
      expect(await access.ask(actor, `access approve ${delegated}`)).toMatchObject({
        ok: false,
        rule: "not-your-own-request",
      });
    expect((await access.ask(lena, `access approve ${delegated}`)).ok).toBe(true);
  });

  it("9: two who approve each other are reported", async () => {
    const first = await access.request();
    await access.ask(olive, `access approve ${first}`);
    const answer = await access.ask(olive, "access request orders-db readonly 10m INC-7 my turn");
    const second = /G-\d+/.exec(answer.text)?.[0] ?? "";
    const approved = await access.ask(dev, `access approve ${second}`);
    expect(approved.text).toContain(`Olive Okafor approved yours: ${first}`);
    expect((await access.audit(second)).at(-1)?.detail).toMatchObject({ approvedInReturn: [first] });
  });

  it("10: people of other workspaces can do nothing", async () => {
    const id = await access.request();
    const stranger: Actor = { team: "T9STRANGE", person: "U0LEAD", door: "slack" };
    for (const line of [
      `access approve ${id}`,
      `access deny ${id} no`,
      `access revoke ${id} no`,
      `access return ${id}`,
    ])
      expect(await access.ask(stranger, line)).toMatchObject({ ok: false, rule: "own-workspace-only" });
  });

  it("are refused while Slack cannot say who is in the team, and nothing changes", async () => {
    access.switchTo((catalog) => {
      for (const team of catalog.teams) team.slackUsergroup = { T0LOCAL: "S0GROUP" };
    });
    expect((await access.ask(max, "access request orders-db readonly 5m INC-1 in the group")).ok).toBe(true);
    groupTrouble = true;
    expect(await access.ask(max, "access request orders-db readwrite 5m INC-1 in the group")).toMatchObject({
      ok: false,
      rule: "membership-readable",
    });
    const mine = await access.ask(max, "access mine");
    const id = /G-\d+/.exec(mine.text)?.[0] as Parameters<typeof claimGrant>[1];
    await access.ask(lena, `access approve ${id}`);
    expect(await claimGrant(access.room, id, max)).toMatchObject({
      ok: false,
      refusal: { rule: "membership-readable" },
    });
    expect((await access.grantOf(id)).state.is).toBe("approved");
    // What Slack cannot say takes nothing away either.
    await access.run("access.sweep");
    expect((await access.grantOf(id)).state.is).toBe("approved");
  });
});

describe("requests", () => {
  it.each(["-1", "0", "0s", "1e9h", "NaN", "0x10", "9007199254740992", "15", "1m1h", "٥m"])(
    "11: a duration of %s is refused",
    async (time) => {
      const answer = await access.ask(dev, `access request orders-db readonly ${time} INC-42 stuck`);
      expect(answer).toMatchObject({ ok: false });
    },
  );

  it("longer than the policy's cap are refused with the cap", async () => {
    const answer = await access.ask(dev, "access request orders-db readonly 61m INC-42 stuck");
    expect(answer).toMatchObject({ rule: "duration-max" });
    expect(answer.text).toContain("1h at most; you asked for 1h1m");
    // The border itself is allowed; readwrite has a cap of its own, whatever readonly allows.
    expect((await access.ask(dev, "access request orders-db readonly 1h INC-42 stuck")).ok).toBe(true);
    expect(await access.ask(dev, "access request orders-db readwrite 31m INC-42 stuck")).toMatchObject({
      rule: "duration-max",
    });
  });

  it("12: a start in the past or far away is refused", async () => {
    for (const at of ["2099-01-01 09:00", "2020-01-01 09:00", "8d"])
      expect(
        (await access.ask(dev, `access request orders-db readonly 15m INC-42 x --at "${at}"`)).ok,
        at,
      ).toBe(false);
    const id = await access.request("orders-db readonly 15m INC-42 later --at 1h");
    await access.ask(lena, `access approve ${id}`);
    expect(await claimGrant(access.room, id, dev)).toMatchObject({
      ok: false,
      refusal: { rule: "start-reached" },
    });
  });

  it("14 and 15: a look-alike role, or one that is SQL, is no role", async () => {
    for (const role of [
      "reаdonly",
      "ｒeadonly",
      "read​only",
      "readonly;",
      '"; DROP ROLE x; --',
      "READ0NLY",
      "readonlyK",
    ])
      expect((await access.ask(dev, `access request orders-db ${role} 15m INC-42 x`)).ok, role).toBe(false);
    expect(await access.ask(dev, "access request orders-db readonlx 15m INC-42 x")).toMatchObject({
      rule: "known-role",
      text: expect.stringContaining("Did you mean readonly?"),
    });
  });

  it("without a ticket are refused where one is required", async () => {
    expect(await access.ask(dev, "access request orders-db readwrite 10m because I can")).toMatchObject({
      rule: "ticket-required",
    });
  });

  it("by people of no requesting team are refused", async () => {
    access.switchTo((catalog) => {
      for (const team of catalog.teams) delete team.slackUsergroup;
    });
    expect(await access.ask(max, "access request orders-db readonly 5m INC-1 x")).toMatchObject({
      rule: "requesters-only",
    });
  });

  it("for the same person, resource and role twice are told of the first, however close", async () => {
    const line = "access request orders-db readonly 15m INC-42 stuck";
    const answers = await Promise.all([1, 2, 3].map(() => access.ask(dev, line)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    for (const answer of answers.filter(({ ok }) => !ok)) {
      expect(answer.rule).toBe("one-open-request");
      expect(answer.text).toMatch(/already: G-\d+, it waits for approval/);
    }
  });

  it("30: a policy loosened after the request changes nothing for it", async () => {
    const id = await access.request();
    access.switchTo((catalog) => {
      policyOf(catalog).approvers = ["payments"];
    });
    access.switchTo(
      (catalog) => void catalog.teams.find(({ name }) => name === "payments")?.leads.push("max"),
    );
    expect(await access.ask(max, `access approve ${id}`)).toMatchObject({ ok: false, rule: "leads-approve" });
    access.switchTo((catalog) => {
      policyOf(catalog).approvers = ["storefront"];
      for (const team of catalog.teams) team.leads = team.leads.filter((lead) => lead !== "max");
    });
  });

  it("33: a flood of them is stopped", async () => {
    const answers = [];
    for (let round = 0; round < 11; round += 1) {
      const answer = await access.ask(dev, "access request orders-db readonly 5m INC-42 again");
      answers.push(answer);
      await access.ask(dev, `access return ${/G-\d+/.exec(answer.text)?.[0] ?? "G-1"}`);
    }
    expect(answers.slice(0, 10).every(({ ok }) => ok)).toBe(true);
    expect(answers[10]).toMatchObject({ ok: false, rule: "requests-per-hour" });
  });

  it("are reminded of, then lapse undecided; approved ones lapse unclaimed", async () => {
    const id = await access.request();
    access.clock.advance(16 * 60_000);
    await access.work();
    const reminder = await access.said(`access:${id}:reminder`);
    expect(reminder).toContain("<@U0LEAD>");
    expect(reminder).not.toContain("<@U0DEV>");
    access.clock.advance(24 * 3_600_000);
    await access.work();
    expect((await access.grantOf(id)).state).toMatchObject({ is: "lapsed", why: "nobody decided in time" });
    expect(await access.ask(lena, `access approve ${id}`)).toMatchObject({ rule: "bound-to-what-was-shown" });

    const second = await access.request();
    await access.ask(lena, `access approve ${second}`);
    access.clock.advance(3_600_001);
    expect(await claimGrant(access.room, second, dev)).toMatchObject({
      ok: false,
      refusal: { rule: "claim-in-time" },
    });
    expect((await access.grantOf(second)).state.is).toBe("lapsed");
    expect(await access.said(`access:${second}:requester`)).toContain("was not claimed in time");
  });

  it("say how long decisions usually take once there is history", async () => {
    const first = await access.request();
    access.clock.advance(240_000);
    await access.ask(lena, `access deny ${first} use the replica`);
    const answer = await access.ask(dev, "access request orders-db readonly 5m INC-42 again");
    expect(answer.text).toContain("usually takes 4 min (median of 1 in 90 days)");
    expect(await access.said(`access:${first}`)).toContain("Denied by Lena Lind");
    const why = await access.feature.summaries?.why?.({ id: first });
    expect(why?.[0]?.text).toContain("Lena Lind denied it");
    const mine = await access.feature.summaries?.mine?.(lena);
    expect(mine?.[0]).toMatchObject({ rank: 0, text: expect.stringContaining("Waits for your decision") });
  });
});
