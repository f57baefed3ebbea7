import { expect, it } from "vitest";
import { DatabaseClock, skewAlarmMs } from "../../src/platform/clock.ts";

/** The database's clock, a machine's that is off by so much, and one that only counts. */
function world(machineOffMs: number) {
  const time = { databaseMs: Date.UTC(2026, 0, 1), machineOffMs, steadyMs: 5_000 };
  const alarms: number[] = [];
  const clock = new DatabaseClock(
    async () => {
      pass(40);
      const answered = new Date(time.databaseMs);
      pass(40);
      return answered;
    },
    (offsetMs) => alarms.push(offsetMs),
    () => time.databaseMs + time.machineOffMs,
    () => time.steadyMs,
  );
  const pass = (ms: number): void => {
    time.databaseMs += ms;
    time.steadyMs += ms;
  };
  const offByMs = (): number => clock.now().getTime() - time.databaseMs;
  return { time, clock, alarms, pass, offByMs };
}

it("22: machines whose clocks are 30 s apart agree on the time, the database's", async () => {
  for (const machineOffMs of [-15_000, 0, 15_000]) {
    const { clock, offByMs, pass } = world(machineOffMs);
    await clock.measure();
    expect(offByMs()).toBe(0);
    pass(9_000);
    expect(offByMs()).toBe(0);
  }
});

it("22: a machine's clock that is set between two measurements moves nothing", async () => {
  const { clock, time, offByMs, pass } = world(0);
  await clock.measure();
  time.machineOffMs = 3_600_000;
  pass(5_000);
  expect(offByMs()).toBe(0);
  time.machineOffMs = -3_600_000;
  expect(offByMs()).toBe(0);
});

it("22: more than two seconds off is an alarm at each measurement, two seconds are not", async () => {
  const off = world(-skewAlarmMs - 1);
  await off.clock.measure();
  await off.clock.measure();
  expect(off.alarms).toEqual([skewAlarmMs + 1, skewAlarmMs + 1]);
  const near = world(skewAlarmMs);
  await near.clock.measure();
  expect(near.alarms).toEqual([]);
});

it("keeps what it knew when the database is away", async () => {
  let isAway = false;
  const clock = new DatabaseClock(
    async () => {
      if (isAway) throw new Error("away");
      return new Date(1_000);
    },
    () => undefined,
    () => 0,
    () => 0,
  );
  await clock.measure();
  isAway = true;
  await expect(clock.measure()).rejects.toThrow("away");
  expect(clock.now()).toEqual(new Date(1_000));
});
