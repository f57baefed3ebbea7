import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { Catalog, Slo } from "../../../src/catalog/schema.ts";
import { sloSchema } from "../../../src/catalog/slos.ts";
import { exportOpenSlo, importOpenSlo } from "../../../src/features/slos/index.ts";
import { rfc1123 } from "../../../src/features/slos/openslo/export.ts";
import { countedOverWindow, counterOf, selectorOf } from "../../../src/features/slos/openslo/queries.ts";
import { base, catalogOf, team } from "../../catalog/files.ts";

const catalog = catalogOf(base, team);
const textOf = (slos: readonly Slo[]) =>
  exportOpenSlo({ ...catalog, slos: [...slos] } as Catalog)
    .map((document) => stringify(document, { lineWidth: 0 }))
    .join("---\n");

type Json = Record<string, unknown>;
const source = (query: string) => ({ metricSource: { type: "Prometheus", spec: { query } } });
const ratio = { counter: true, bad: source('sum(rate(bad_total{code=~"5.."}[5m]))'), total: source("total") };
const slo = (spec: Json = {}, metadata: Json = {}): Json => ({
  apiVersion: "openslo/v1",
  kind: "SLO",
  metadata: { name: "checkout", ...metadata },
  spec: {
    service: "shop",
    indicator: { metadata: { name: "i" }, spec: { ratioMetric: ratio } },
    timeWindow: [{ duration: "4w", isRolling: true }],
    budgetingMethod: "Occurrences",
    objectives: [{ target: 0.999 }],
    ...spec,
  },
});
const other = (kind: string, name: string, spec: Json): Json => ({
  apiVersion: "openslo/v1",
  kind,
  metadata: { name },
  spec,
});
const condition = (over: Json = {}, severity = "page"): Json => ({
  severity,
  condition: { kind: "burnrate", op: "gt", threshold: 2, lookbackWindow: "1h", alertAfter: "0m", ...over },
});
const policy = (spec: Json = condition()): Json => ({
  metadata: { name: "p" },
  spec: { alertWhenBreaching: true, conditions: [{ metadata: { name: "c" }, spec }] },
});
const indicator = (spec: Json): Json => ({ indicator: { spec } });

function imported(...documents: Json[]) {
  const { slos, notes, problems } = importOpenSlo(documents.map((one) => stringify(one)).join("---\n"));
  const lines = (all: readonly { field: string; message: string }[]) =>
    all.map(({ field, message }) => `${field} ${message}`);
  return { slos: slos as Json[], notes: lines(notes), problems: lines(problems) };
}

describe("an OpenSLO document against the specification is refused by its field", () => {
  it.each<[string, RegExp, Json[]]>([
    [
      "another version",
      /^SLO checkout: apiVersion is "openslo\/v1alpha", and only openslo\/v1/,
      [{ ...slo(), apiVersion: "openslo/v1alpha" }],
    ],
    ["no version", /apiVersion is missing/, [{ ...slo(), apiVersion: undefined }]],
    ["an unknown kind", /kind must be one of SLO, SLI, /, [{ ...slo(), kind: "Sloth" }]],
    ["a name that is no host name", /metadata\.name must be letters, digits/, [slo({}, { name: "a_b" })]],
    ["a name too long", /metadata\.name is longer than 63/, [slo({}, { name: "a".repeat(64) })]],
    [
      "labels of another form",
      /metadata\.labels\.a must be a text or a list/,
      [slo({}, { labels: { a: 1 } })],
    ],
    [
      "a description too long",
      /spec\.description is longer than 1050/,
      [slo({ description: "d".repeat(1051) })],
    ],
    ["no service", /spec\.service must be a name/, [slo({ service: undefined })]],
    [
      "indicator and indicatorRef",
      /spec\.indicatorRef stands beside indicator/,
      [slo({ indicatorRef: "i" })],
    ],
    ["no indicator", /spec\.indicatorRef is missing, and so is indicator/, [slo({ indicator: undefined })]],
    [
      "a reference to no SLI",
      /spec\.indicatorRef names SLI i, which is in no document/,
      [slo({ indicator: undefined, indicatorRef: "i" })],
    ],
    ["no window", /spec\.timeWindow is missing/, [slo({ timeWindow: undefined })]],
    [
      "two windows",
      /spec\.timeWindow must have exactly one/,
      [
        slo({
          timeWindow: [
            { duration: "1d", isRolling: true },
            { duration: "2d", isRolling: true },
          ],
        }),
      ],
    ],
    [
      "a window neither rolling nor of a calendar",
      /timeWindow\.0\.calendar is missing/,
      [slo({ timeWindow: [{ duration: "1d" }] })],
    ],
    [
      "a window both",
      /timeWindow\.0\.calendar stands beside/,
      [
        slo({
          timeWindow: [
            {
              duration: "1d",
              isRolling: true,
              calendar: { startTime: "2026-01-01 00:00:00", timeZone: "UTC" },
            },
          ],
        }),
      ],
    ],
    [
      "a start of another form",
      /calendar\.startTime must be written YYYY/,
      [slo({ timeWindow: [{ duration: "1M", calendar: { startTime: "2026-01-01", timeZone: "UTC" } }] })],
    ],
    [
      "a zone nobody knows",
      /calendar\.timeZone is not an IANA/,
      [
        slo({
          timeWindow: [
            { duration: "1M", calendar: { startTime: "2026-01-01 00:00:00", timeZone: "Mars/Base" } },
          ],
        }),
      ],
    ],
    [
      "a duration of another form",
      /timeWindow\.0\.duration "30s" is not a time of OpenSLO/,
      [slo({ timeWindow: [{ duration: "30s", isRolling: true }] })],
    ],
    ["another budgeting method", /budgetingMethod must be Occurrences/, [slo({ budgetingMethod: "Events" })]],
    ["no objective", /spec\.objectives is empty/, [slo({ objectives: [] })]],
    [
      "a target of 1",
      /objectives\.0\.target must be 0 or more and below 1/,
      [slo({ objectives: [{ target: 1 }] })],
    ],
    [
      "a percentage of 100",
      /objectives\.0\.targetPercent must be 0 or more and below 100/,
      [slo({ objectives: [{ targetPercent: 100 }] })],
    ],
    [
      "target and targetPercent",
      /objectives\.0\.targetPercent stands beside target/,
      [slo({ objectives: [{ target: 0.9, targetPercent: 90 }] })],
    ],
    [
      "neither of them",
      /objectives\.0\.target is missing, and so is targetPercent/,
      [slo({ objectives: [{}] })],
    ],
    [
      "an indicator per objective",
      /objectives\.0\.indicatorRef makes a composite SLO/,
      [slo({ objectives: [{ target: 0.9, indicatorRef: "i" }] })],
    ],
    [
      "a weight of a composite",
      /objectives\.0\.compositeWeight makes a composite SLO/,
      [slo({ objectives: [{ target: 0.9, compositeWeight: 1 }] })],
    ],
    [
      "op without a threshold metric",
      /objectives\.0\.op is for thresholdMetric/,
      [slo({ objectives: [{ target: 0.9, op: "lt" }] })],
    ],
    [
      "a threshold metric without value",
      /objectives\.0\.value is missing/,
      [
        slo({
          ...indicator({ thresholdMetric: source("latency") }),
          objectives: [{ target: 0.9, op: "lt" }],
        }),
      ],
    ],
    [
      "a threshold metric with two objectives",
      /spec\.objectives has several/,
      [
        slo({
          ...indicator({ thresholdMetric: source("latency") }),
          objectives: [
            { target: 0.9, op: "lt", value: 1 },
            { target: 0.99, op: "lt", value: 1 },
          ],
        }),
      ],
    ],
    [
      "slices without their target",
      /objectives\.0\.timeSliceTarget is missing; Timeslices/,
      [slo({ budgetingMethod: "Timeslices", objectives: [{ target: 0.9, timeSliceWindow: "5m" }] })],
    ],
    [
      "slices that nobody asked for",
      /timeSliceWindow is for Timeslices/,
      [slo({ objectives: [{ target: 0.9, timeSliceWindow: 5 }] })],
    ],
    [
      "thresholdMetric and ratioMetric",
      /spec\.indicator\.spec\.ratioMetric stands beside thresholdMetric/,
      [slo(indicator({ thresholdMetric: source("x"), ratioMetric: ratio }))],
    ],
    ["neither of the two", /ratioMetric is missing, and so is thresholdMetric/, [slo(indicator({}))]],
    [
      "good and bad",
      /ratioMetric\.bad stands beside good/,
      [slo(indicator({ ratioMetric: { ...ratio, good: source("g") } }))],
    ],
    [
      "neither good nor bad",
      /ratioMetric\.bad is missing, and so is good/,
      [slo(indicator({ ratioMetric: { counter: true, total: source("t") } }))],
    ],
    [
      "no total",
      /ratioMetric\.total is missing, and so is raw/,
      [slo(indicator({ ratioMetric: { counter: true, bad: source("t") } }))],
    ],
    [
      "raw beside total",
      /ratioMetric\.total stands beside raw/,
      [slo(indicator({ ratioMetric: { raw: source("r"), rawType: "success", total: source("t") } }))],
    ],
    [
      "raw without its type",
      /ratioMetric\.rawType is missing/,
      [slo(indicator({ ratioMetric: { raw: source("r") } }))],
    ],
    [
      "a source of no type",
      /metricSource\.type is missing, and so is metricSourceRef/,
      [slo(indicator({ ratioMetric: { ...ratio, total: { metricSource: { spec: { query: "t" } } } } }))],
    ],
    [
      "a policy with two conditions",
      /alertPolicies\.0\.spec\.conditions must have exactly one/,
      [
        slo({
          alertPolicies: [
            { metadata: { name: "p" }, spec: { conditions: [{ conditionRef: "a" }, { conditionRef: "b" }] } },
          ],
        }),
      ],
    ],
    [
      "a policy nobody wrote",
      /alertPolicyRef names AlertPolicy p, which is in no document/,
      [slo({ alertPolicies: [{ alertPolicyRef: "p" }] })],
    ],
    [
      "a condition nobody wrote",
      /conditionRef names AlertCondition c, which is in no document/,
      [slo({ alertPolicies: [{ metadata: { name: "p" }, spec: { conditions: [{ conditionRef: "c" }] } }] })],
    ],
    [
      "a condition of another kind",
      /condition\.kind must be burnrate/,
      [slo({ alertPolicies: [policy(condition({ kind: "errors" }))] })],
    ],
    [
      "a condition without severity",
      /spec\.severity is missing/,
      [slo({ alertPolicies: [policy({ ...condition(), severity: undefined })] })],
    ],
    [
      "two documents of one name",
      /document 2: metadata\.name is SLO checkout again, first in document 1/,
      [slo(), slo()],
    ],
    ["no SLO at all", /kind no document is an SLO/, [other("Service", "shop", {})]],
  ])("%s", (_what, message, documents) => {
    const { slos, problems } = imported(...documents);
    expect(problems.join("\n")).toMatch(message);
    expect(slos).toEqual([]);
  });

  it.each([
    ["no YAML", "a: [", /^document 1 is not valid YAML/],
    [
      "a bomb of aliases",
      `a: &a [x]\n${Array.from({ length: 200 }, (_, i) => `k${i}: *a`).join("\n")}`,
      /cannot be read/,
    ],
    ["nothing", "", /holds no OpenSLO document/],
    ["a list", "- 1", /document 1/],
  ])("%s", (_what, text, message) => {
    const [problem] = importOpenSlo(text).problems;
    expect(`${problem?.field} ${problem?.message}`).toMatch(message);
  });
});

describe("an OpenSLO document becomes an SLO of the catalog", () => {
  it("with its counters, objective and window, and the standard rows", () => {
    const { slos, notes } = imported(slo());
    expect(slos).toEqual([
      {
        name: "checkout",
        service: "shop",
        indicator: {
          kind: "ratio",
          bad: { metric: "bad_total", labels: { code: { matches: "5.." } } },
          total: { metric: "total", labels: {} },
        },
        objective: 99.9,
        window: { rolling: "28d" },
      },
    ]);
    expect(notes).toEqual([]);
  });

  it.each<[string, Json, Json]>([
    [
      "a calendar month",
      {
        timeWindow: [
          { duration: "1M", calendar: { startTime: "2026-01-01 00:00:00", timeZone: "Europe/Berlin" } },
        ],
      },
      { window: { calendar: "month", zone: "Europe/Berlin", start: "2026-01-01" } },
    ],
    [
      "a quarter that begins in the morning",
      {
        timeWindow: [
          {
            duration: "1Q",
            isRolling: false,
            calendar: { startTime: "2026-01-01 06:30:00", timeZone: "UTC" },
          },
        ],
      },
      { window: { calendar: "quarter", zone: "UTC", start: "2026-01-01T06:30" } },
    ],
    [
      "a rolling quarter, by rule of thumb",
      { timeWindow: [{ duration: "1Q", isRolling: true }] },
      { window: { rolling: "91d" } },
    ],
    [
      "time slices in minutes",
      {
        budgetingMethod: "Timeslices",
        objectives: [{ targetPercent: 99, timeSliceTarget: 0.95, timeSliceWindow: 10 }],
      },
      { slices: { length: "10m", goodPercent: 95 }, objective: 99 },
    ],
    [
      "a histogram's bucket of its count",
      indicator({
        ratioMetric: {
          counter: true,
          good: source('sum(rate(t_bucket{le="0.3",a="b"}[{{.window}}]))'),
          total: source("sum(increase(t_count{a='b'}[5m]))"),
        },
      }),
      { indicator: { kind: "latency", histogram: { metric: "t", labels: { a: "b" } }, threshold: 0.3 } },
    ],
    [
      "a ready-made success ratio",
      indicator({ ratioMetric: { raw: source("probe_success"), rawType: "success" } }),
      { indicator: { kind: "availability", gauge: { metric: "probe_success", labels: {} } } },
    ],
    [
      "a ready-made failure ratio",
      indicator({ ratioMetric: { raw: source("probe_failed"), rawType: "failure" } }),
      {
        indicator: {
          kind: "promql",
          total: "sum(count_over_time(probe_failed[$window]))",
          bad: "sum(sum_over_time(probe_failed[$window]))",
        },
      },
    ],
    [
      "queries of one's own, over any window",
      indicator({
        ratioMetric: {
          counter: true,
          bad: source('sum(rate(a[5m])) + sum(rate(b{x="[1m]"}[5m]))'),
          total: source("sum(rate(t[5m]))"),
        },
      }),
      {
        indicator: {
          kind: "promql",
          bad: 'sum(increase(a[$window])) + sum(increase(b{x="[1m]"}[$window]))',
          total: "sum(increase(t[$window]))",
        },
      },
    ],
    [
      "a threshold, in minutes",
      {
        ...indicator({ thresholdMetric: source("p99_seconds") }),
        objectives: [{ target: 0.9, op: "lte", value: 0.5 }],
      },
      {
        indicator: {
          kind: "promql",
          total: "sum(count_over_time((p99_seconds)[$window:1m]))",
          good: "sum(sum_over_time(((p99_seconds) <= bool 0.5)[$window:1m]))",
        },
      },
    ],
    [
      "one burn rate as a row with a short window",
      { alertPolicies: [policy()] },
      { alerting: [{ severity: "page", long: "1h", short: "5m", burn: 2 }] },
    ],
    [
      "other severities as tickets",
      { alertPolicies: [policy(condition({}, "sev3"))] },
      { alerting: [{ severity: "ticket", long: "1h", short: "5m", burn: 2 }] },
    ],
  ])("with %s", (_what, spec, expected) => {
    const { slos, problems } = imported(slo(spec));
    expect(problems).toEqual([]);
    expect(slos[0]).toMatchObject(expected);
    expect(sloSchema.safeParse(slos[0]).error).toBeUndefined();
  });

  it("from a list of documents too", () => {
    const { slos, problems } = importOpenSlo(stringify([slo(), other("Service", "shop", {})]));
    expect([slos.length, problems]).toEqual([1, []]);
    expect(importOpenSlo(stringify([slo(), 1])).problems[0]?.field).toBe("document 1, entry 2");
  });

  it("by references to documents in the same file, whatever their order", () => {
    const { slos, notes } = imported(
      slo({ indicator: undefined, indicatorRef: "sli", alertPolicies: [{ alertPolicyRef: "fast" }] }),
      other("AlertCondition", "burn", condition()),
      other("AlertPolicy", "fast", {
        conditions: [{ conditionRef: "burn" }],
        notificationTargets: [{ targetRef: "mail" }],
      }),
      other("SLI", "sli", {
        ratioMetric: { ...ratio, total: { metricSource: { metricSourceRef: "main", spec: { query: "t" } } } },
      }),
      other("DataSource", "main", { type: "Prometheus", connectionDetails: { token: "hunter2" } }),
      other("AlertNotificationTarget", "mail", { target: "email" }),
      other("Service", "shop", {}),
      other("SLI", "lonely", { ratioMetric: ratio }),
    );
    expect(slos[0]).toMatchObject({ provider: "main", alerting: [{ burn: 2 }] });
    expect(notes.join("\n")).toMatch(/DataSource main: spec\.connectionDetails was not copied/);
    expect(notes.join("\n")).toMatch(/AlertNotificationTarget mail: spec\.target has no place/);
    expect(notes.join("\n")).toMatch(/SLI lonely: no SLO here refers to it/);
    expect(notes.join("\n")).toMatch(/Service shop: the catalog declares services itself/);
    expect(JSON.stringify({ slos, notes })).not.toContain("hunter2");
  });

  it.each<[string, RegExp, Json, Json?]>([
    ["labels and display names", /metadata\.labels has no place/, {}, { labels: { team: ["a", "b"] } }],
    ["annotations of others", /annotations\.x\/y has no place/, {}, { annotations: { "x/y": "z" } }],
    ["fields of later versions", /spec\.later is no field of OpenSLO v1/, { later: 1 }],
    [
      "a second objective, which becomes an SLO",
      /objectives\.1 became an SLO of its own, checkout-2/,
      { objectives: [{ target: 0.9 }, { target: 0.99 }] },
    ],
    [
      "a low burn that was meant high",
      /condition\.op is lte, which asks for a low burn/,
      { alertPolicies: [policy(condition({ op: "lte" }))] },
    ],
    [
      "a wait before alerting",
      /condition\.alertAfter was left out/,
      { alertPolicies: [policy(condition({ alertAfter: "5m" }))] },
    ],
    [
      "an alert that does not tell",
      /alertWhenNoData is false/,
      {
        alertPolicies: [
          { metadata: { name: "p" }, spec: { alertWhenNoData: false, conditions: [{ spec: condition() }] } },
        ],
      },
    ],
    ["that only what users feel pages", /only with userFacing: true/, { alertPolicies: [policy()] }],
    [
      "a description longer than the catalog's",
      /spec\.description was cut to 500/,
      { description: "d".repeat(600) },
    ],
    [
      "seconds of a start",
      /startTime lost its seconds/,
      { timeWindow: [{ duration: "1M", calendar: { startTime: "2026-01-01 00:00:30", timeZone: "UTC" } }] },
    ],
  ])("naming %s", (_what, message, spec, metadata) => {
    const { slos, notes } = imported(slo(spec, metadata));
    expect(notes.join("\n")).toMatch(message);
    expect(slos.length).toBeGreaterThan(0);
  });

  it.each<[string, RegExp, Json]>([
    [
      "a mean of ratios",
      /budgetingMethod is RatioTimeslices/,
      {
        budgetingMethod: "RatioTimeslices",
        objectives: [{ target: 0.9, timeSliceTarget: 0.9, timeSliceWindow: 5 }],
      },
    ],
    [
      "another metrics system",
      /total\.metricSource\.type is Datadog, and only Prometheus/,
      indicator({
        ratioMetric: { ...ratio, total: { metricSource: { type: "Datadog", spec: { query: "t" } } } },
      }),
    ],
    [
      "a source without a query",
      /total\.metricSource\.spec\.query is missing/,
      indicator({ ratioMetric: { ...ratio, total: { metricSource: { type: "Prometheus", spec: {} } } } }),
    ],
    [
      "a query that counts over no window",
      /total\.metricSource\.spec\.query is not a plain counter/,
      indicator({ ratioMetric: { ...ratio, total: source("a + b") } }),
    ],
    [
      "a gauge for a counter",
      /counter: false says that it is no counter/,
      indicator({ ratioMetric: { ...ratio, counter: false } }),
    ],
    [
      "a ratio that is computed",
      /raw\.metricSource\.spec\.query is not a plain series/,
      indicator({ ratioMetric: { raw: source("a / b"), rawType: "success" } }),
    ],
    [
      "two months of a calendar",
      /duration is not one day, week, month/,
      { timeWindow: [{ duration: "2M", calendar: { startTime: "2026-01-01 00:00:00", timeZone: "UTC" } }] },
    ],
    [
      "a target under 1 %",
      /spec\.objectives\.0 cannot be in the catalog/,
      { objectives: [{ target: 0.001 }] },
    ],
    [
      "a short window without rows",
      /spec\.alertPolicies cannot be in the catalog/,
      { timeWindow: [{ duration: "1d", isRolling: true }] },
    ],
  ])("not at all, saying why, with %s", (_what, message, spec) => {
    const { slos, notes, problems } = imported(slo(spec));
    expect([slos, problems]).toEqual([[], []]);
    expect(notes.join("\n")).toMatch(message);
  });
});

describe("PromQL in OpenSLO", () => {
  it.each([
    ["m", { metric: "m", labels: {} }],
    ["m{}", { metric: "m", labels: {} }],
    [
      `m { a = "b" , c!='d', e=~\`f\\.g\`, h!~"i\\"j", }`,
      { metric: "m", labels: { a: "b", c: { not: "d" }, e: { matches: "f\\.g" }, h: { notMatches: 'i"j' } } },
    ],
    ["m[5m]", undefined],
    ['m{a="b",a!="c"}', undefined],
    ["m{a}", undefined],
    ["m + n", undefined],
    ['{__name__="m"}', undefined],
  ])("%s as a selector", (text, selector) => expect(selectorOf(text)).toEqual(selector));

  it.each([
    ["sum(rate(m[5m]))", "m"],
    ["sum( increase( m[$__range] ) )", "m"],
    ["rate(m[1h])", "m"],
    ["sum(m)", "m"],
    ["sum by (a) (rate(m[5m]))", undefined],
    ["sum(rate(m[5m])) / sum(rate(n[5m]))", undefined],
    ["sum(rate(m[5m]) + rate(n[5m]))", undefined],
    ["max(m)", undefined],
  ])("%s as a counter", (text, metric) => expect(counterOf(text)?.metric).toBe(metric));

  it.each([
    ["sum(rate(m[5m])) + 1", "sum(increase(m[$window])) + 1"],
    ["sum(irate(m[5m]))", undefined],
    ["sum(rate(m[5m] offset 1h))", undefined],
    ["max_over_time(m[1h:5m])", undefined],
    ["m", undefined],
  ])("%s over any window", (text, counted) => expect(countedOverWindow(text)).toBe(counted));
});

const label = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/);
const word = fc.string({ maxLength: 12 }).filter((text) => text.isWellFormed());
const matcher = fc.oneof(
  word,
  word.map((not) => ({ not })),
  fc.constantFrom("5..", "a|b", "x\\.y").map((matches) => ({ matches })),
  fc.constantFrom("4..").map((notMatches) => ({ notMatches })),
);
const selector = fc.record({
  metric: fc.stringMatching(/^[a-z][a-z0-9_:]{0,12}$/),
  labels: fc.dictionary(label, matcher, { maxKeys: 3 }),
});
const histogram = selector.map(({ metric, labels }) => ({ metric: `${metric}_seconds`, labels }));
const part = fc.constantFrom("good", "bad");
const span = fc.integer({ min: 1, max: 500_000 });
const seconds = (sec: number) => `${sec}s`;
const anySlo = fc
  .record(
    {
      name: fc.stringMatching(/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,50}[a-z0-9])?$/),
      service: fc.constantFrom("shop", "Shop_2", "a.b"),
      description: fc.stringMatching(/^[a-z][a-z ]{0,30}[a-z]$/),
      provider: fc.constantFrom("prom", "direct"),
      indicator: fc.oneof(
        fc
          .tuple(part, selector, selector)
          .map(([which, some, total]) => ({ kind: "ratio", total, [which]: some })),
        fc
          .tuple(histogram, fc.double({ min: 0.001, max: 1e7, noNaN: true }))
          .map(([own, threshold]) => ({ kind: "latency", histogram: own, threshold })),
        selector.map((gauge) => ({ kind: "availability", gauge })),
        fc.tuple(part, word, word).map(([which, some, total]) => ({
          kind: "promql",
          total: `${total}$window`,
          [which]: `${some}[$window]{$labels}`,
        })),
      ),
      objective: fc.integer({ min: 100, max: 9_999 }).map((hundredths) => hundredths / 100),
      window: fc.oneof(
        span.map((sec) => ({ rolling: seconds(sec) })),
        fc.record({
          calendar: fc.constantFrom("day", "week", "month", "quarter", "year"),
          zone: fc.constantFrom("UTC", "Europe/Berlin"),
          start: fc.constantFrom("2026-01-01", "2026-02-03T04:05"),
        }),
      ),
      slices: fc.record({
        length: fc.integer({ min: 100_000, max: 900_000 }).map(seconds),
        goodPercent: fc.integer({ min: 1, max: 100 }),
      }),
      owner: fc.constantFrom("olive", "storefront"),
      dependencies: fc.constantFrom([], ["a"], ["a", "b"]),
      policy: fc.constantFrom("enforce", "inform"),
      userFacing: fc.boolean(),
      alerting: fc.array(
        fc
          .tuple(fc.constantFrom("page", "ticket"), span, span, fc.integer({ min: 1, max: 1_000 }))
          .map(([severity, a, b, burn]) => ({
            severity,
            short: seconds(Math.min(a, b)),
            long: seconds(Math.max(a, b) + 1),
            burn: burn / 10,
          })),
        { minLength: 1, maxLength: 4 },
      ),
      minBad: fc.integer({ min: 1, max: 50 }),
    },
    { requiredKeys: ["name", "service", "indicator", "objective", "window", "alerting"] },
  )
  .map((entry) => sloSchema.safeParse(entry))
  .filter((checked) => checked.success)
  .map((checked) => checked.data as Slo);

describe("export", () => {
  it("then import gives the same SLO, whatever it is", () => {
    fc.assert(
      fc.property(anySlo, (original) => {
        const { slos, problems } = importOpenSlo(textOf([original]));
        expect(problems).toEqual([]);
        expect(sloSchema.parse(slos[0])).toEqual(original);
      }),
      { numRuns: 60 },
    );
  });

  it("believes the document where somebody changed it after", () => {
    const [original] = catalogOf(
      base,
      team,
      `slos:
  - { name: a, service: shop, objective: 99, window: { rolling: 28d }, minBad: 9, userFacing: true,
      indicator: { kind: ratio, total: { metric: t }, bad: { metric: b } },
      alerting: [{ severity: page, long: 1h, short: 5s, burn: 3 }] }
`,
    ).slos;
    const text = textOf([original as Slo]);
    const changed = text
      .replace("sum(b{", "sum(c{")
      .replace("threshold: 3", "threshold: 4")
      .replace("duration: 28d", "duration: 30d");
    const { slos, notes } = importOpenSlo(changed);
    expect(slos[0]).toMatchObject({
      indicator: { bad: { metric: "c", labels: { service: "shop" } } },
      alerting: [{ long: "1h", short: "5m", burn: 4 }],
      window: { rolling: "30d" },
      minBad: 9,
      userFacing: true,
    });
    expect(notes.map(({ field }) => field).join("\n")).toMatch(/annotations\.quarterdeck\/indicator/);
    expect(importOpenSlo(text).slos[0]).toMatchObject({
      alerting: [{ short: "5s" }],
      indicator: { bad: { labels: {} } },
    });
  });

  it("names nothing twice and nothing that OpenSLO would refuse", () => {
    expect(["shop", "a.b", "A-b", "a_b", "x".repeat(63)].map(rfc1123)).toEqual([
      "shop",
      expect.stringMatching(/^a-b-[0-9a-f]{6}$/),
      expect.stringMatching(/^a-b-[0-9a-f]{6}$/),
      expect.stringMatching(/^a-b-[0-9a-f]{6}$/),
      "x".repeat(63),
    ]);
    expect(new Set(["a.b", "A-b", "a_b"].map(rfc1123)).size).toBe(3);
  });
});
