import { describe, expect, it } from "vitest";
import { dev, lena, startRoom, type TestRoom } from "./harness.ts";

const queueing = () =>
  startRoom((catalog) => {
    catalog.policies.rollout.second = "queue";
    catalog.policies.rollout.queueMax = 600_000;
  });

const mine = async (room: TestRoom, method: "mine" | "status") => {
  const summaries = room.features.find(({ name }) => name === "rollouts")?.summaries;
  const lines = method === "mine" ? await summaries?.mine?.(lena) : await summaries?.status?.("shop");
  return (lines ?? []).map(({ text }) => text).join("\n");
};

describe("a second rollout", () => {
  it("is queued by policy, seen wherever rollouts are, and starts when the first has ended", async () => {
    const room = await queueing();
    await room.type(dev, "rollout start shop v42");
    const dry = await room.type(lena, "rollout start shop v43 --dry-run");
    expect(dry.text).toContain("would be queued behind R-1. Nothing was done");
    const wrong = await room.type(lena, "rollout start shop v43 --steps 100");
    expect(wrong.text).toContain("100 percent at once");
    const queued = await room.type(lena, "rollout start shop v43 --steps 5,100 --change C-7");
    expect(queued).toMatchObject({ ok: true });
    expect(queued.text).toMatch(
      /^R-2: shop v43 is queued behind R-1\. .* lapses after 10m, at \d\d:\d\d:\d\d/,
    );
    expect((await room.type(dev, "rollout start shop v43")).text).toContain("queued already, as R-2");
    const line = "shop · rollout R-2 → v43 · queued behind R-1";
    expect((await room.said("rollout:R-2")).text).toBe(`⚪ ${line}`);
    for (const text of [
      (await room.type(dev, "rollout list")).text,
      (await room.type(dev, "rollout status R-2")).text,
      await mine(room, "mine"),
      await mine(room, "status"),
    ])
      expect(text).toContain(line);
    await room.pass(5);
    await room.type(dev, "rollout revert R-1");
    await room.until(["reverted"]);
    await room.drain();
    const { plan, to, startedBy, change, id } = await room.until(["step"], "R-2");
    expect({ id, to, startedBy, change }).toEqual({
      id: "R-2",
      to: "v43",
      startedBy: { team: lena.team, person: lena.person },
      change: "C-7",
    });
    expect(plan.steps.map(({ weightPercent }) => weightPercent)).toEqual([5, 100]);
    expect((await room.said("rollout:R-2")).text).toContain("rollout R-2 v41 → v43 · 5 %");
    expect(await room.audited("R-2")).toEqual(
      expect.arrayContaining(["rollout.queued", "rollout.started", "rollout.weight-set"]),
    );
    expect((await room.type(lena, "rollout cancel R-2")).text).toContain("R-2 has started meanwhile");
  });

  it("is checked anew when its turn comes, and says why it no longer may", async () => {
    const room = await queueing();
    await room.type(dev, "rollout start shop v42");
    await room.type(dev, "rollout start shop v43");
    await room.type(dev, "rollout start shop v44");
    const catalog = structuredClone(room.world.catalog);
    for (const team of catalog.teams) {
      team.members = team.members.filter((name) => name !== "dev");
      team.leads = team.leads.filter((name) => name !== "dev");
    }
    await room.platform.catalogs.put(catalog, "d1ce", "test", { ...lena, door: "system" });
    await room.type(lena, "rollback shop");
    await room.until(["reverted"]);
    await room.pass(3);
    expect((await room.said("rollout:R-2")).text).toMatch(
      /^⚫ shop · rollout R-2 → v43 · not started: .*storefront/,
    );
    // Whoever waits behind it is not kept waiting by it.
    expect((await room.said("rollout:R-3")).text).toMatch(/not started: /);
    expect(await room.rollouts.inFlight("shop")).toBeUndefined();
  });

  it("can be taken out, by its id or its service, and lapses by itself", async () => {
    const room = await queueing();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    await room.type(dev, "rollout pause R-1 lunch");
    await room.type(dev, "rollout start shop v43");
    await room.type(dev, "rollout start shop v44");
    expect((await room.type(dev, "rollout cancel shop")).text).toContain("R-2 (v43), R-3 (v44)");
    expect((await room.type(dev, "rollout cancel R-2 --dry-run")).text).toContain("would be taken out");
    expect((await room.type(dev, "rollout revert R-2 not today")).text).toContain("R-2 is out of the queue");
    expect((await room.said("rollout:R-2")).text).toContain("not started: taken out of the queue: not today");
    expect((await room.type(dev, "rollout cancel R-2")).text).toContain("R-2 waits no more");
    expect((await room.type(dev, "rollout cancel R-9")).text).toContain("R-9 is not in a queue");
    room.clock.advance(600_000);
    await room.drain();
    expect((await room.said("rollout:R-3")).text).toContain(
      "not started: it did not get its turn within 10m",
    );
    expect((await room.type(dev, "rollout list")).text).not.toContain("queued");
  });
});
