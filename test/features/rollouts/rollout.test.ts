import { describe, expect, it } from "vitest";
import { exportRollout } from "../../../src/features/rollouts/index.ts";
import { judge } from "../../../src/features/rollouts/judge.ts";
import { readJudgeInput } from "../../../src/features/rollouts/judge-file.ts";
import { dev, startRoom } from "./harness.ts";

describe("a rollout from end to end", () => {
  it("brings a good version to 100 % step by step and calls it good after its watch", async () => {
    const room = await startRoom();
    const answer = await room.type(dev, "rollout start shop v42");
    expect(answer).toMatchObject({ ok: true, text: expect.stringContaining("R-1") });
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 99, v42: 1 });
    await room.until(["watching"]);
    expect(await room.weights()).toEqual({ v41: 0, v42: 100 });
    const { marks } = await room.until(["promoted"]);
    expect(marks.map(({ weightPercent }) => weightPercent)).toEqual([1, 10, 50, 100]);
    expect(await room.deploys.current("shop", "production")).toMatchObject({
      version: "v42",
      previous: "v41",
      outcome: "good",
      source: "rollout",
    });
    const card = await room.said("rollout:R-1");
    expect(card.text).toContain("🟢 shop · rollout R-1 v41 → v42 · 100 % · good");
    expect(await room.audited("R-1")).toEqual([
      "rollout.started",
      "rollout.weight-set",
      "rollout.promoting",
      "rollout.weight-set",
      "rollout.promoting",
      "rollout.weight-set",
      "rollout.promoting",
      "rollout.weight-set",
      "rollout.watching",
      "rollout.promoted",
    ]);
  });

  it("takes a bad version back to exactly the state before and says which signal, with numbers, and that it helped", async () => {
    const room = await startRoom();
    room.world.behaviour.bad = { v41: 0.001, v43: 0.3 };
    await room.type(dev, "rollout start shop v43");
    const reverted = await room.until(["reverted"]);
    expect(await room.weights()).toEqual({ v41: 100 });
    expect(reverted.parity).toEqual({ equal: true, differences: [] });
    expect(reverted.state).toMatchObject({ because: { cause: "breach", signal: "error-ratio" } });
    // What the judge was given, as a file, gives the recorded verdict again.
    const exported = JSON.parse(JSON.stringify(await exportRollout(room.db, "R-1")));
    const input = readJudgeInput({ file: "R-1.json", text: JSON.stringify(exported) });
    expect(judge(input.plan, input.samples, input.slo)).toEqual(reverted.verdict);
    expect(exported.recorded).toEqual(reverted.verdict);
    expect(await exportRollout(room.db, "R-9")).toBe("unknown");
    await room.pass(15);
    const card = await room.said("rollout:R-1");
    expect(JSON.stringify(card.blocks)).toMatch(
      /Evidence against it: E \S+ of 100 · alpha spent 1 of 1 % · error budget used: not known/,
    );
    expect(card.text).toMatch(/⚫ shop · rollout R-1 v41 → v43 · reverted: error-ratio \d+ % vs .* stable/);
    const last = JSON.stringify(card.blocks?.at(-1));
    expect(last).toContain("Back on v41");
    expect(last).toContain("exactly as recorded before");
    expect(last).toMatch(/Recovered in \d+ s: error-ratio/);
    const [bad] = await room.deploys.recent("shop", { since: new Date(0), limit: 1 });
    expect(bad).toMatchObject({ version: "v43", outcome: "bad" });
    expect(await room.deploys.current("shop", "production")).toMatchObject({ version: "v41" });
    expect(room.events.map(([event]) => event)).toContain("rollouts.reverted");
  });
});
