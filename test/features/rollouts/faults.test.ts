import { describe, expect, it } from "vitest";
import { ProviderError } from "../../../src/providers/errors.ts";
import type { TrafficEngine } from "../../../src/providers/traffic/contract.ts";
import { dev, startRoom } from "./harness.ts";
import { expectOutsideAsRecorded } from "./outside.ts";

type Method = "setWeight" | "promote" | "revert" | "parity";

/** The real engine, whose process dies once: before the call goes out, or right after it took effect. */
function dyingOnce(
  method: Method,
  when: "before" | "after",
): { wrap: (real: TrafficEngine) => TrafficEngine; died: () => boolean } {
  let hasDied = false;
  const die = (): never => {
    hasDied = true;
    throw new Error("killed");
  };
  const around =
    <Args extends unknown[], T>(own: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      if (hasDied) return own(...args);
      if (when === "before") die();
      const answer = await own(...args);
      die();
      return answer;
    };
  return {
    died: () => hasDied,
    wrap: (real) => ({
      ...real,
      setWeight: method === "setWeight" ? around(real.setWeight) : real.setWeight,
      promote: method === "promote" ? around(real.promote) : real.promote,
      revert: method === "revert" ? around(real.revert) : real.revert,
      parity: method === "parity" ? around(real.parity) : real.parity,
    }),
  };
}

describe("a worker that dies", () => {
  for (const when of ["before", "after"] as const) {
    it(`${when} a weight took effect leaves an intent that another worker brings to its result, once`, async () => {
      const room = await startRoom();
      const dying = dyingOnce("setWeight", when);
      room.world.engine = dying.wrap;
      await room.type(dev, "rollout start shop v42");
      await room.drain();
      expect(dying.died()).toBe(true);
      expect((await room.find()).state.is).toBe("starting");
      expect(await room.effects("R-1")).toEqual([
        expect.objectContaining({ key: "R-1:step-0-at-1", done_at: null }),
      ]);
      expect(await room.weights()).toEqual(when === "before" ? { v41: 100 } : { v41: 99, v42: 1 });

      room.clock.advance(2_000);
      await room.drain(room.newRunner());
      expect((await room.find()).state).toMatchObject({ is: "step", index: 0 });
      expect((await room.find()).marks).toHaveLength(1);
      expect(await room.weights()).toEqual({ v41: 99, v42: 1 });
      expect(await room.effects("R-1")).toEqual([
        expect.objectContaining({ attempts: 2, done_at: expect.any(Date) }),
      ]);
      const deploys = await room.deploys.recent("shop", { since: new Date(0), limit: 10 });
      expect(deploys.filter(({ version }) => version === "v42")).toHaveLength(1);
      await expectOutsideAsRecorded(room);
    });

    for (const method of ["setWeight", "revert", "parity"] as const)
      it(`${when} the ${method} of a revert is followed by one that ends it, outside as recorded`, async () => {
        const room = await startRoom();
        await room.type(dev, "rollout start shop v42");
        await room.until(["step"]);
        const dying = dyingOnce(method, when);
        room.world.engine = dying.wrap;
        await room.type(dev, "rollout revert shop");
        await room.drain();
        expect(dying.died()).toBe(true);
        expect((await room.find()).state.is).toBe("reverting");
        room.clock.advance(2_000);
        await room.drain(room.newRunner());
        const { state, parity } = await room.find();
        expect(state.is).toBe("reverted");
        expect(parity?.equal).toBe(true);
        expect(await room.weights()).toEqual({ v41: 100 });
        await expectOutsideAsRecorded(room);
      });
  }

  it("is replaced by the sweep when its ring is lost as well", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.db.deleteFrom("rings").where("job", "like", "rollouts.%").execute();
    const sweep = room.features
      .flatMap((feature) => feature.jobs ?? [])
      .find(({ name }) => name === "rollouts.sweep");
    await sweep?.run("schedule", { attempt: 1 });
    await room.pass(25);
    expect((await room.find()).marks.length).toBeGreaterThan(0);
  });
});

describe("every job delivered twice, by two workers at once", () => {
  it("sets each weight once and counts no bin twice", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    const step = room.features
      .flatMap((feature) => feature.jobs ?? [])
      .find(({ name }) => name === "rollouts.step");
    for (let second = 0; second < 20; second += 1) {
      await Promise.all([step?.run("R-1", { attempt: 1 }), step?.run("R-1", { attempt: 1 })]);
      room.clock.advance(1_000);
    }
    const { marks } = await room.find();
    expect(marks.map(({ index }) => index)).toEqual([...new Set(marks.map(({ index }) => index))]);
    const { signals } = (await room.find()).verdict ?? { signals: [] };
    expect(signals.every((signal) => signal.droppedBins === 0)).toBe(true);
    const actions = await room.audited("R-1");
    expect(actions.filter((action) => action === "rollout.weight-set")).toHaveLength(marks.length);
  });
});

describe("outside trouble", () => {
  it("holds without data, says why, and goes back at the deadline", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42 --deadline 2m");
    await room.until(["step"]);
    room.world.isBlind = true;
    await room.leap(60);
    expect((await room.find()).state).toMatchObject({ is: "step", index: 0 });
    expect((await room.said("rollout:R-1")).text).toContain("🟠");
    expect((await room.said("rollout:R-1")).text).toContain("no data");
    await room.leap(60);
    const { state } = await room.until(["reverted"], "R-1", 30);
    expect(state).toMatchObject({ because: { cause: "deadline" } });
    expect(await room.weights()).toEqual({ v41: 100 });
    await room.leap(200);
    expect(JSON.stringify((await room.said("rollout:R-1")).blocks?.at(-1))).toContain(
      "No better after 3 min: error-ratio cannot be read",
    );
  });

  it("judges the weight that stands while the engine does not take the next one", async () => {
    const room = await startRoom();
    room.world.engine = (real) => ({
      ...real,
      setWeight: async (target, version, percent, key, call) => {
        if (percent === 10)
          throw new ProviderError("unreachable", "no connection to the router", "Start it.");
        return real.setWeight(target, version, percent, key, call);
      },
    });
    await room.type(dev, "rollout start shop v42");
    await room.until(["promoting"]);
    room.world.behaviour.bad = { v42: 0.4 };
    const reverted = await room.until(["reverted"], "R-1", 60);
    expect(reverted.state).toMatchObject({ because: { cause: "breach", signal: "error-ratio" } });
    expect(await room.weights()).toEqual({ v41: 100 });
  });

  it("never gives a revert up: says so with the commands by hand, pages after a minute, and ends when it can", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    let isAway = true;
    const away = async (): Promise<never> => {
      throw new ProviderError("unreachable", "no connection to the router", "Start it.");
    };
    room.world.engine = (real) =>
      isAway ? { ...real, setWeight: away, revert: away, describe: away, parity: away } : real;
    await room.type(dev, "rollout revert shop errors at checkout");
    await room.pass(50);
    expect(room.pages).toEqual([]);
    const card = await room.said("rollout:R-1");
    expect(card.text).toContain("cannot move traffic: no connection to the router");
    expect(JSON.stringify(card.blocks)).toContain("curl -fsS -X PUT");
    await room.pass(20);
    expect(room.pages[0]).toMatchObject({
      team: "storefront",
      subject: "R-1",
      dedupKey: "rollout:R-1:stuck",
    });
    expect(room.pages[0]?.headline).toMatch(/^PAGE shop: rollout R-1 v41 → v42 cannot be reverted/);
    isAway = false;
    await room.pass(15);
    expect((await room.find()).state.is).toBe("reverted");
    expect(await room.weights()).toEqual({ v41: 100 });
    expect(room.resolved).toEqual(["rollout:R-1:stuck"]);
  });

  it("says that a weight cannot be set and goes on once it can", async () => {
    const room = await startRoom();
    let isAway = true;
    room.world.engine = (real) => ({
      ...real,
      setWeight: async (...args) => {
        if (isAway) throw new ProviderError("timeout", "the router does not answer", "Start it.");
        return real.setWeight(...args);
      },
    });
    await room.type(dev, "rollout start shop v42");
    await room.pass(5);
    expect((await room.said("rollout:R-1")).text).toContain(
      "🟠 shop · rollout R-1 v41 → v42 · starting at 1 % · cannot move traffic: the router does not answer",
    );
    isAway = false;
    await room.pass(10);
    expect((await room.find()).state).toMatchObject({ is: "step" });
    expect((await room.find()).failing).toBeUndefined();
  });

  it("goes back at the deadline when no weight could be set until then", async () => {
    const room = await startRoom();
    room.world.engine = (real) => ({
      ...real,
      promote: real.promote,
      setWeight: async (target, version, percent, ...rest) => {
        if (percent > 0) throw new ProviderError("rejected", "the router refuses", "Look at it.");
        return real.setWeight(target, version, percent, ...rest);
      },
    });
    await room.type(dev, "rollout start shop v42 --deadline 1m");
    await room.pass(55);
    expect((await room.find()).state.is).toBe("starting");
    const { state } = await room.until(["reverted"], "R-1", 20);
    expect(state).toMatchObject({
      because: { cause: "deadline", sentences: [expect.stringContaining("the router refuses")] },
    });
    expect(await room.weights()).toEqual({ v41: 100 });
  });

  it("makes the way back again when a call of ours lands after it", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    await room.type(dev, "rollout revert shop");
    await room.drain();
    const declared =
      room.world.catalog.services.find(({ name }) => name === "shop")?.traffic?.[0]?.versions ?? [];
    const late = await fetch(`http://127.0.0.1:${room.router.adminPort}/routes/shop`, {
      method: "PUT",
      headers: { authorization: "Bearer router-token-of-the-tests", "content-type": "application/json" },
      body: JSON.stringify({
        backends: [
          { version: "v41", url: declared.find(({ name }) => name === "v41")?.url, weight: 90 },
          { version: "v42", url: declared.find(({ name }) => name === "v42")?.url, weight: 10 },
        ],
        changedBy: "R-1:step-1-at-10",
      }),
    });
    expect(late.status).toBe(200);
    await room.pass(3);
    expect(await room.weights()).toEqual({ v41: 100 });
  });

  it("does not fight a person who moves the traffic after the revert", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    await room.type(dev, "rollout revert shop");
    await room.drain();
    await fetch(`http://127.0.0.1:${room.router.adminPort}/routes/shop`, {
      method: "PUT",
      headers: { authorization: "Bearer router-token-of-the-tests", "content-type": "application/json" },
      body: JSON.stringify({
        backends: [{ version: "v43", url: "http://127.0.0.1:3223", weight: 100 }],
        changedBy: "somebody",
      }),
    });
    await room.pass(5);
    expect(await room.weights()).toEqual({ v43: 100 });
  });
});
