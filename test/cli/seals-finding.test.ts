import { expect, it } from "vitest";
import { type SealsState, sealsFinding } from "../../src/cli/doctor/seals.ts";

const now = new Date("2026-11-25T12:00:00Z");
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
const well: SealsState = { heldWhy: undefined, newest: { seq: 12, at: ago(3) }, waitsSince: null };

it.each<[string, Partial<SealsState>, string, RegExp]>([
  ["is content with a fresh seal", {}, "ok", /up to entry 12/],
  ["waits a while for the archive", { waitsSince: ago(15) }, "ok", /entry 12/],
  ["sees an archive that lags", { waitsSince: ago(16) }, "failed", /wait for the archive since/],
  ["sees that nobody seals", { newest: { seq: 12, at: ago(16) } }, "failed", /the newest is of/],
  ["says that nothing is sealed", { newest: undefined }, "not set", /nothing/],
  ["sees what is held after a restore", { heldWhy: "it was restored" }, "failed", /it was restored/],
])("the doctor %s", (_what, change, state, saw) => {
  expect(sealsFinding({ ...well, ...change }, now)).toMatchObject({ state, saw: expect.stringMatching(saw) });
});
