import { describe, expect, it } from "vitest";
import { canaryAlerts, healthFor } from "../../../src/features/rollouts/canary-state.ts";

describe("alerts on the canary's instances", () => {
  it("are each said once, with the worst severity and whether stable has the same", () => {
    const firing = [
      { name: "HighMemory", severity: "warning", version: "v42" },
      { name: "HighMemory", severity: "critical", version: "v42" },
      { name: "Errors", severity: "error", version: "v42" },
      { name: "Errors", severity: "critical", version: "v41" },
      { name: "Disk", severity: "critical", version: "v41" },
    ] as const;
    expect(canaryAlerts(firing, "v42")).toEqual([
      { name: "HighMemory", severity: "critical", isOnStable: false },
      { name: "Errors", severity: "error", isOnStable: true },
    ]);
  });
});

describe("the canary's processes", () => {
  const health = (state: "down" | "crash-looping" | "serving") => ({
    state,
    ready: 0,
    wanted: 1,
    detail: "why",
  });

  it("are down once they are at two looks, and crashing at once", () => {
    expect(healthFor(health("down"), false)).toEqual({ state: "starting", detail: "why" });
    expect(healthFor(health("down"), true)).toEqual({ state: "down", detail: "why" });
    expect(healthFor(health("crash-looping"), false)?.state).toBe("crash-looping");
    expect(healthFor(undefined, true)).toBeUndefined();
  });
});
