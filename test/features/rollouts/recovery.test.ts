import { describe, expect, it } from "vitest";
import type { Recovery } from "../../../src/features/rollouts/model.ts";
import { nextLookAt, nextRecovery, recoveryText } from "../../../src/features/rollouts/recovery.ts";

const at = (seconds: number) => new Date(1_750_000_000_000 + seconds * 1_000);
const signal = { name: "errors", kind: "ratio", unit: "%", direction: "higher-is-worse" } as const;
const begun: Recovery = {
  signal: "errors",
  unit: "%",
  before: 0.091,
  reference: 0.002,
  sinceMs: at(0).getTime(),
};
const budget = { worst: { burn: 0.8, objectivePercent: 99.5 } } as Parameters<typeof nextRecovery>[3];

/** Looks at these seconds with these readings, one after the other; answers what stood after each. */
function watched(looks: readonly (readonly [number, number | undefined])[]): Recovery[] {
  let recovery = begun;
  return looks.map(([seconds, after]) => {
    const look = { changedAt: at(4), now: at(seconds) };
    recovery = nextRecovery(signal, recovery, after, budget, look) ?? recovery;
    return recovery;
  });
}

describe("the watch after a way back", () => {
  it("says that it helped, in how long, and after 15 minutes that it stayed so", () => {
    const [recovered, same, over] = watched([
      [94, 0.003],
      [300, 0.004],
      [904, 0.003],
    ]);
    expect(recovered?.restoredMs).toBe(94_000);
    expect(recoveryText(recovered)).toBe("Recovered in 94 s: errors 9.1 → 0.3 %, burn 0.8x. Watching 15 min");
    expect(same).toBe(recovered);
    expect(over).toMatchObject({ isOver: true, restoredMs: 94_000 });
    expect(recoveryText(over)).toBe(
      "Recovered in 94 s: errors 9.1 → 0.3 %, burn 0.8x. It stayed so for 15 min.",
    );
  });

  it("says when the symptom comes back, and that nothing is restored then", () => {
    const [, back, again] = watched([
      [94, 0.003],
      [240, 0.06],
      [500, 0.002],
    ]);
    expect(recoveryText(back)).toBe("It came back after 4 min: errors 0.3 → 6 %.");
    expect(back?.restoredMs).toBeUndefined();
    expect(again?.result?.text).toBe("Recovered again in 500 s: errors 9.1 → 0.2 %, burn 0.8x");
    expect(again?.restoredMs).toBe(500_000);
  });

  it("still sees a recovery that comes late, and takes missing data for neither", () => {
    const [early, none, blind, late] = watched([
      [60, 0.09],
      [200, undefined],
      [300, undefined],
      [700, 0.001],
    ]);
    expect(early).toBe(begun);
    expect(none?.result?.text).toBe("No better after 3 min: errors cannot be read.");
    expect(blind).toBe(none);
    expect(late?.result?.text).toBe("Recovered in 12 min: errors 9.1 → 0.1 %, burn 0.8x");
    const [well, away] = watched([
      [94, 0.003],
      [300, undefined],
    ]);
    expect(away).toBe(well);
  });

  it("says that nothing tells, where there is no signal", () => {
    expect(recoveryText(undefined)).toBe("No signal tells whether it helped.");
  });

  it("looks closely until something can be said, then now and then", () => {
    expect(nextLookAt(begun, at(0))).toEqual(at(2));
    expect(nextLookAt({ ...begun, result: { is: "recovered", text: "" } }, at(0))).toEqual(at(15));
    expect(nextLookAt(undefined, at(0))).toEqual(at(15));
  });
});
