import { describe, expect, it, onTestFinished } from "vitest";
import type { SloReading } from "../../../src/features/slos/index.ts";
import { dev, lena, moveOutside, startRoom, startTestRouter, weightsOf } from "./harness.ts";

const slo: SloReading = {
  slo: "shop-availability",
  objectivePercent: 99.5,
  windowMs: 28 * 86_400_000,
  isUserFacing: true,
  state: "healthy",
  severity: "none",
  budgetRatio: 0.005,
  remaining: 0.8,
  budgetLeftRatio: 0.8,
  budgetEvents: 10_000,
  burn: 0.4,
};

describe("a service with traffic in two environments", () => {
  it("is rolled out in each by itself, and a word about one leaves the other alone", async () => {
    const staging = await startTestRouter();
    onTestFinished(() => staging.close());
    const room = await startRoom((catalog) => {
      const shop = catalog.services.find(({ name }) => name === "shop");
      const [own] = shop?.traffic ?? [];
      if (!shop || !own) throw new Error("no shop");
      shop.environments = ["production", "staging"];
      shop.traffic = [own, { ...own, environment: "staging", provider: "staging-router" }];
      catalog.providers.traffic.push({
        kind: "router",
        name: "staging-router",
        environment: "staging",
        adminUrl: `http://127.0.0.1:${staging.adminPort}`,
        tokenEnv: "ROUTER_TOKEN",
      });
    });
    expect((await room.type(dev, "rollout start shop@staging v42")).ok).toBe(true);
    expect((await room.type(dev, "rollout start shop v43")).ok).toBe(true);
    await room.drain();
    expect(await weightsOf(staging, "shop")).toEqual({ v41: 99, v42: 1 });
    expect(await room.weights()).toEqual({ v41: 99, v43: 1 });

    expect((await room.type(dev, "rollout status shop@staging")).text).toContain("R-1");
    expect((await room.type(dev, "rollout list shop")).text).not.toContain("R-1");
    await room.type(dev, "rollback shop@staging");
    await room.drain();
    expect(await weightsOf(staging, "shop")).toEqual({ v41: 100 });
    expect(await room.weights()).toEqual({ v41: 99, v43: 1 });
    const none = await room.type(dev, "rollout revert shop@staging");
    expect(none.text).toContain("No rollout of shop in staging is in flight");
    // What a rollout leaves is a version to go back to, in each environment.
    const good = await room.deploys.good("shop", "staging");
    expect(good.map(({ version }) => version)).toEqual(["v41"]);

    const elsewhere = await room.type(dev, "rollout start shop@moon v42");
    expect(elsewhere.ok).toBe(false);
  });
});

it("a version that only the traffic told of is one to go back to", async () => {
  const room = await startRoom((catalog) => {
    const [own] = catalog.services.find(({ name }) => name === "shop")?.traffic ?? [];
    if (own) own.initialVersion = "v44";
  });
  await room.type(dev, "rollout start shop v41");
  await room.until(["step"]);
  await room.type(dev, "rollout revert R-1");
  await room.until(["reverted"]);
  await moveOutside(room, { v43: 100 });
  await room.type(dev, "rollout start shop v42");
  await room.until(["step"], "R-2");
  await room.type(dev, "rollout promote R-2 --full");
  await room.until(["promoted"], "R-2");
  expect((await room.type(dev, "rollback shop --dry-run")).text).toContain("shop production: v42 → v43");
});

describe("starting a rollout", () => {
  it("is refused with the versions there are, by whoever is in the way, and when nothing would change", async () => {
    const room = await startRoom();
    const unknown = await room.type(dev, "rollout start shop v99");
    expect(unknown.ok).toBe(false);
    expect(unknown.text).toContain("Known: v41, v42, v43, v44");
    const current = await room.type(dev, "rollout start shop v41");
    expect(current.text).toContain("v41 already has all traffic of shop");
    const without = await room.type(lena, "rollout start payments v2");
    expect(without.text).toContain("declares no traffic for payments");
    expect((await room.type(dev, "rollout start shop v42")).ok).toBe(true);
    const second = await room.type(lena, "rollout start shop v43");
    expect(second.ok).toBe(false);
    expect(second.text).toMatch(/already being moved: rollout R-1, started by @dev at \d\d:\d\d:\d\d/);
    expect(await room.rollouts.recent("shop", 10)).toHaveLength(1);
  });

  it("is refused while users are hurting, whatever is left of the budget", async () => {
    const room = await startRoom();
    const hurting: SloReading = { ...slo, state: "burning", severity: "page", burn: 60 };
    room.world.budget = { users: "hurting", readings: [hurting], worst: hurting };
    const hurt = await room.type(dev, "rollout start shop v42");
    expect(hurt.text).toContain("Users of shop are hurting now (shop-availability: burn 60x)");
    expect((await room.type(lena, "rollout start shop v42")).ok).toBe(false);
  });

  const leave = (room: Awaited<ReturnType<typeof startRoom>>, remaining: number | null) => {
    const left: SloReading = { ...slo, remaining, state: remaining === null ? "unknown" : "healthy" };
    room.world.budget = { users: remaining === null ? "unknown" : "well", readings: [left], worst: left };
  };
  const stepsOf = async (room: Awaited<ReturnType<typeof startRoom>>) =>
    (await room.find()).plan.steps.map(({ weightPercent, minDuration }) => [weightPercent, minDuration]);
  const careful = [1, 10, 30, 50, 75, 100].map((weightPercent) => [weightPercent, 6_000]);

  it("takes smaller and longer steps, and longer in all, with half of the budget or less or an unknown one", async () => {
    const room = await startRoom();
    leave(room, null);
    const shown = await room.type(dev, "rollout start shop v42 --dry-run");
    expect(shown.text).toContain("Careful: The error budget of shop is not known (shop-availability)");
    expect(shown.text).toMatch(/\n• 30 %: 6s at least/);
    leave(room, 0.5);
    const started = await room.type(dev, "rollout start shop v42");
    expect(started.text).toContain(
      "Careful: shop-availability has 50 % of its budget left: steps of at most 25 %",
    );
    expect(await stepsOf(room)).toEqual(careful);
    const { startedAt, deadlineAt, plan } = await room.find();
    expect(deadlineAt.getTime() - startedAt.getTime()).toBe(30 * 60_000);
    expect(plan.budgetLeftMin).toBe(0.1);
  });

  it("needs a lead with a fifth of the budget or less, and a lead who starts it has approved it", async () => {
    const room = await startRoom();
    leave(room, 0.05);
    const refused = await room.type(dev, "rollout start shop v42");
    expect(refused.ok).toBe(false);
    expect(refused.text).toMatch(
      /has 5 % of its budget left: a change needs a lead's approval.*Who could: <@U0LEAD>/,
    );
    expect(await room.rollouts.recent("shop", 1)).toEqual([]);
    expect((await room.type(lena, "rollout start shop v42")).ok).toBe(true);
    expect(await stepsOf(room)).toEqual(careful);
    // A lead has looked at it: what is left must not hold every step until the deadline.
    expect((await room.find()).plan.budgetLeftMin).toBe(0);
  });

  it("is frozen once the budget is spent, a lead's too, and a roll-back is not", async () => {
    const room = await startRoom();
    expect((await room.type(dev, "rollout start shop v42")).ok).toBe(true);
    await room.until(["step"]);
    leave(room, -0.4);
    const reverted = await room.type(dev, "rollback shop");
    expect(reverted.ok).toBe(true);
    await room.until(["reverted"]);
    for (const person of [dev, lena]) {
      const refused = await room.type(person, "rollout start shop v43");
      expect(refused.ok).toBe(false);
      expect(refused.text).toContain(
        "overspent its budget by 40 %: risky change is frozen; rolling back never is",
      );
      expect(refused.text).toContain("Who could: <@U0LEAD>");
    }
    leave(room, 0);
    expect((await room.type(lena, "rollout start shop v43")).text).toContain("spent all of its budget");
    leave(room, 0.9);
    expect((await room.type(dev, "rollout start shop v43")).ok).toBe(true);
  });

  it("takes options that narrow the catalog's strategy and refuses those that widen it", async () => {
    const room = await startRoom();
    const text = async (line: string) => (await room.type(dev, line)).text;
    expect(await text("rollout start shop v42 --deadline 7h")).toContain("6h at most");
    expect(await text("rollout start shop v42 --steps 1,50")).toContain("must be 100");
    expect(await text("rollout start shop v42 --steps 100")).toContain("100 percent at once");
    expect(await text("rollout start shop v42 --steps 99.99,100")).toContain("begin with 50 at most");
    expect(await text("rollout start shop v42 --hold 1s")).toContain("3s at least");
    expect(await text("rollout start shop v42 --deadline 10s")).toContain("steps alone take 12s");
    expect((await room.type(dev, "rollout start shop v42 --steps 5,100 --hold 20s --deadline 30m")).ok).toBe(
      true,
    );
    const { plan, startedAt, deadlineAt } = await room.find();
    expect(plan.steps.map(({ weightPercent, minDuration }) => [weightPercent, minDuration])).toEqual([
      [5, 20_000],
      [100, 20_000],
    ]);
    // Between the catalog's steps: as strict as the next larger one.
    expect(plan.steps[0]?.minSamples).toBe(100);
    expect(deadlineAt.getTime() - startedAt.getTime()).toBe(30 * 60_000);
  });

  it("shows the whole plan and does nothing when it is a dry run", async () => {
    const room = await startRoom();
    const shown = await room.type(dev, "rollout start shop v42 --dry-run");
    expect(shown.text).toContain("nothing was done");
    expect(shown.text).toMatch(/1 %.*\n.*10 %.*\n.*50 %.*\n.*100 %/);
    expect(await room.rollouts.recent("shop", 1)).toEqual([]);
    expect(await room.weights()).toEqual({});
  });

  it("is refused for a version with a data migration until its reversal is told, and then says it in the thread", async () => {
    const room = await startRoom((catalog) => {
      const versions = catalog.services.find(({ name }) => name === "shop")?.traffic?.[0]?.versions ?? [];
      for (const version of versions)
        if (version.name === "v42") version.migration = { id: "0117", note: "drops orders.note" };
    });
    const refused = await room.type(dev, "rollout start shop v42");
    expect(refused).toMatchObject({ ok: false });
    expect(refused.text).toMatch(
      /brings data migration 0117 \(drops orders.note\) and does not say how it is undone.*Missing: migration.reversal/,
    );
    await room.database.tx((tx) =>
      room.deploys.record(tx, {
        service: "shop",
        environment: "staging",
        version: "v42",
        by: "ci",
        source: "deploys",
        reference: "b42",
        at: tx.now,
        migration: { id: "0117", reversal: "restore it from orders_note_0117" },
      }),
    );
    expect((await room.type(dev, "rollout start shop v42")).ok).toBe(true);
    expect((await room.said("rollout:R-1:way-back")).text).toContain(
      "Data migration 0117 (drops orders.note) comes with it; its reversal:\n```\nrestore it from orders_note_0117\n```",
    );
    await room.until(["step"]);
    expect(await room.deploys.migrationsSince("shop", "production", "v41")).toMatchObject([
      { id: "0117", version: "v42", reversal: "restore it from orders_note_0117" },
    ]);
  });

  it("does nothing when the way back cannot be read", async () => {
    const room = await startRoom();
    await room.router.close();
    const refused = await room.type(dev, "rollout start shop v42");
    expect(refused).toMatchObject({
      ok: false,
      text: expect.stringContaining("no way back. Nothing was started"),
    });
  });

  it("shows the steps, both versions and how to get back by hand from the first minute", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42 --change C-7");
    await room.until(["step"]);
    await room.pass(5);
    const card = await room.said("rollout:R-1");
    const blocks = JSON.stringify(card.blocks);
    expect(card.text.startsWith("🔵 shop · rollout R-1 v41 → v42 · 1 %")).toBe(true);
    expect(blocks).toContain("▶ *1* → 10 → 50 → 100 %");
    expect(blocks).toContain("error-ratio");
    expect(blocks).toContain("C-7");
    expect(blocks).toMatch(/deadline <!date\^/);
    expect(card.blocks?.find((block) => block.type === "actions")).toMatchObject({
      elements: [
        { text: { text: "Pause" }, value: expect.stringContaining("rollout pause R-1 --seen") },
        {
          text: { text: "Revert" },
          value: "rollout revert R-1",
          style: "danger",
          confirm: expect.anything(),
        },
        {
          type: "overflow",
          options: expect.arrayContaining([
            expect.objectContaining({ text: expect.objectContaining({ text: "Promote" }) }),
          ]),
        },
      ],
    });
    expect(card.chart?.series.map(({ label, role }) => [label, role])).toEqual([
      ["v42", "canary"],
      ["v41", "stable"],
    ]);
    const thread = await room.said("rollout:R-1:way-back");
    expect(thread.text).toContain('quarterdeck ops "rollback shop@production"');
    expect(thread.text).toContain("curl -fsS -X PUT");
    expect(thread.text).not.toContain("router-token-of-the-tests");
  });

  it("is refused to a person of another team", async () => {
    const room = await startRoom((catalog) => {
      catalog.people.push({ id: "pat", name: "Pat", slack: { T0LOCAL: "U0PAT" } });
      catalog.teams[0]?.members.splice(0);
      for (const team of catalog.teams) if (team.name === "payments") team.members.push("pat");
    });
    const refused = await room.type({ ...dev, person: "U0PAT" }, "rollout start shop v42");
    expect(refused).toMatchObject({ ok: false, text: expect.stringContaining("storefront") });
  });
});
