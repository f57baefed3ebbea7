import { afterAll, beforeAll, expect, it } from "vitest";
import { createSignalsApi } from "../../../src/features/signals/service.ts";
import type { SignalReading, Signals } from "../../../src/features/signals/types.ts";
import type { MetricsProviders } from "../../../src/providers/metrics/instances.ts";
import { startRig } from "./rig.ts";

let rig: Awaited<ReturnType<typeof startRig>>;
let signals: Signals;
beforeAll(async () => {
  rig = await startRig();
  signals = createSignalsApi(rig.platform, rig.providers);
  await rig.second({});
  await rig.second({ v41: 9, v42: 1 });
  await rig.fault("v42", { errorRatio: 1 });
  await rig.second({ v41: 9, v42: 1 });
});
afterAll(() => rig.close());

const byName = (readings: readonly SignalReading[]) =>
  Object.fromEntries(readings.map((reading) => [reading.signal.name, reading]));
/** Just after the newest sample: windows are half-open. */
const now = () => new Date(rig.clock.now().getTime() + 1);

it("reads every declared signal of a service, with its unit in words", async () => {
  const readings = byName(await signals.read("shop", { at: now(), windowSec: 10 }));
  expect(readings["error-ratio"]).toMatchObject({ state: "ok", value: 0.05, text: "5 %", isPartial: false });
  expect(readings.traffic).toMatchObject({ state: "ok", value: 2, text: "2 req/s" });
  expect(readings["latency-p95"]).toMatchObject({ state: "ok", text: expect.stringMatching(/^[\d.]+ ms$/) });
  expect(readings.saturation).toMatchObject({ state: "ok", value: 0, text: "0 in flight" });
});

it("reads one version alone", async () => {
  const [v41] = await signals.read("shop", {
    at: now(),
    windowSec: 10,
    names: ["error-ratio"],
    version: "v41",
  });
  const [v42] = await signals.read("shop", {
    at: now(),
    windowSec: 10,
    names: ["error-ratio"],
    version: "v42",
  });
  expect([v41, v42]).toMatchObject([{ value: 0 }, { value: 0.5 }]);
});

it("counts bad and all events of each version, and leaves out a version without samples", async () => {
  const to = now();
  const counts = await signals.counts("shop", "error-ratio", {
    from: new Date(to.getTime() - 10_000),
    to,
    versions: ["v41", "v42", "v99"],
  });
  expect([...counts.byVersion]).toEqual([
    ["v41", { bad: 0, total: 18 }],
    ["v42", { bad: 1, total: 2 }],
  ]);
  expect(counts.partial).toBeNull();
});

it("counts requests slower than the signal's bound", async () => {
  const to = now();
  const counts = await signals.counts("shop", "latency-p95", {
    from: new Date(to.getTime() - 10_000),
    to,
    versions: ["v41"],
  });
  expect(counts.byVersion.get("v41")).toMatchObject({ total: 18 });
  expect(counts.partial).toBeNull();
});

it("counts a rate's events, and requests slower than a bound that is given", async () => {
  const to = now();
  const options = { from: new Date(to.getTime() - 10_000), to, versions: ["v41", "v42"] };
  const orders = await signals.counts("shop", "orders", options);
  expect([...orders.byVersion]).toEqual([
    ["v41", { bad: 18, total: 18 }],
    ["v42", { bad: 1, total: 1 }],
  ]);
  const slow = await signals.counts("shop", "latency-p95", { ...options, slowAbove: 5 });
  expect(slow.byVersion.get("v41")).toEqual({ bad: 0, total: 18 });
  const none = await signals.counts("shop", "latency-p95", { ...options, slowAbove: 0.123 });
  expect(none.partial).toMatch(/no bucket bound 0.123/);
});

it("gives the buckets behind a quantile of one version", async () => {
  const options = { at: now(), windowSec: 10, version: "v41" };
  const buckets = await signals.buckets("shop", "latency-p95", options);
  expect(buckets.at(-1)).toEqual({ le: Number.POSITIVE_INFINITY, count: 18 });
  expect(buckets.map(({ le }) => le)).toContain(0.15);
  await expect(signals.buckets("shop", "traffic", options)).rejects.toMatchObject({ code: "rejected" });
});

it("draws one line per version and says null where nothing was measured", async () => {
  const to = now();
  const lines = await signals.series("shop", "error-ratio", {
    from: new Date(to.getTime() - 2_000),
    to,
    stepSec: 1,
    versions: ["v42", "v99"],
  });
  expect(lines.map(({ label }) => label)).toEqual(["v42", "v99"]);
  expect(lines[0]?.points.map(({ value }) => value)).toEqual([0, 1]);
  expect(lines[1]?.points).toEqual([]);
});

it("gives a gauge per version", async () => {
  const values = await signals.values("shop", "saturation", {
    at: now(),
    windowSec: 5,
    versions: ["v41", "v42"],
  });
  expect([...values.keys()]).toEqual(["v41", "v42"]);
});

it("refuses to count a gauge, and names a signal that does not exist", async () => {
  const to = now();
  const options = { from: new Date(to.getTime() - 10_000), to, versions: ["v41"] };
  await expect(signals.counts("shop", "saturation", options)).rejects.toMatchObject({ code: "rejected" });
  await expect(signals.counts("shop", "nothing", options)).rejects.toMatchObject({
    code: "not_found",
    hint: expect.stringContaining("error-ratio"),
  });
});

it("says of a signal that never answers that it is late, and gives the others", async () => {
  const hanging: MetricsProviders = {
    ...rig.providers,
    of: (name) => {
      const real = rig.providers.of(name);
      return {
        ...real,
        instant: (query, options) =>
          query.kind === "rate" ? new Promise(() => undefined) : real.instant(query, options),
      };
    },
  };
  const readings = byName(
    await createSignalsApi(rig.platform, hanging).read("shop", {
      at: now(),
      windowSec: 10,
      deadlineMs: 500,
    }),
  );
  expect(readings.traffic).toMatchObject({ state: "late", deadlineMs: 500 });
  expect(readings["error-ratio"]).toMatchObject({ state: "ok" });
});

it("says what is missing and why instead of reading silence as health", async () => {
  const readings = await signals.read("shop", {
    at: new Date(now().getTime() + 600_000),
    windowSec: 10,
  });
  expect(readings.map(({ state }) => state)).toEqual(Array(5).fill("missing"));
});

it("names an instance that the catalog does not have", async () => {
  rig.catalog.providers.metrics = rig.catalog.providers.metrics.map((one) => ({ ...one, name: "other" }));
  rig.switchCatalog();
  const [reading] = await signals.read("shop", { at: now(), windowSec: 10 });
  expect(reading).toMatchObject({ state: "missing", why: expect.stringContaining("local-scrape") });
});
