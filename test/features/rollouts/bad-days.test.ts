import { describe, expect, it } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { ProviderError } from "../../../src/providers/errors.ts";
import type { TrafficEngine, TrafficTarget } from "../../../src/providers/traffic/contract.ts";
import { dev, lena, startRoom, type TestRoom } from "./harness.ts";
import { expectOutsideAsRecorded } from "./outside.ts";

type Call = "describe" | "snapshot" | "setWeight" | "promote" | "revert" | "parity";
type Fault = "is down" | "loses its answer" | "refuses";

/** What an engine does wrong, the first times it is called so. */
interface Trouble {
  call: Call;
  fault: Fault;
  /** On the way up: from before the start; on the way back: from before the revert. */
  on: "the way up" | "the way back";
}

const faults: readonly Fault[] = ["is down", "loses its answer", "refuses"];
const troubles: readonly Trouble[] = [
  ...(["setWeight", "promote", "describe"] as const).flatMap((call) =>
    faults.map((fault) => ({ call, fault, on: "the way up" as const })),
  ),
  ...(["setWeight", "revert", "parity"] as const).flatMap((call) =>
    faults.map((fault) => ({ call, fault, on: "the way back" as const })),
  ),
];

const rolloutsAtOnce = 100;
const faultyCalls = 2;
const nameOf = (index: number): string => `twin-${index}`;

/** As many services like the shop, measured seldom, so that only what the test does happens. */
function twins(count: number): (catalog: Catalog) => void {
  return (catalog) => {
    const shop = catalog.services.find(({ name }) => name === "shop");
    if (!shop?.rollout) throw new Error("the sample has no shop with rollouts");
    const rollout = { ...shop.rollout, interval: 600_000 };
    for (let index = 0; index < count; index += 1)
      catalog.services.push({ ...shop, name: nameOf(index), rollout });
  };
}

/** The real engine with each service's trouble, while it is armed. */
function troubled(armed: Map<string, { trouble: Trouble; left: number }>) {
  const around =
    <Args extends [TrafficTarget, ...unknown[]], T>(call: Call, own: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      const standing = armed.get(args[0].service);
      if (standing?.trouble.call !== call || standing.left === 0) return own(...args);
      standing.left -= 1;
      switch (standing.trouble.fault) {
        case "is down":
          throw new ProviderError("unreachable", "no connection", "Start it.");
        case "refuses":
          throw new ProviderError("rejected", "refused", "Look at it.");
        case "loses its answer":
          await own(...args);
          throw new ProviderError("timeout", "no answer", "Read back.");
      }
    };
  return (real: TrafficEngine): TrafficEngine => ({
    ...real,
    describe: around("describe", real.describe),
    snapshot: around("snapshot", real.snapshot),
    setWeight: around("setWeight", real.setWeight),
    promote: around("promote", real.promote),
    revert: around("revert", real.revert),
    parity: around("parity", real.parity),
  });
}

/** Without the state read there is no way back, and no start. */
const isReading = ({ call, on }: Trouble): boolean => call === "describe" && on === "the way up";

const idsIn = async (room: TestRoom): Promise<Map<string, string>> =>
  new Map(
    (await room.sql<{ id: string; service: string }>("select id, service from rollouts")).map((row) => [
      row.service,
      row.id,
    ]),
  );

describe("a hundred rollouts at once", () => {
  it("each take the way up and the way back, whatever their engine does wrong at whichever call", async () => {
    const room = await startRoom(twins(rolloutsAtOnce));
    const armed = new Map<string, { trouble: Trouble; left: number }>();
    room.world.engine = troubled(armed);
    const arm = (on: Trouble["on"]) => {
      for (const [index, trouble] of troubles.entries())
        if (trouble.on === on) armed.set(nameOf(index), { trouble, left: faultyCalls });
    };
    const all = Array.from({ length: rolloutsAtOnce }, (_, index) => nameOf(index));
    const start = (services: readonly string[]) =>
      Promise.all(services.map((service) => room.type(dev, `rollout start ${service} v42`)));
    const untilAll = async (count: number, state: string): Promise<void> => {
      for (let second = 0; second < 60; second += 1) {
        await room.pass(1);
        // Whether it helped, and whether it stays so, is not this test's matter.
        await room.dropRings(["rollouts.recovery", "rollouts.stay"]);
        if ((await room.count(`select count(*) from rollouts where state = '${state}'`)) === count) return;
      }
    };

    arm("the way up");
    // Whose state cannot be read is not started, and nothing of theirs is moved; asked again, they are.
    const reading = troubles.flatMap((trouble, index) => (isReading(trouble) ? [nameOf(index)] : []));
    for (const { ok, text } of await start(reading)) {
      expect(ok).toBe(false);
      expect(text).toContain("there would be no way back. Nothing was started.");
    }
    for (const service of reading) armed.delete(service);
    for (let round = 0; round < 10; round += 1) {
      const ids = await idsIn(room);
      // A hundred at once may be more than this machine's router answers within its deadline.
      await start(all.filter((service) => !ids.has(service)).slice(0, 40));
    }
    await untilAll(rolloutsAtOnce, "step");
    await expectOutsideAsRecorded(room);
    const ids = await idsIn(room);
    const promoted = troubles.flatMap(({ call }, index) => (call === "promote" ? [nameOf(index)] : []));
    await Promise.all(
      promoted.map((service) => room.type(dev, `rollout promote ${ids.get(service)} --full`)),
    );
    await untilAll(rolloutsAtOnce, "step");
    for (const service of promoted) expect(await room.weights(service)).toEqual({ v41: 0, v42: 100 });
    await expectOutsideAsRecorded(room);

    armed.clear();
    arm("the way back");
    const answers = await Promise.all(all.map((service) => room.type(lena, `rollback ${service} --yes`)));
    expect(answers.filter(({ ok }) => !ok)).toEqual([]);
    await untilAll(rolloutsAtOnce, "reverted");
    expect([...armed.values()].filter(({ left }) => left === faultyCalls)).toEqual([]);
    await expectOutsideAsRecorded(room);
  }, 180_000);
});

describe("a clock that jumps", () => {
  it("back does not hold up a revert, and forward past the deadline makes one", async () => {
    const room = await startRoom(twins(2));
    await room.type(dev, "rollout start twin-0 v42 --deadline 1h");
    await room.type(dev, "rollout start twin-1 v42 --deadline 1h");
    await room.drain();
    room.clock.advance(-20 * 60_000);
    await room.type(lena, "rollout revert twin-0");
    await room.drain();
    expect((await room.find("R-1")).state.is).toBe("reverted");
    await expectOutsideAsRecorded(room);
    room.clock.advance(3 * 3_600_000);
    await room.drain();
    await room.pass(2);
    expect((await room.find("R-2")).state).toMatchObject({ is: "reverted", because: { cause: "deadline" } });
    await expectOutsideAsRecorded(room);
  });
});

describe("metrics that are gone for ten minutes", () => {
  it("hold the step where it is; back again, it goes on", async () => {
    const room = await startRoom((catalog) => {
      const shop = catalog.services.find(({ name }) => name === "shop");
      if (shop?.rollout) shop.rollout = { ...shop.rollout, interval: 30_000, deadline: 3_600_000 };
    });
    const minutes = async (count: number): Promise<void> => {
      for (let look = 0; look < count * 2; look += 1) {
        room.clock.advance(30_000);
        await room.drain();
      }
    };
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    room.world.isBlind = true;
    await minutes(10);
    expect((await room.find()).state).toMatchObject({ is: "step", index: 0 });
    expect((await room.said("rollout:R-1")).text).toContain("no data");
    await expectOutsideAsRecorded(room);
    room.world.isBlind = false;
    await minutes(10);
    expect((await room.find()).marks.length).toBeGreaterThan(1);
    await expectOutsideAsRecorded(room);
  });
});

describe("the canary's processes", () => {
  it("are gone: it is taken back, and the outside is as recorded", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    room.world.engine = (real) => ({
      ...real,
      health: async (target, version, call) =>
        version === "v42"
          ? { state: "down", ready: 0, wanted: 3, detail: "0 of 3 ready" }
          : real.health(target, version, call),
    });
    const reverted = await room.until(["reverted"], "R-1", 60);
    expect(reverted.state).toMatchObject({ because: { cause: "breach", code: "down" } });
    await expectOutsideAsRecorded(room);
  });
});
