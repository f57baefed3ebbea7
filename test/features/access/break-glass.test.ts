import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { claimGrant } from "../../../src/features/access/claim.ts";
import type { GrantId } from "../../../src/features/access/model.ts";
import { SlackError } from "../../../src/platform/slack/client.ts";
import { Memberships } from "./memberships.ts";
import { type AccessRoom, dev, lena, olive, startAccess } from "./rooms.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const hourMs = 3_600_000;
const words = "orders-db readwrite 15m checkout down, orders stuck";
let access: AccessRoom;
let isSlackAway = false;

beforeEach(async () => {
  isSlackAway = false;
  access = await startAccess({
    ordersUrl: "postgres://nobody@127.0.0.1:1/none",
    accessor: () => new Memberships(),
    usergroups: async () => {
      if (isSlackAway)
        throw new SlackError("usergroups.users.list", { kind: "unreachable", code: "ECONNREFUSED" });
      return [];
    },
  });
});
afterEach(() => access.close());

async function take(line = words): Promise<GrantId> {
  const answer = await access.ask(dev, `access break-glass ${line}`);
  const id = /^G-\d+/.exec(answer.text)?.[0];
  if (!answer.ok || id === undefined) throw new Error(answer.text);
  return id as GrantId;
}
const actionsOf = async (id: GrantId) => (await access.audit(id)).map(({ action }) => action);

it("gives it at once, wakes the leads, and says it where alerts are and in the open incident", async () => {
  access.tickets.open.set("T-7", { service: "shop", pages: true });
  const answer = await access.ask(dev, `access break-glass ${words}`);
  expect(answer.text).toMatch(
    /^G-1: readwrite on orders-db for 15m is yours\. <http:\/\/q\.test\/access\/G-1\|Claim it now>/,
  );
  expect((await access.grantOf("G-1")).state).toMatchObject({ is: "approved", approvals: [] });
  expect(access.paging.pages).toHaveLength(1);
  expect(access.paging.pages[0]).toMatchObject({ team: "storefront", person: "lena", subject: "G-1" });
  expect(access.paging.pages[0]?.headline).toMatch(
    /^PAGE orders-db: .*without asking, for 15m: checkout down/,
  );
  expect(await access.said("access:G-1")).toContain("taken without asking");
  expect(await access.said("access:G-1:taken:T-7")).toContain("without asking");
  expect(await access.said("access:G-1:requester")).toContain("Claim it");
  expect(await actionsOf("G-1" as GrantId)).toEqual(
    expect.arrayContaining(["access.requested", "access.approved", "access.break-glass"]),
  );
  expect((await claimGrant(access.room, "G-1" as GrantId, dev)).ok).toBe(true);
  await access.work();
  expect((await access.grantOf("G-1")).state.is).toBe("active");
  access.clock.advance(15 * 60_000);
  await access.work();
  expect((await access.grantOf("G-1")).state.is).toBe("ended");
});

it("is for roles whose policy says so, by people it names, for a short time; a dry run wakes nobody", async () => {
  for (const [actor, line, rule] of [
    [dev, "orders-db readonly 15m checkout down", "break-glass-allowed"],
    [dev, "orders-db readwrite 31m checkout down", "break-glass-duration-max"],
    [dev, "orders-db nothing 15m checkout down", "known-role"],
  ] as const)
    expect((await access.ask(actor, `access break-glass ${line}`)).rule).toBe(rule);
  const dry = await access.ask(dev, `access break-glass ${words} --dry-run`);
  expect(dry.text).toContain("Nothing was done");
  access.switchTo((catalog) => {
    const role = catalog.resources[0]?.roles.find(({ name }) => name === "readwrite");
    for (const team of catalog.teams.filter(({ name }) => name === "payments")) {
      team.members = team.members.filter((member) => member !== "dev");
      delete team.onCall;
    }
    // Whom the policy names may ask; of who may take it without, its own list is all.
    if (role) role.policy.requesterPeople = ["dev"];
    if (role) role.policy.breakGlass = { durationMax: 5 * 60_000, requesters: ["payments"] };
  });
  expect((await access.ask(dev, `access break-glass ${words}`)).rule).toBe("break-glass-duration-max");
  const others = await access.ask(dev, "access break-glass orders-db readwrite 5m why");
  expect(others).toMatchObject({ rule: "break-glass-people" });
  expect(others.text).toMatch(/on orders-db: payments\./);
  expect(access.paging.pages).toEqual([]);
});

it("works for people the catalog names while Slack cannot say who is in a group, and for nobody else", async () => {
  isSlackAway = true;
  access.switchTo((catalog) => {
    for (const team of catalog.teams) team.slackUsergroup = { T0LOCAL: "S0TEAM" };
  });
  await take();
  access.switchTo((catalog) => {
    for (const team of catalog.teams) {
      team.members = [];
      delete team.onCall;
    }
  });
  expect((await access.ask(olive, `access break-glass ${words}`)).rule).toBe("membership-readable");
});

it("is reviewed by somebody else, in words, once; the leads' pages end with it", async () => {
  const id = await take();
  expect((await access.ask(dev, `access review ${id} all was well and needed`)).rule).toBe(
    "not-your-own-review",
  );
  expect((await access.ask(olive, `access review ${id} all was well and needed`)).rule).toBe("leads-approve");
  expect((await access.ask(lena, `access review ${id} ok`)).rule).toBe("review-in-words");
  expect(await access.buttonOf(id, "Review")).toBe(`modal access review: ${id}`);
  expect(access.paging.open.size).toBe(1);
  expect((await access.ask(lena, `access review ${id} released two orders; it was needed`)).ok).toBe(true);
  expect(access.paging.open.size).toBe(0);
  expect(await access.said(`access:${id}`)).toMatch(/Reviewed by Lena Lind .*released two orders/);
  await expect(access.buttonOf(id, "Review")).rejects.toThrow();
  expect((await access.ask(lena, `access review ${id} released two orders again`)).rule).toBe("one-review");
  expect(await actionsOf(id)).toContain("access.reviewed");
});

it("31: taken as a routine is stopped: three a day, and nothing while a review is overdue", async () => {
  for (let nth = 0; nth < 3; nth += 1) {
    const id = await take();
    expect((await access.ask(dev, `access break-glass ${words}`)).rule).toBe("one-open-request");
    await access.ask(dev, `access return ${id}`);
  }
  expect((await access.ask(dev, `access break-glass ${words}`)).rule).toBe("break-glass-per-day");
  access.clock.advance(24 * hourMs + 1);
  const refused = await access.ask(dev, `access break-glass ${words}`);
  expect(refused.rule).toBe("review-overdue");
  expect(refused.text).toContain("access review G-1");
  for (const id of ["G-1", "G-2", "G-3"])
    expect((await access.ask(lena, `access review ${id} it was nothing, but settled`)).ok).toBe(true);
  await take();
});

it("reminds the leads of the review, and tells more people each day once it is overdue", async () => {
  const id = await take();
  await access.ask(dev, `access return ${id}`);
  access.clock.advance(16 * hourMs);
  await access.work();
  expect(await access.said(`access:${id}:review:0`)).toMatch(/The review of G-1.* is due/);
  access.clock.advance(8 * hourMs);
  // Its ring was lost: the sweep finds it.
  await access.db.deleteFrom("rings").execute();
  await access.run("access.sweep");
  await access.work();
  expect(await access.said(`access:${id}:review:0:${lena.person}`)).toContain("is overdue since");
  expect(await actionsOf(id)).toContain("access.review-overdue");
  const mine = await access.feature.summaries?.mine?.(lena);
  expect(mine?.some(({ text }) => text.includes("Waits for your review, overdue"))).toBe(true);
  access.clock.advance(24 * hourMs);
  await access.work();
  expect(await access.said(`access:${id}:review:1:${lena.person}`)).toContain("is overdue since");
});
