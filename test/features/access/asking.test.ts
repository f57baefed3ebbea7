import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { claimGrant } from "../../../src/features/access/claim.ts";
import { accessForms } from "../../../src/features/access/forms.ts";
import { warnRequester } from "../../../src/features/access/remind.ts";
import type { Actor } from "../../../src/platform/people.ts";
import { type AccessRoom, dev, lena, olive, startAccess } from "./rooms.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const max: Actor = { team: "T0LOCAL", person: "U0MAX", door: "slack" };
const minuteMs = 60_000;

/** Two leads, a role that is narrower, one that needs nobody, one that is approved at once. */
function widen(catalog: Catalog): void {
  catalog.people.push({ id: "max", name: "Max Meyer", slack: { T0LOCAL: max.person } });
  catalog.teams.find(({ name }) => name === "storefront")?.leads.push("max");
  const [orders] = catalog.resources;
  const [readonly, readwrite] = orders?.roles ?? [];
  if (!orders || !readonly || !readwrite) throw new Error("the sample has no roles");
  readonly.policy.automatic = { durationMax: 15 * minuteMs, swapSettle: 86_400_000 };
  catalog.resources.push({
    ...structuredClone(orders),
    name: "orders-replica",
    roles: [
      {
        ...structuredClone(readonly),
        name: "ro",
        narrowerThan: undefined,
        policy: { ...readonly.policy, automatic: undefined, quorum: 0, requesters: ["storefront"] },
      },
    ],
  });
}

let access: AccessRoom;
beforeAll(async () => {
  access = await startAccess({ change: widen });
});
afterAll(() => access?.close());
beforeEach(async () => {
  await access.db.deleteFrom("rings").execute();
  await sql`delete from access_grants`.execute(access.db);
  access.tickets.open.clear();
  access.tickets.unreadable = false;
  access.paging.duty = undefined;
});

const policyOf = (catalog: Catalog, role: string) => {
  const found = catalog.resources[0]?.roles.find(({ name }) => name === role)?.policy;
  if (!found) throw new Error(`no role ${role}`);
  return found;
};
/** The rule of a role is another one while the work lasts. */
async function under(
  role: string,
  policy: Partial<ReturnType<typeof policyOf>>,
  work: () => Promise<void>,
): Promise<void> {
  const before = structuredClone(policyOf(access.catalog(), role));
  access.switchTo((catalog) => void Object.assign(policyOf(catalog, role), policy));
  try {
    await work();
  } finally {
    access.switchTo((catalog) => {
      for (const { roles } of catalog.resources.slice(0, 1))
        for (const one of roles) if (one.name === role) one.policy = before;
    });
  }
}
const write = "orders-db readwrite 20m INC-42 fix orders";
const verbsOf = async (key: string): Promise<string[]> =>
  [...(await access.said(key)).matchAll(/"value":"((?:access|modal) [^"]*)"/g)].map(([, line]) => line ?? "");

describe("approval at once", () => {
  it("is given to who is on call while something pages, and its claim looks again", async () => {
    access.paging.duty = { person: { id: "olive", name: "Olive Okafor", slack: {} } };
    access.tickets.open.set("T-7", { service: "shop", pages: true });
    const answer = await access.ask(olive, "access request orders-db readonly 10m look");
    const id = /G-\d+/.exec(answer.text)?.[0] as Parameters<typeof claimGrant>[1];
    expect(answer.text).toMatch(
      /No approval is needed: on call for storefront while T-7 pages\. It is approved\. <http:\/\/q\.test\/access\/G-\d+\|Claim G-\d+>/,
    );
    expect(await access.grantOf(id)).toMatchObject({
      basis: { is: "automatic", ticket: "T-7", team: "storefront" },
      state: { is: "approved", approvals: [], durationMs: 10 * minuteMs },
    });
    expect((await access.audit(id)).map(({ action, person }) => `${action} ${person}`)).toEqual([
      "access.requested U0ONCALL",
      "access.approved quarterdeck",
    ]);
    access.tickets.unreadable = true;
    expect(await claimGrant(access.room, id, olive)).toMatchObject({
      ok: false,
      refusal: { rule: "membership-readable" },
    });
    expect((await access.grantOf(id)).state.is).toBe("approved");
    access.tickets.unreadable = false;
    access.tickets.open.clear();
    expect(await claimGrant(access.room, id, olive)).toMatchObject({
      ok: false,
      refusal: { message: expect.stringContaining("nothing pages on shop any more") },
    });
  });

  it("of a role for incidents that needs nobody looks again at the claim", async () => {
    const policy = { quorum: 0, incidentRequired: true, automatic: undefined };
    await under("readonly", policy, async () => {
      access.tickets.open.set("T-7", { service: "shop", pages: true });
      const answer = await access.ask(dev, "access request orders-db readonly 10m look");
      const id = /G-\d+/.exec(answer.text)?.[0] as Parameters<typeof claimGrant>[1];
      expect(await access.grantOf(id)).toMatchObject({ basis: { is: "none-needed" } });
      access.tickets.unreadable = true;
      expect(await claimGrant(access.room, id, dev)).toMatchObject({
        ok: false,
        refusal: { rule: "membership-readable" },
      });
      access.tickets.unreadable = false;
      access.tickets.open.clear();
      expect(await claimGrant(access.room, id, dev)).toMatchObject({
        ok: false,
        refusal: { message: expect.stringContaining("nothing pages on shop any more") },
      });
    });
  });

  it("32: with the on-call API down, or a shift swapped to oneself, is a request like any other", async () => {
    access.tickets.open.set("T-7", { service: "shop", pages: true });
    access.paging.duty = new Error("the on-call API is down");
    const down = await access.ask(olive, "access request orders-db readonly 10m look");
    expect(down.text).toContain("Not approved at once: who is on call cannot be read now.");
    const id = /G-\d+/.exec(down.text)?.[0] ?? "";
    expect((await access.grantOf(id)).state.is).toBe("requested");
    await access.ask(olive, `access return ${id}`);
    access.paging.duty = {
      person: { id: "olive", name: "Olive Okafor", slack: {} },
      takenOverAt: new Date(access.clock.now().getTime() - 60_000),
    };
    const swapped = await access.ask(olive, "access request orders-db readonly 10m look");
    expect(swapped.text).toContain("Not approved at once: the shift was taken over less than 1d ago.");
  });

  it("is given by a role that asks for none", async () => {
    const answer = await access.ask(dev, "access request orders-replica ro 10m look");
    expect(answer.text).toContain("No approval is needed: its policy asks for none. It is approved.");
    const id = /G-\d+/.exec(answer.text)?.[0] as Parameters<typeof claimGrant>[1];
    expect(await claimGrant(access.room, id, dev)).toMatchObject({ ok: true });
  });
});

describe("asking again", () => {
  it("2: with other words changes the request, and approvals of the old one are void", () =>
    under("readwrite", { quorum: 2 }, async () => {
      const id = await access.request(write);
      const button = await access.buttonOf(id, "Approve");
      await access.ask(lena, `access approve ${id}`);
      const changed = await access.ask(dev, "access request orders-db readwrite 25m INC-42 drop orders");
      expect(changed.text).toBe(
        `${id} is changed: 20m → 25m, another reason. one approval no longer counts. It waits for a decision on that.`,
      );
      expect((await access.grantOf(id)).state).toMatchObject({ is: "requested", approvals: [], edits: 1 });
      expect(await access.ask(max, button, true)).toMatchObject({ rule: "bound-to-what-was-shown" });
      expect(await access.said(`access:${id}:changed:1`)).toContain("<@U0LEAD> Dev Dara changed");
      // Whoever approved the old words may approve the new ones; both are needed again.
      const typed = await access.ask(max, `access approve ${id}`);
      expect(typed).toMatchObject({ ok: false, rule: "bound-to-what-was-shown" });
      expect(typed.text).toContain('readwrite on orders-db for 25m: "INC-42 drop orders". Nothing done.');
      await access.ask(max, /access approve G-\d+ --seen \w+/.exec(typed.text)?.[0] ?? "");
      expect((await access.grantOf(id)).state).toMatchObject({
        is: "requested",
        approvals: [{ personId: "max" }],
      });
      await access.ask(lena, await access.buttonOf(id, "Approve"), true);
      expect((await access.grantOf(id)).state).toMatchObject({ is: "approved", durationMs: 25 * minuteMs });
      expect((await access.audit(id)).map(({ action }) => action)).toContain("access.changed");
    }));

  it("changes it five times and no more", async () => {
    const id = await access.request(write);
    for (let minutes = 1; minutes <= 5; minutes += 1)
      expect(
        (await access.ask(dev, `access request orders-db readwrite ${minutes}m INC-42 fix orders`)).ok,
      ).toBe(true);
    expect(await access.ask(dev, `access request ${write}`)).toMatchObject({ ok: false, rule: "edits-max" });
    expect((await access.grantOf(id)).askedMs).toBe(5 * minuteMs);
  });
});

describe("the approver's card", () => {
  it("shows person, grant, how often, what is narrower, who else can approve, and offers it", async () => {
    const id = await access.request(write);
    const card = await access.said(`access:${id}`);
    for (const words of [
      "Dev Dara asks for readwrite, 20m",
      "read and change every table of orders",
      "of payments, storefront",
      "no request for orders-db in 30 days",
      "Narrower: readonly (read every table of orders).",
      "*Can approve*\\nLena Lind, Max Meyer",
    ])
      expect(card).toContain(words);
    expect(await verbsOf(`access:${id}`)).toEqual([
      expect.stringMatching(/^access approve G-\d+ --seen [0-9a-f]{16}$/),
      expect.stringMatching(/^modal access deny: G-\d+ --seen/),
      `access offer ${id} readonly 20m`,
      `modal access offer: ${id} orders-db readwrite`,
    ]);
  });

  it("30: of a request asked for under a rule is decided by that rule, whatever the policy is then", () =>
    under("readwrite", { stepUp: true }, async () => {
      const id = await access.request(write);
      await under("readwrite", { stepUp: undefined, approverPeople: ["olive"] }, async () => {
        expect(await access.ask(lena, `access approve ${id}`)).toMatchObject({ ok: false, rule: "step-up" });
        expect(await access.ask(olive, `access approve ${id}`)).toMatchObject({ rule: "leads-approve" });
      });
      const console_: Actor = { ...lena, door: "console", confirmedAt: access.clock.now() };
      expect(await access.ask({ ...console_, confirmedAt: undefined }, `access approve ${id}`)).toMatchObject(
        {
          rule: "step-up",
        },
      );
      expect((await access.ask(console_, `access approve ${id}`)).ok).toBe(true);
      expect((await access.audit(id)).at(-1)?.detail).toMatchObject({
        confirmedAt: console_.confirmedAt?.toISOString(),
      });
    }));

  it("a denial says what needs no approval instead, and asks for it by a button", async () => {
    const id = await access.request(write);
    await access.ask(lena, `access deny ${id} use the replica`);
    const note = await access.said(`access:${id}:requester`);
    expect(note).toContain("orders-replica ro needs no approval: read every table of orders");
    expect(await verbsOf(`access:${id}:requester`)).toEqual(["modal access request: orders-replica ro"]);
    const form = accessForms.find(({ name }) => name === "access request");
    const context = { catalog: access.catalog(), now: access.clock.now(), words: "orders-replica ro" };
    const blocks = form?.build({ ...context, actor: dev });
    expect(blocks?.[0]).toMatchObject({ element: { initial_option: { value: "orders-replica ro" } } });
    // Lena is in team storefront and payments; nobody else is offered what they may not ask for.
    const offered = (actor: Actor) => JSON.stringify(form?.build({ ...context, actor }));
    expect(offered(olive)).toContain("orders-db readwrite");
    expect(offered({ ...dev, person: "U0NOBODY" })).toContain("There is nothing you may ask for");
  });
});

it("the form asks for later and for somebody else as the words do", async () => {
  const form = accessForms.find(({ name }) => name === "access request");
  const values = {
    resource: "orders-db readonly",
    time: "10m",
    reason: 'INC-1 "now" --for nobody',
    at: "2h",
  };
  const answer = await access.ask(lena, form?.line({ ...values, for: "U0DEV" }, "") ?? "");
  const id = /^G-\d+/.exec(answer.text)?.[0] ?? "";
  expect(await access.grantOf(id)).toMatchObject({
    personId: "dev",
    askedById: "lena",
    reason: "INC-1 'now' --for nobody",
    startAt: new Date(access.clock.now().getTime() + 120 * minuteMs),
  });
  const plain = form?.line({ resource: "a b", time: "5m", reason: "x", at: " ", for: "" }, "");
  expect(plain).toBe('access request a b 5m "x"');
});

describe("two who approve each other", () => {
  it("9: are barred where the policy says so, and the attempt is on record", () =>
    under("readwrite", { reciprocal: "barred" }, async () => {
      const first = await access.request(write);
      await access.ask(max, `access approve ${first}`);
      const asked = await access.ask(max, "access request orders-db readwrite 10m INC-7 my turn");
      const second = /G-\d+/.exec(asked.text)?.[0] ?? "";
      access.switchTo(
        (catalog) => void catalog.teams.find(({ name }) => name === "storefront")?.leads.push("dev"),
      );
      expect(await access.ask(dev, `access approve ${second}`)).toMatchObject({
        rule: "no-approval-in-return",
        text: expect.stringContaining(`Max Meyer approved yours: ${first}`),
      });
      expect((await access.audit(second)).at(-1)).toMatchObject({
        action: "access.refused",
        person: "U0DEV",
      });
      access.switchTo((catalog) => {
        for (const team of catalog.teams) team.leads = team.leads.filter((id) => id !== "dev");
      });
      expect((await access.ask(lena, `access approve ${second}`)).ok).toBe(true);
    }));
});

describe("an offer", () => {
  it("taken is a request of its own, approved by who offered it; the first is taken back", async () => {
    const id = await access.request(write);
    expect((await access.ask(lena, `access offer ${id} readonly 10m`)).text).toContain(
      "Dev Dara is offered readonly on orders-db for 10m",
    );
    expect(await access.said(`access:${id}`)).toContain("Lena Lind offered readonly for 10m");
    const [mine] = (await access.feature.summaries?.mine?.(dev)) ?? [];
    expect(mine).toMatchObject({ rank: 0, text: expect.stringContaining(`\`/ops access accept ${id}\``) });
    const [take = ""] = await verbsOf(`access:${id}:requester`);
    expect(await access.ask(olive, take, true)).toMatchObject({ rule: "own-grants-only" });
    const answers = [await access.ask(dev, take, true), await access.ask(dev, take, true)];
    expect(answers.map(({ ok }) => ok)).toEqual([true, false]);
    const second = /^G-\d+/.exec(answers[0]?.text ?? "")?.[0] ?? "";
    expect(await access.grantOf(second)).toMatchObject({
      role: "readonly",
      reason: "INC-42 fix orders",
      state: { is: "approved", durationMs: 10 * minuteMs, approvals: [{ personId: "lena" }] },
    });
    expect((await access.grantOf(id)).state).toMatchObject({
      is: "withdrawn",
      instead: { role: "readonly" },
    });
    expect(await access.said(`access:${id}`)).toContain("Dev Dara took readonly for 10m instead");
    expect((await access.audit(second)).map(({ action, person }) => `${action} ${person}`)).toEqual([
      "access.requested U0DEV",
      "access.approved U0LEAD",
    ]);
    expect(await claimGrant(access.room, second as Parameters<typeof claimGrant>[1], dev)).toMatchObject({
      ok: true,
    });
  });

  it("counts only as far as the offered role's own rule goes", () =>
    under("readonly", { quorum: 2 }, async () => {
      const id = await access.request(write);
      await access.ask(lena, `access offer ${id} readonly 10m`);
      const second = /^G-\d+/.exec((await access.ask(dev, `access accept ${id}`)).text)?.[0] ?? "";
      expect((await access.grantOf(second)).state).toMatchObject({
        is: "requested",
        approvals: [{ personId: "lena" }],
      });
      expect(await access.ask(lena, `access approve ${second}`)).toMatchObject({ rule: "one-approval-each" });
      await access.ask(max, `access approve ${second}`);
      expect((await access.grantOf(second)).state.is).toBe("approved");
    }));

  it("of a role with step-up is no approval of it", () =>
    under("readonly", { stepUp: true, automatic: undefined }, async () => {
      const id = await access.request(write);
      await access.ask(lena, `access offer ${id} readonly 10m`);
      const second = /^G-\d+/.exec((await access.ask(dev, `access accept ${id}`)).text)?.[0] ?? "";
      expect((await access.grantOf(second)).state).toMatchObject({ is: "requested", approvals: [] });
    }));

  it("is void once the request is changed, and says so where it was shown", async () => {
    const id = await access.request(write);
    await access.ask(lena, `access offer ${id} readonly 10m`);
    const [take = ""] = await verbsOf(`access:${id}:requester`);
    await access.ask(dev, "access request orders-db readwrite 20m INC-42 something else");
    expect(await access.ask(dev, take, true)).toMatchObject({ rule: "offered-first" });
    expect(await access.said(`access:${id}:requester`)).toContain("what was offered for it before is void");
    expect(await verbsOf(`access:${id}:requester`)).toEqual([]);
  });

  it("is less than what was asked for, and by who may approve that", async () => {
    const id = await access.request("orders-db readonly 15m INC-42 look");
    for (const words of ["readwrite 5m", "readonly 15m", "readonly 16m"])
      expect(await access.ask(lena, `access offer ${id} ${words}`), words).toMatchObject({
        rule: "offer-less",
      });
    expect(await access.ask(lena, `access offer ${id} nothing 5m`)).toMatchObject({ rule: "known-role" });
    expect(await access.ask(olive, `access offer ${id} readonly 5m`)).toMatchObject({
      rule: "leads-approve",
    });
    expect(await access.ask(dev, `access offer ${id} readonly 5m`)).toMatchObject({
      rule: "not-your-own-request",
    });
    expect(await access.ask(dev, `access accept ${id}`)).toMatchObject({ rule: "offered-first" });
    await access.ask(lena, `access offer ${id} readonly 5m`);
    // The same role for less time is taken the same way.
    const second = /^G-\d+/.exec((await access.ask(dev, `access accept ${id}`)).text)?.[0] ?? "";
    expect((await access.grantOf(second)).state).toMatchObject({ is: "approved", durationMs: 5 * minuteMs });
  });
});

describe("a request nobody answers", () => {
  it("is reminded of, then told to others and to its requester, then lapses", async () => {
    access.switchTo((catalog) => {
      policyOf(catalog, "readwrite").approvers = ["storefront", "payments"];
    });
    const id = await access.request(write);
    access.clock.advance(16 * minuteMs);
    await access.work();
    expect(await access.said(`access:${id}:reminder`)).toContain("has waited 16 min for a decision");
    expect(await access.said(`access:${id}:escalated`)).toBe("");
    access.clock.advance(30 * minuteMs);
    await access.work();
    // The other approving team's leads, each who can decide, and the requester.
    expect(await access.said(`access:${id}:escalated:C0PAYLEADS`)).toContain("nobody decided for 46 min");
    expect(await access.said(`access:${id}:escalated:C0LEADS`)).toBe("");
    expect(await access.said(`access:${id}:escalated:U0LEAD`)).toContain(`\`/ops access approve ${id}\``);
    expect(await access.said(`access:${id}:waiting`)).toContain("<@U0LEAD> <@U0MAX>");
    expect(await access.said(`access:${id}:waiting`)).toContain(
      "`/ops access break-glass orders-db readwrite 30m why`",
    );
    expect((await access.audit(id)).map(({ action }) => action)).toEqual([
      "access.requested",
      "access.reminded",
      "access.escalated",
    ]);
    access.clock.advance(24 * 60 * minuteMs);
    await access.work();
    expect((await access.grantOf(id)).state).toMatchObject({ is: "lapsed", why: "nobody decided in time" });
    expect(await access.said(`access:${id}:requester`)).toContain("nobody decided in time");
  });
});

describe("13: an extension", () => {
  /** Active without a provider: these tests are about asking. */
  async function active(id: string, durationMs: number, totalBeforeMs = 0): Promise<void> {
    const endsAt = new Date(access.clock.now().getTime() + durationMs).toISOString();
    const detail = { approvals: [], durationMs, endsAt, externalId: "x", revealedAt: null };
    await sql`update access_grants set state = 'active', detail = ${JSON.stringify(detail)}::jsonb,
      total_before_ms = ${totalBeforeMs}, asked_ms = ${durationMs} where id = ${id}`.execute(access.db);
  }

  it("is a new approval, and the chain of them stays under the total cap", async () => {
    const first = await access.request("orders-db readwrite 30m INC-42 fix");
    await active(first, 30 * minuteMs);
    const asked = await access.ask(dev, `access extend ${first} 20m INC-42 not done`);
    const second = /G-\d+/.exec(asked.text.replace(first, ""))?.[0] ?? "";
    expect(await access.grantOf(second)).toMatchObject({
      extends: first,
      totalBeforeMs: 30 * minuteMs,
      state: { is: "requested", approvals: [] },
    });
    await active(second, 20 * minuteMs, 30 * minuteMs);
    expect(await access.ask(dev, `access extend ${second} 11m INC-42 more`)).toMatchObject({
      rule: "total-duration-max",
      text: expect.stringContaining("At most 10m more can be asked for"),
    });
    expect((await access.ask(dev, `access extend ${second} 10m INC-42 more`)).ok).toBe(true);
  });

  it("that is the second of its chain can be offered for less, and that taken", async () => {
    const first = await access.request("orders-db readwrite 30m INC-42 fix");
    await active(first, 30 * minuteMs);
    const extend = async (id: string) => {
      const { text } = await access.ask(dev, `access extend ${id} 10m INC-42 not done`);
      return /G-\d+/.exec(text.replace(id, ""))?.[0] ?? "";
    };
    const second = await extend(first);
    await active(second, 10 * minuteMs, 30 * minuteMs);
    const third = await extend(second);
    await access.ask(lena, `access offer ${third} readwrite 5m`);
    const taken = await access.ask(dev, `access accept ${third}`);
    expect(taken).toMatchObject({ ok: true });
    expect(await access.grantOf(/^G-\d+/.exec(taken.text)?.[0] ?? "")).toMatchObject({
      extends: second,
      state: { is: "approved", durationMs: 5 * minuteMs },
    });
  });

  it("is offered by a button before the end, as long as there is something left to ask for", async () => {
    const id = await access.request("orders-db readwrite 30m INC-42 fix");
    await active(id, 30 * minuteMs);
    await warnRequester(access.room, id);
    expect(await access.said(`access:${id}:warning`)).toContain("Up to 30m more can be asked for");
    expect(await verbsOf(`access:${id}:warning`)).toEqual([
      `modal access extend: ${id}`,
      `access return ${id}`,
    ]);
    await active(id, 30 * minuteMs, 30 * minuteMs);
    await warnRequester(access.room, id);
    expect(await access.said(`access:${id}:warning`)).toContain("It cannot be extended: 1h is the most");
    expect(await verbsOf(`access:${id}:warning`)).toEqual([`access return ${id}`]);
  });
});

describe("names and floods", () => {
  it("16: a mention, a hidden link or formatting in a reason is words and nothing else", async () => {
    const reason = "INC-42 <!channel> <@U0LEAD> <https://evil.example|Approve> *now* `x`";
    const id = await access.request(`orders-db readonly 15m ${reason}`);
    const said = [
      await access.said(`access:${id}`),
      JSON.stringify(await access.feature.summaries?.why?.({ id })),
    ];
    for (const text of said) {
      // A masked link shows where it leads.
      expect(text).toContain("&lt;!channel&gt; @U0LEAD https://evil.example");
      expect(text).not.toMatch(/<!channel>|<@U0LEAD>|<https:\/\/evil|\*now\*|`x`/);
    }
  });

  it("17: a secret in a reason, whatever verb it comes with, is kept nowhere", async () => {
    const id = await access.request(write);
    const secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    for (const line of [
      `access request orders-db readonly 5m use ${secret}`,
      `access request orders-db readwrite 5m use ${secret}`,
      `access deny ${id} use ${secret}`,
      `access extend ${id} 5m use ${secret}`,
      `access revoke ${id} use ${secret}`,
    ]) {
      const answer = await access.ask(lena, line);
      expect(answer, line).toMatchObject({ ok: false });
      expect(answer.text).toContain("looks as if it held a secret");
      expect(answer.text).not.toContain(secret);
    }
    const rows = await sql<{ row: string }>`select t::text as row from access_grants t union all
      select t::text from messages t union all select t::text from audit t`.execute(access.db);
    expect(rows.rows.map(({ row }) => row).join()).not.toContain(secret);
  });

  it("33: a thousand requests of one person in a minute come to one card a role, changed five times", async () => {
    const before = await access.db.selectFrom("messages").select("key").execute();
    const lines = Array.from({ length: 1_000 }, (_, n) => {
      const [resource, role] = n % 2 === 0 ? ["orders-db", "readonly"] : ["orders-db", "readwrite"];
      return `access request ${resource} ${role} ${1 + (n % 20)}m INC-${n} again`;
    });
    const rules = new Set<string>();
    for (let n = 0; n < lines.length; n += 50)
      for (const { rule } of await Promise.all(lines.slice(n, n + 50).map((line) => access.ask(dev, line))))
        rules.add(rule);
    expect([...rules].sort()).toEqual(["", "edits-max"]);
    const open = await access.db.selectFrom("messages").select("key").execute();
    const said = open.length - before.length;
    // Two cards, five changes told in the thread of each.
    expect(said).toBeLessThanOrEqual(12);
  });

  it.each([
    ["300 characters", "r".repeat(300)],
    ["a Kelvin sign", "\u212Aeys"],
    ["letters of another alphabet", "re\u0430donly"],
    ["wide letters", "\uFF52eadonly"],
    ["what cannot be seen", "read\u200Bonly"],
  ])("14: a role of %s is no role", async (_, role) => {
    expect((await access.ask(dev, `access request orders-db ${role} 15m INC-42 x`)).ok).toBe(false);
    expect((await access.ask(dev, `access request ${role} readonly 15m INC-42 x`)).ok).toBe(false);
  });

  it("33: approvals are one at a time", async () => {
    const [one, two] = [await access.request(), await access.request(write)];
    expect((await access.ask(lena, `access approve ${one} ${two}`)).ok).toBe(false);
    expect((await access.ask(lena, "access approve all")).ok).toBe(false);
    expect((await access.grantOf(one)).state.is).toBe("requested");
    expect((await access.grantOf(two)).state.is).toBe("requested");
  });
});
