import { describe, expect, it } from "vitest";
import { noteOf } from "../../../src/features/rollouts/compare.ts";
import {
  changedSince,
  differenceText,
  settingIn,
  surroundingsOf,
  type Told,
} from "../../../src/features/rollouts/surroundings.ts";

const at = (minutes: number) => new Date(1_750_000_000_000 + minutes * 60_000);
const told = (minutes: number, change: Told["change"], version: string, more: Partial<Told> = {}): Told => ({
  change,
  version,
  by: "dev",
  at: at(minutes),
  ...more,
});
const name = (by: string) => `@${by}`;
const words = (since: readonly Told[], before = earlier) =>
  changedSince(surroundingsOf(before, at(0)), [...since, ...before]).map((one) => differenceText(one, name));

/** Newest first, as they are read. */
const earlier = [
  told(-5, "flag", "new-checkout off"),
  told(-10, "config", "pool=10"),
  told(-20, "deploy", "v41", { migration: { id: "0116" } }),
  told(-30, "flag", "new-checkout on"),
  told(-40, "flag", "dark-mode on"),
];

describe("what is recorded before the first step", () => {
  it("is each flag and setting as last told, a digest of each kind, and the migration that ran last", () => {
    const { flags, config, schema, flagsDigest, configDigest } = surroundingsOf(earlier, at(0));
    expect(flags).toEqual({ "new-checkout": "off", "dark-mode": "on" });
    expect(config).toEqual({ pool: "10" });
    expect(schema).toBe("0116");
    const same = surroundingsOf(earlier, at(3));
    expect([same.flagsDigest, same.configDigest]).toEqual([flagsDigest, configDigest]);
    const changed = surroundingsOf([told(1, "flag", "new-checkout on"), ...earlier], at(3));
    expect(changed.flagsDigest).not.toBe(flagsDigest);
    expect(changed.configDigest).toBe(configDigest);
  });

  it("leaves out what came after, and knows nothing where nothing was told", () => {
    expect(surroundingsOf(earlier, at(-7)).flags).toEqual({ "new-checkout": "on", "dark-mode": "on" });
    expect(surroundingsOf([], at(0))).toMatchObject({ flags: {}, config: {}, schema: null });
  });

  it.each([
    ["new-checkout on", "new-checkout", "on"],
    ["pool=50", "pool", "50"],
    ["limits: 3 per second", "limits", "3 per second"],
    ["c0ffee", "", "c0ffee"],
    [" ", "", ""],
  ])("reads %j as a name and a value", (text, setting, value) => {
    expect(settingIn(text)).toEqual({ name: setting, value });
  });
});

describe("what was changed since", () => {
  it("is named with who did it and what to do, the newest first", () => {
    expect(
      words([
        told(4, "config", "pool=50", { by: "ci" }),
        told(3, "flag", "new-checkout on"),
        told(2, "flag", "beta 5 %"),
      ]),
    ).toEqual([
      "config pool changed since: 10 → 50 by @ci; set it back",
      "flag new-checkout changed since: off → on by @dev; turn it back",
      "flag beta changed since: set to 5 % by @dev; look whether it was so before",
    ]);
  });

  it("is not what was changed back meanwhile, nor what was told late of before", () => {
    expect(
      words([
        told(4, "flag", "new-checkout off"),
        told(3, "flag", "new-checkout on"),
        told(-1, "config", "pool=50"),
      ]),
    ).toEqual([]);
  });

  it("is a migration that ran with a version, with its reversal or whom to ask", () => {
    const migration = { id: "0117", note: "drops orders.note" };
    expect(words([told(1, "deploy", "v42", { migration, by: "ci" })])).toEqual([
      "schema: v42 ran migration 0117 (drops orders.note), which no weight undoes; no reversal is recorded, ask @ci",
    ]);
    expect(
      words([told(1, "deploy", "v42", { migration: { ...migration, reversal: "add it back" } })])[0],
    ).toContain("its reversal: add it back");
  });

  it("is not a migration that ran before and came again with its version", () => {
    const again = told(2, "deploy", "v41", { migration: { id: "0115" } });
    const before = [...earlier, told(-90, "deploy", "v40", { migration: { id: "0115" } })];
    expect(words([again, told(1, "deploy", "v41", { migration: { id: "0116" } })], before)).toEqual([]);
  });
});

describe("noteOf", () => {
  it("is parity when nothing differs, and says what to do of each field that does", () => {
    expect(noteOf({ differences: [] }, [], name)).toEqual({ equal: true, differences: [] });
    const flag = changedSince(surroundingsOf(earlier, at(0)), [told(3, "flag", "new-checkout on")]);
    const { equal, differences } = noteOf(
      {
        differences: [
          { field: "versions.v42.weightPercent", recorded: 0, actual: 1 },
          { field: "fields.replicas", recorded: 5, actual: 3 },
        ],
      },
      flag,
      name,
    );
    expect(equal).toBe(false);
    expect(differences).toEqual([
      "v42 has 1 %, recorded 0 %; something else changes it, the commands by hand are in the thread",
      "replicas is 3, recorded 5; set it back by hand",
      "flag new-checkout changed since: off → on by @dev; turn it back",
    ]);
  });
});
