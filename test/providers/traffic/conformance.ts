import { describe, expect, it } from "vitest";
import { type ProviderCode, ProviderError } from "../../../src/providers/errors.ts";
import {
  type TrafficEngine,
  type TrafficState,
  type TrafficTarget,
  trafficSnapshotSchema,
} from "../../../src/providers/traffic/contract.ts";

/** What an engine's test brings: the real thing, with three versions that it can give traffic. */
export interface TrafficBench {
  readonly engine: TrafficEngine;
  readonly target: TrafficTarget;
  readonly versions: readonly [stable: string, canary: string, third: string];
  /** Shares really served, in percent, over this many requests. */
  served(requests: number): Promise<Record<string, number>>;
  /** Changes the weights without the engine, as a person with access would. */
  meddle(canaryPercent: number): Promise<void>;
  readonly unauthorised: TrafficTarget;
  readonly unreachable: TrafficTarget;
  /** Takes the connection and never answers. */
  readonly silent: TrafficTarget;
  /** Lets what is on its way go on, for engines that answer `in_progress`. */
  progress?(): Promise<void>;
  /** What `weights` answers: any share by default. */
  readonly shares?: readonly number[];
  /** A version that cannot be given traffic; `v99` by default. */
  readonly unknownVersion?: string;
  /** Versions at 0 are not listed. */
  readonly dropsZeros?: boolean;
}

/** What an engine cannot do; the tests of it are left out. */
export interface TrafficLimits {
  /** All of the traffic or none. */
  readonly whole?: boolean;
  /** Only two versions at a time. */
  readonly pairs?: boolean;
}

/** Longest way to a share, in looks. */
const looksMax = 30;

/** Asks again with the same input while it is on its way, as a rollout does. */
function patient({ engine, progress }: TrafficBench): TrafficEngine {
  if (!progress) return engine;
  const arrive = async (ask: () => Promise<TrafficState>): Promise<TrafficState> => {
    for (let look = 1; ; look += 1) {
      try {
        return await ask();
      } catch (error) {
        const isUnderWay = error instanceof ProviderError && error.code === "in_progress";
        if (!isUnderWay || look === looksMax) throw error;
        await progress();
      }
    }
  };
  return {
    ...engine,
    setWeight: (...input) => arrive(() => engine.setWeight(...input)),
    promote: (...input) => arrive(() => engine.promote(...input)),
    revert: (...input) => arrive(() => engine.revert(...input)),
  };
}

const call = { deadlineMs: 10_000 };

const weights = (state: Pick<TrafficState, "versions">) =>
  Object.fromEntries(state.versions.map((one) => [one.version, one.weightPercent]));

async function expectError(work: Promise<unknown>, code: ProviderCode, words = ""): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProviderError);
  expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
  expect((error as ProviderError).hint).not.toBe("");
}

/** What every traffic engine must do. `open` gives a fresh service without traffic for each test. */
export function trafficConformance(
  name: string,
  openBench: () => Promise<TrafficBench>,
  { whole = false, pairs = false }: TrafficLimits = {},
): void {
  const divides = !whole;
  const takesThree = divides && !pairs;

  async function open(): Promise<TrafficBench> {
    const bench = await openBench();
    return { ...bench, engine: patient(bench) };
  }

  /** With all traffic on the stable version. */
  async function opened() {
    const bench = await open();
    const [stable, canary, third] = bench.versions;
    await bench.engine.setWeight(bench.target, stable, 100, "seed", call);
    return { ...bench, stable, canary, third };
  }

  describe(`the ${name} engine`, () => {
    it("describes a service it does not know as one without versions, and has nothing to go back to", async () => {
      const { engine, target } = await open();
      expect((await engine.describe(target, call)).versions).toEqual([]);
      await expectError(engine.snapshot(target, call), "not_found", target.service);
    });

    it("knows the declared versions and their addresses, and that one of them serves", async () => {
      const { engine, target, stable, canary, unreachable, shares } = await opened();
      expect(engine.knows(target, canary)).toBe(true);
      for (const version of engine.versions(target)) expect(engine.knows(target, version)).toBe(true);
      const address = engine.addressOf(target, canary);
      if (address !== null) expect(new URL(address).origin).toBe(address);
      expect(await engine.health(target, stable, call)).toMatchObject({ state: "serving" });
      expect(await engine.weights(target, call)).toEqual(shares ?? null);
      expect((await engine.describe(target, call)).managedBy).toBeNull();
      expect(engine.versions(unreachable)).toEqual(engine.versions(target));
    });

    it("gives the first version all traffic, and less to nobody", async () => {
      const { engine, target, versions } = await open();
      await expectError(engine.setWeight(target, versions[0], 50, "k", call), "rejected", versions[0]);
      const state = await engine.setWeight(target, versions[0], 100, "k", call);
      expect(weights(state)).toEqual({ [versions[0]]: 100 });
    });

    it.runIf(divides)("sets a share, returns what was read back, and the traffic follows", async () => {
      const { engine, target, stable, canary, served } = await opened();
      const state = await engine.setWeight(target, canary, 10, "R-1:10", call);
      expect(weights(state)).toEqual({ [stable]: 90, [canary]: 10 });
      expect(state).toMatchObject({
        service: target.service,
        environment: target.environment,
        changedBy: "R-1:10",
      });
      expect(await engine.describe(target, call)).toEqual(state);
      const shares = await served(2_000);
      expect(Math.abs((shares[canary] ?? 0) - 10)).toBeLessThanOrEqual(0.5);
    });

    it.runIf(divides)("changes nothing when asked again", async () => {
      const { engine, target, canary } = await opened();
      const once = await engine.setWeight(target, canary, 1, "R-1:1", call);
      expect(await engine.setWeight(target, canary, 1, "R-1:1", call)).toEqual(once);
    });

    it.runIf(takesThree)("lets the other versions keep their proportion", async () => {
      const { engine, target, stable, canary, third } = await opened();
      await engine.setWeight(target, canary, 20, "a", call);
      const state = await engine.setWeight(target, third, 50, "b", call);
      expect(weights(state)).toEqual({ [stable]: 40, [canary]: 10, [third]: 50 });
    });

    it.runIf(divides)(
      "promotes a version to all traffic, keeps the others at 0, and can go back from there",
      async () => {
        const { engine, target, stable, canary, dropsZeros } = await opened();
        const zero = (version: string) => (dropsZeros ? {} : { [version]: 0 });
        await engine.setWeight(target, canary, 50, "a", call);
        expect(weights(await engine.promote(target, canary, "b", call))).toEqual({
          ...zero(stable),
          [canary]: 100,
        });
        expect(weights(await engine.setWeight(target, canary, 0, "c", call))).toEqual({
          [stable]: 100,
          ...zero(canary),
        });
      },
    );

    it.runIf(divides)(
      "reverts to exactly the snapshot, also over somebody else's change, and parity says so",
      async () => {
        const { engine, target, stable, canary, meddle, served } = await opened();
        const snapshot = await engine.snapshot(target, call);
        expect(trafficSnapshotSchema.parse(JSON.parse(JSON.stringify(snapshot)))).toEqual(snapshot);
        expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });

        await engine.setWeight(target, canary, 10, "R-1:10", call);
        await meddle(30);
        const parity = await engine.parity(target, snapshot, call);
        expect(parity.equal).toBe(false);
        expect(parity.differences).toContainEqual({
          field: `versions.${stable}.weightPercent`,
          recorded: 100,
          actual: 70,
        });
        expect(parity.differences).toContainEqual({
          field: `versions.${canary}.weightPercent`,
          recorded: null,
          actual: 30,
        });

        const state = await engine.revert(target, snapshot, "R-1:revert", call);
        expect(weights(state)).toEqual({ [stable]: 100 });
        expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });
        expect((await served(200))[stable]).toBe(100);
        expect(await engine.revert(target, snapshot, "R-1:revert", call)).toEqual(state);
      },
    );

    it.runIf(divides)("shows that somebody else changed the weights", async () => {
      const { engine, target, canary, meddle } = await opened();
      const ours = await engine.setWeight(target, canary, 10, "R-1:10", call);
      await meddle(30);
      const theirs = await engine.describe(target, call);
      expect(theirs.revision).not.toBe(ours.revision);
      expect(theirs.changedBy).not.toBe("R-1:10");
      expect(weights(theirs)[canary]).toBe(30);
    });

    it.runIf(takesThree)(
      "lets changes made at the same moment win or be told of the conflict, and loses none that won",
      async () => {
        const { engine, target, canary, third } = await opened();
        const wanted = [canary, third];
        const results = await Promise.allSettled(
          wanted.map((version) => engine.setWeight(target, version, 20, `set-${version}`, call)),
        );
        const last = weights(await engine.describe(target, call));
        expect(results.some((one) => one.status === "fulfilled")).toBe(true);
        for (const [index, one] of results.entries()) {
          if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "conflict" });
          else expect(last[wanted[index] ?? ""]).toBeGreaterThan(0);
        }
      },
    );

    it.each([
      ["a version it does not know", "unknown", 10, "k", "not_found", "version "],
      ["a percent below 0", undefined, -1, "k", "rejected", "percent"],
      ["a percent above 100", undefined, 100.01, "k", "rejected", "percent"],
      ["a percent with three decimals", undefined, 0.001, "k", "rejected", "percent"],
      ["a percent that is no number", undefined, Number.NaN, "k", "rejected", "percent"],
      ["a key with spaces", undefined, 10, "two words", "rejected", "idempotencyKey"],
    ] as const)(
      "refuses %s, naming it, and changes nothing",
      async (_what, version, percent, key, code, words) => {
        const { engine, target, canary, unknownVersion = "v99" } = await opened();
        const before = await engine.describe(target, call);
        const named = version === "unknown" ? unknownVersion : canary;
        const expected = version === "unknown" ? `${words}${named}` : words;
        await expectError(engine.setWeight(target, named, percent, key, call), code, expected);
        expect(await engine.describe(target, call)).toEqual(before);
      },
    );

    it.runIf(divides)("refuses a snapshot of another service, environment or engine", async () => {
      const { engine, target, canary } = await opened();
      const snapshot = await engine.snapshot(target, call);
      await engine.setWeight(target, canary, 10, "k", call);
      for (const field of ["service", "environment", "engine"] as const) {
        const other = { ...snapshot, [field]: "other" };
        await expectError(engine.revert(target, other, "k", call), "rejected", field);
        await expectError(engine.parity(target, other, call), "rejected", field);
      }
      expect(weights(await engine.describe(target, call))[canary]).toBe(10);
    });

    it("says when it may not, cannot reach, or gets no answer in time or until it is called off", async () => {
      const { engine, target, unauthorised, unreachable, silent } = await opened();
      const snapshot = await engine.snapshot(target, call);
      const everyMethod = (on: TrafficTarget, deadlineMs: number, signal?: AbortSignal) => [
        engine.describe(on, { deadlineMs, signal }),
        engine.snapshot(on, { deadlineMs, signal }),
        engine.setWeight(on, snapshot.versions[0]?.version ?? "", 100, "k", { deadlineMs, signal }),
        engine.promote(on, snapshot.versions[0]?.version ?? "", "k", { deadlineMs, signal }),
        engine.revert(on, snapshot, "k", { deadlineMs, signal }),
        engine.parity(on, snapshot, { deadlineMs, signal }),
      ];
      for (const work of await settled(everyMethod(unauthorised, 10_000)))
        await expectError(work, "unauthorised");
      for (const work of await settled(everyMethod(unreachable, 10_000)))
        await expectError(work, "unreachable");
      for (const work of await settled(everyMethod(silent, 100))) await expectError(work, "timeout");
      const calledOff = everyMethod(silent, 60_000, AbortSignal.timeout(50));
      for (const work of await settled(calledOff)) await expectError(work, "timeout");
    });
  });
}

/** All at once, so that no rejection goes unheard while another is awaited. */
async function settled(works: Promise<unknown>[]): Promise<Promise<unknown>[]> {
  await Promise.allSettled(works);
  return works;
}
