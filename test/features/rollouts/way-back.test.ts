import { describe, expect, it } from "vitest";
import type { Actor } from "../../../src/platform/people.ts";
import { ProviderError } from "../../../src/providers/errors.ts";
import { dev, lena, startRoom, type TestRoom, told } from "./harness.ts";

const lastLine = async (room: TestRoom, key = "rollout:R-1"): Promise<string> =>
  JSON.stringify((await room.said(key)).blocks?.at(-1));

describe("the way back of a rollout", () => {
  it("compares settings, flags and schema with what was recorded before the first step, and says what to do", async () => {
    const migration = { id: "0117", note: "drops orders.note", reversal: "0118 adds it back" };
    const room = await startRoom((catalog) => {
      for (const entry of catalog.services.find(({ name }) => name === "shop")?.traffic ?? [])
        for (const version of entry.versions) if (version.name === "v42") version.migration = migration;
    });
    await told(room, { change: "flag", version: "new-checkout off" });
    room.clock.advance(60_000);
    await room.type(dev, "rollout start shop v42");
    const { surroundings } = await room.find();
    expect(surroundings).toMatchObject({ flags: { "new-checkout": "off" }, config: {}, schema: null });
    expect(surroundings?.flagsDigest).toMatch(/^[0-9a-f]{64}$/);
    await room.until(["step"]);

    await told(room, { change: "flag", version: "new-checkout on", by: "U0LEAD" });
    await told(room, { change: "flag", version: "new-checkout on", environment: "staging" });
    await room.type(dev, "rollout revert shop");
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 100 });
    const flag = "flag new-checkout changed since: off → on by @lena; turn it back";
    const schema =
      "schema: v42 ran migration 0117 (drops orders.note), which no weight undoes; its reversal: 0118 adds it back";
    const { parity } = await room.find();
    expect(parity?.equal).toBe(false);
    expect([...(parity?.differences ?? [])].sort()).toEqual([flag, schema]);
    const card = JSON.stringify((await room.said("rollout:R-1")).blocks);
    expect(card).toContain("(and 1 more)");
    for (const difference of [flag, schema]) expect(card).toContain(difference);
  });

  it("watches the symptom: recovered, came back with the next suspect, recovered again, and ends after 15 minutes", async () => {
    const room = await startRoom((catalog) => {
      for (const service of catalog.services)
        if (service.name === "shop") service.dependencies = ["payments"];
    });
    room.world.behaviour.bad = { v41: 0.002, v43: 0.3 };
    await room.type(dev, "rollout start shop v43");
    await room.until(["reverted"]);
    await room.pass(15);
    expect(await lastLine(room)).toMatch(/Recovered in \d+ s: error-ratio .*\. Watching 15 min/);
    const { recovery } = await room.find();
    const row = await room.db
      .selectFrom("rollouts" as never)
      .select("restored_ms" as never)
      .executeTakeFirst();
    expect(row).toEqual({ restored_ms: recovery?.restoredMs });
    expect(recovery?.restoredMs).toBeGreaterThan(1_000);

    await told(room, { service: "payments", version: "v9" });
    room.world.behaviour.bad = { v41: 0.4 };
    await room.pass(30);
    expect((await room.said("rollout:R-1")).text).toMatch(
      /^🟠 shop · rollout R-1 v41 → v43 · reverted, and it came back/,
    );
    expect(await lastLine(room)).toMatch(
      /It came back after \d+ s: error-ratio .* → 40 %\. Next suspect: payments v9 at \d\d:\d\d by ci: as it began; shop depends on it\./,
    );
    expect((await room.find()).recovery?.restoredMs).toBeUndefined();

    room.world.behaviour.bad = { v41: 0.002 };
    await room.pass(90);
    expect(await lastLine(room)).toMatch(/Recovered again in \d+ s/);
    room.clock.advance(14 * 60_000);
    await room.pass(20);
    expect(await lastLine(room)).toContain("It stayed so for 15 min.");
    expect(await room.audited("R-1")).toEqual(
      expect.arrayContaining(["rollout.reverted", "rollout.recovered", "rollout.came-back"]),
    );
    expect(await room.rings("rollouts.recovery")).toEqual([]);
  });

  it("asks for no approval and no budget, in the lane and with the share of Slack's rate of what is urgent", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    room.world.budget = { users: "hurting", readings: [] };
    expect((await room.type(lena, "rollout revert shop")).ok).toBe(true);
    expect(await room.rings("rollouts.revert")).toEqual([{ lane: "urgent" }]);
    await room.drain();
    expect((await room.find()).state.is).toBe("reverted");
    const urgent = await room.db
      .selectFrom("messages")
      .select("urgent")
      .where("key", "=", "rollout:R-1")
      .executeTakeFirst();
    expect(urgent).toEqual({ urgent: true });
  });

  it("is open to whoever is on call now in place of the schedule, of no team, and to no stranger", async () => {
    const room = await startRoom((catalog) => {
      const [known] = catalog.people;
      if (known) catalog.people.push({ ...known, id: "sub", slack: { T0LOCAL: "U0SUB" } });
    });
    const sub: Actor = { team: "T0LOCAL", person: "U0SUB", door: "slack" };
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    expect(await room.type(sub, "rollout revert shop")).toMatchObject({
      ok: false,
      text: expect.stringContaining("This needs a member or on call"),
    });
    const [from, until] = [-1_000, 3_600_000].map((ms) => new Date(room.clock.now().getTime() + ms));
    await room.db
      .insertInto("oncall_overrides" as never)
      .values({
        team: "payments",
        person: "sub",
        from_at: from,
        until_at: until,
        made_by: "U0LEAD",
        made_at: from,
      } as never)
      .execute();
    expect((await room.type(sub, "rollout revert shop")).ok).toBe(true);
    await room.drain();
    expect((await room.find()).state.is).toBe("reverted");
  });

  it("tells a terminal how to go on by hand, at once and while the engine is away", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    const away = async (): Promise<never> => {
      throw new ProviderError("unreachable", "no connection to the router", "Start it.");
    };
    room.world.engine = (real) => ({ ...real, setWeight: away, revert: away, parity: away });
    const first = await room.type({ ...dev, door: "terminal" }, "rollout revert shop");
    expect(first.text).toMatch(
      /^R-1 is going back to v41\.\nShould it not come through, by hand:\n```\ncurl -fsS -X PUT/,
    );
    await room.pass(5);
    const again = await room.type(lena, "rollout revert shop");
    expect(again).toMatchObject({ ok: true });
    expect(again.text).toMatch(
      /R-1 is going back to v41; cannot move traffic: no connection to the router\. Tried \d times/,
    );
    expect(again.text).toContain("By hand:\n```\ncurl -fsS -X PUT");
  });
});
