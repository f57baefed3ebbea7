import { describe, expect, it } from "vitest";
import {
  begunAnew,
  correctionsMax,
  correctionsOf,
  type Drift,
  heldByDrift,
  nextDrift,
  strayedOf,
} from "../../../src/features/rollouts/drift.ts";
import type { Verdict } from "../../../src/features/rollouts/judge.ts";
import type { Rollout, RolloutState } from "../../../src/features/rollouts/model.ts";
import { reweigh } from "../../../src/providers/traffic/weights.ts";
import { dev, moveOutside, startRoom } from "./harness.ts";

const share = (version: string, weightPercent: number) => ({ version, weightPercent });
const set = [share("v41", 90), share("v42", 10)];
const atTen: Pick<Rollout, "id" | "from" | "to" | "marks"> = {
  id: "R-1" as Rollout["id"],
  from: "v41",
  to: "v42",
  marks: [{ index: 1, weightPercent: 10, atMs: 0, versions: set, key: "R-1:step-1-at-10" }],
};
const state = (versions: readonly ReturnType<typeof share>[], changedBy: string | null = null) => ({
  service: "shop",
  environment: "production",
  versions: versions.map((one) => ({ ...one, address: null })),
  revision: "7",
  changedBy,
  managedBy: null,
});
const now = new Date("2026-11-25T12:00:00Z");

describe("what strayed", () => {
  it.each([
    ["as set, whoever wrote it", [share("v41", 90), share("v42", 10)], "somebody", undefined],
    ["rounded by the engine", [share("v41", 89.99), share("v42", 10.01)], null, undefined],
    [
      "more for the canary",
      [share("v41", 70), share("v42", 30)],
      null,
      "traffic moved outside: v42 has 30 %, should be 10 %, v41 has 70 %, should be 90 %",
    ],
    [
      "by less than a percent",
      [share("v41", 89.9), share("v42", 10.1)],
      null,
      "traffic moved outside: v42 has 10.1 %, should be 10 %, v41 has 89.9 %, should be 90 %",
    ],
    [
      "by somebody who leaves a name",
      [share("v41", 100)],
      "night-job",
      "traffic moved outside by night-job: v42 has 0 %, should be 10 %, v41 has 100 %, should be 90 %",
    ],
    [
      "by a late call of ours",
      [share("v41", 99), share("v42", 1)],
      "R-1:step-0-at-1",
      "traffic moved outside by a late call of ours: v42 has 1 %, should be 10 %, v41 has 99 %, should be 90 %",
    ],
    [
      "a third version",
      [share("v41", 60), share("v42", 10), share("v40", 30)],
      null,
      "traffic moved outside: v41 has 60 %, should be 90 %, v40 has 30 %, should be 0 %",
    ],
  ])("%s", (_name, versions, changedBy, sentence) => {
    expect(strayedOf(atTen, state(versions, changedBy))?.sentence).toBe(sentence);
  });

  it.each(["R-1:step-1-at-10", "R-1:correct-1-2:v42"])(
    "does not blame anybody for pods that went: what %s set stands",
    (key) => {
      expect(strayedOf(atTen, state([share("v41", 88.89), share("v42", 11.11)], key))).toBeUndefined();
    },
  );

  it("does not take another rollout's mark for its own", () => {
    expect(strayedOf(atTen, state([share("v41", 100)], "R-12:back"))?.isOurs).toBe(false);
  });

  it("knows of a step from before whole shares were kept only the canary's", () => {
    const old = { ...atTen, marks: [{ index: 1, weightPercent: 10, atMs: 0 }] };
    expect(strayedOf(old, state([share("v41", 60), share("v40", 30), share("v42", 10)]))).toBeUndefined();
    expect(strayedOf(old, state([share("v41", 100)]))?.sentence).toContain("v42 has 0 %, should be 10 %");
  });

  it("names who manages the object", () => {
    const managed = {
      ...state([share("v41", 100), share("v42", 0)]),
      managedBy: { system: "argo-cd" as const, name: "shop", namespace: "argocd" },
    };
    expect(strayedOf(atTen, managed)?.sentence).toMatch(/; managed by Argo CD application shop in argocd$/);
  });
});

describe("what is done about it", () => {
  const away = { sentence: "traffic moved outside: v42 has 30 %, should be 10 %", isOurs: false };
  const standing: Drift = { isStanding: true, sinceMs: 5, sentence: away.sentence, corrections: 0 };

  it("is said once, said again when it changes, and ends", () => {
    expect(nextDrift(undefined, away, "hold", now)).toMatchObject({ news: "began", isToCorrect: false });
    expect(nextDrift(standing, away, "hold", now)).toMatchObject({
      news: undefined,
      drift: { sinceMs: 5 },
    });
    const other = { ...away, sentence: "traffic moved outside: v42 has 40 %, should be 10 %" };
    expect(nextDrift(standing, other, "hold", now)).toMatchObject({ news: "changed", drift: { sinceMs: 5 } });
    expect(nextDrift(standing, undefined, "hold", now)).toMatchObject({
      news: "ended",
      drift: { isStanding: false },
    });
    expect(nextDrift({ ...standing, isStanding: false }, undefined, "hold", now)).toBeUndefined();
  });

  it("is corrected a few times, then left and said", () => {
    const last = { ...standing, corrections: correctionsMax - 1 };
    expect(nextDrift(last, away, "correct", now)?.isToCorrect).toBe(true);
    const given = nextDrift({ ...standing, corrections: correctionsMax }, away, "correct", now);
    expect(given).toMatchObject({ isToCorrect: false, news: "changed" });
    expect(given?.drift.sentence).toMatch(/set again 3 times, now left as it is/);
  });

  it("corrects a late call of ours under either policy", () => {
    expect(nextDrift(undefined, { ...away, isOurs: true }, "hold", now)?.isToCorrect).toBe(true);
  });

  it("begins a step anew, and a watch too, which ends however often it is disturbed", () => {
    const at = (sec: number) => new Date(sec * 1_000);
    const plan = { lagMs: 2_000, watchMs: 60_000 } as Rollout["plan"];
    const marks = [{ index: 0, weightPercent: 100, atMs: 0 }];
    const step = { is: "step" as const, index: 0, since: at(0) };
    expect(begunAnew({ state: step, plan, marks, deadlineAt: at(600) }, at(40))).toEqual({
      ...step,
      since: at(41),
    });
    const disturbed = (deadlineAt: Date) => {
      let state: RolloutState = { is: "watching", since: at(0), until: at(60) };
      for (let sec = 25; sec < 3_600; sec += 25)
        state = begunAnew({ state, plan, marks, deadlineAt }, at(sec));
      return state;
    };
    expect(disturbed(at(600))).toMatchObject({ until: at(600) });
    expect(disturbed(at(30))).toMatchObject({ until: at(120) });
  });

  it("never promotes and never holds a revert", () => {
    const verdict = (what: Verdict["do"]): Verdict => ({
      do: what,
      reasons: [{ code: "within-bounds", sentence: "within bounds" }],
      signals: [],
      alphaSpent: 0,
    });
    expect(heldByDrift(verdict("promote"), standing)).toMatchObject({
      do: "hold",
      reasons: [{ code: "drift", sentence: standing.sentence }],
    });
    expect(heldByDrift(verdict("revert"), standing).do).toBe("revert");
    expect(heldByDrift(verdict("promote"), { ...standing, isStanding: false }).do).toBe("promote");
  });

  it.each([
    ["two versions", [share("v41", 70), share("v42", 30)]],
    ["the stable one has nothing", [share("v41", 0), share("v42", 100)]],
    ["a third took the stable one's", [share("v40", 90), share("v41", 0), share("v42", 10)]],
    ["a third took all", [share("v40", 100), share("v41", 0), share("v42", 0)]],
    ["the canary is gone", [share("v41", 50), share("v40", 50)]],
  ])("comes back to the step's shares when %s, and never gives the canary more meanwhile", (_name, found) => {
    let versions = found.map((one) => ({ ...one, address: null as string | null }));
    const most = Math.max(10, versions.find(({ version }) => version === "v42")?.weightPercent ?? 0);
    for (const { version, weightPercent } of correctionsOf(set, { versions }, atTen)) {
      const next = reweigh(versions, { version, address: null }, weightPercent);
      if (!next.ok) throw new Error(next.message);
      versions = next.versions;
      expect(versions.find((one) => one.version === "v42")?.weightPercent ?? 0).toBeLessThanOrEqual(most);
    }
    const shares = versions.filter(({ weightPercent }) => weightPercent > 0);
    expect(new Map(shares.map((one) => [one.version, one.weightPercent]))).toEqual(
      new Map(set.map((one) => [one.version, one.weightPercent])),
    );
  });

  it("sets all traffic in one call where the step has all", () => {
    const whole = [share("v41", 0), share("v42", 100)];
    expect(correctionsOf(whole, { versions: state([share("v41", 50)]).versions }, atTen)).toEqual([
      share("v42", 100),
    ]);
  });
});

describe("somebody moves the traffic of a rollout", () => {
  it("says it on the card, holds, tells why, and goes on once it is put right", async () => {
    const room = await startRoom((catalog) => {
      const shop = catalog.services.find(({ name }) => name === "shop");
      if (shop?.rollout) shop.rollout.steps = shop.rollout.steps.map((step) => ({ ...step, minSamples: 1 }));
    });
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    await moveOutside(room, { v41: 70, v42: 30 });
    await room.pass(3);
    expect((await room.find()).state).toMatchObject({ is: "step", index: 0 });
    const card = await room.said("rollout:R-1");
    expect(card.text).toBe(
      "🟠 shop · rollout R-1 v41 → v42 · 1 % · holding: traffic moved outside: v42 has 30 %, should be 1 %, v41 has 70 %, should be 99 %",
    );
    const why = await room.type(dev, "rollout status R-1");
    expect(why.text).toContain("traffic moved outside: v42 has 30 %");
    expect(await room.weights()).toEqual({ v41: 70, v42: 30 });
    await moveOutside(room, { v41: 99, v42: 1 });
    await room.until(["watching"]);
    // The watch does not end well while somebody else has the traffic; at last it goes back.
    await moveOutside(room, { v41: 50, v42: 50 });
    await room.pass(3);
    expect((await room.said("rollout:R-1")).text).toContain("· 100 % · traffic moved outside: v42 has 50 %");
    room.clock.advance(6 * 3_600_000);
    const { state: end } = await room.until(["reverted"], "R-1", 10);
    expect(end).toMatchObject({
      because: { cause: "deadline", sentences: [expect.stringContaining("v42 has 50 %, should be 100 %")] },
    });
    expect(await room.weights()).toEqual({ v41: 100 });
    const actions = await room.audited("R-1");
    expect(actions.filter((action) => action.includes("drift"))).toEqual([
      "rollout.drift-began",
      "rollout.drift-ended",
      "rollout.drift-began",
    ]);
  });

  it("promotes nothing in the look that finds it over: the step has not lasted since", async () => {
    const room = await startRoom((catalog) => {
      const rollout = catalog.services.find(({ name }) => name === "shop")?.rollout;
      for (const step of rollout?.steps ?? []) step.minDuration = 20_000;
      if (rollout) rollout.deadline = 3_600_000;
    });
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    await room.type(dev, "rollout promote R-1");
    await room.pass(5);
    await room.type(dev, "rollout promote R-1");
    await room.pass(40, async () => (await room.find()).marks.at(-1)?.weightPercent === 50);
    // Too little to be seen in how the requests were split.
    await moveOutside(room, { v41: 49.9, v42: 50.1 });
    await room.pass(55);
    expect(await room.find()).toMatchObject({ drift: { isStanding: true }, state: { is: "step", index: 2 } });
    await moveOutside(room, { v41: 50, v42: 50 });
    await room.pass(15);
    expect(await room.find()).toMatchObject({
      drift: { isStanding: false },
      state: { is: "step", index: 2 },
    });
  });

  it("sets it again by policy, three times, then leaves it and says so; a person's revert goes through", async () => {
    const room = await startRoom((catalog) => {
      catalog.policies.rollout.drift = "correct";
    });
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    room.world.isBlind = true;
    for (let time = 1; time <= 3; time += 1) {
      await moveOutside(room, { v43: 20, v41: 50, v42: 30 });
      await room.pass(5, async () => (await room.find()).drift?.corrections === time);
      expect(await room.weights()).toEqual({ v43: 0, v41: 99, v42: 1 });
      expect((await room.find()).drift).toMatchObject({ isStanding: false, corrections: time });
    }
    await moveOutside(room, { v41: 50, v42: 50 });
    await room.pass(3);
    expect(await room.weights()).toEqual({ v41: 50, v42: 50 });
    expect((await room.said("rollout:R-1")).text).toContain("set again 3 times, now left as it is");
    const effects = (await room.effects("R-1")).filter(({ key }) => key.includes(":correct-"));
    expect(effects).toHaveLength(9);
    expect(effects.every(({ done_at }) => done_at !== null)).toBe(true);
    expect((await room.audited("R-1")).filter((action) => action === "rollout.drift-corrected")).toHaveLength(
      3,
    );
    await room.type(dev, "rollout revert shop");
    await room.until(["reverted"], "R-1", 10);
    expect(await room.weights()).toEqual({ v41: 100 });
  });

  it("notices within a minute although its signals are read every ten, and while it is paused", async () => {
    const room = await startRoom((catalog) => {
      const shop = catalog.services.find(({ name }) => name === "shop");
      if (shop?.rollout) shop.rollout.interval = 600_000;
    });
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    await room.type(dev, "rollout pause shop lunch");
    await moveOutside(room, { v41: 100, v42: 0 });
    const sweep = room.features
      .flatMap(({ jobs = [] }) => jobs)
      .find(({ name }) => name === "rollouts.sweep");
    room.clock.advance(30_000);
    await sweep?.run("all", { attempt: 1 });
    await room.drain();
    expect((await room.said("rollout:R-1")).text).toMatch(
      /^🟠 shop · rollout R-1 v41 → v42 · 1 % · paused by <@U0DEV> · traffic moved outside: v42 has 0 %, should be 1 %/,
    );
  });
});
