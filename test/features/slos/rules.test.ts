import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { Slo } from "../../../src/catalog/schema.ts";
import { ruleFileText } from "../../../src/cli/slo-rules.ts";
import { boundMatcher } from "../../../src/features/slos/rules/expressions.ts";
import { promDuration, templateText } from "../../../src/features/slos/rules/names.ts";
import { type AlertingRule, rulesOf } from "../../../src/features/slos/rules.ts";
import { base, catalogOf, team } from "../../catalog/files.ts";
import { requireService } from "../../support/services.ts";
import { tempDir } from "../../support/temp-dir.ts";

const catalog = catalogOf(
  base,
  team,
  `slos:
  - name: checkout
    service: shop
    description: Checkouts {{ that }} work
    provider: prom
    indicator:
      kind: ratio
      total: { metric: requests_total }
      bad: { metric: requests_total, labels: { code: { matches: "5.." } } }
    objective: 99.9
    window: { rolling: 30d }
    userFacing: true
  - name: good
    service: shop
    provider: prom
    indicator: { kind: ratio, total: { metric: seen_total }, good: { metric: seen_total, labels: { ok: "yes" } } }
    objective: 99
    window: { rolling: 28d }
  - name: speed
    service: shop
    provider: prom
    indicator: { kind: latency, histogram: { metric: took_seconds }, threshold: 1 }
    objective: 95
    window: { rolling: 28d }
    userFacing: true
    alerting:
      - { severity: page, long: 1h, short: 5m, burn: 10 }
  - name: first
    service: shop
    provider: prom
    indicator:
      kind: ratio
      total: { metric: requests_total }
      bad: { metric: requests_total, labels: { code: { matches: "5.." } } }
    objective: 99.9
    window: { rolling: 30d }
    userFacing: true
    alerting:
      - { severity: page, long: 1h, short: 5m, burn: 14.4 }
  - name: up
    service: shop
    provider: prom
    indicator: { kind: availability, gauge: { metric: probe_success } }
    objective: 99
    window: { calendar: month, zone: Europe/Berlin }
  - name: custom
    service: shop
    provider: prom
    indicator: { kind: promql, total: "increase(jobs_total{$labels}[$window])", bad: "increase(jobs_bad{$labels}[$window])" }
    objective: 99
    window: { rolling: 7d }
  - name: sliced
    service: shop
    provider: prom
    indicator: { kind: ratio, total: { metric: asked_total }, bad: { metric: failed_total } }
    objective: 99
    window: { rolling: 7d }
    slices: { length: 5m, goodPercent: 90 }
`,
);
const rules = rulesOf(catalog, { publicUrl: "https://ops.example.com/" });
const alertsOf = (slo: string): AlertingRule[] =>
  rules.groups
    .filter(({ name }) => name === `quarterdeck-slo-${slo}`)
    .flatMap((group) => group.rules)
    .filter((rule): rule is AlertingRule => "alert" in rule);

describe("rules of the catalog's SLOs", () => {
  it("page only for what users feel; everything else is a ticket", () => {
    const severities = (slo: string) => alertsOf(slo).map((rule) => `${rule.alert} ${rule.labels.severity}`);
    expect(severities("checkout")).toEqual([
      "SloErrorBudgetBurn critical",
      "SloErrorBudgetBurn warning",
      "SloMetricsMissing warning",
    ]);
    expect(severities("good")).toEqual(["SloErrorBudgetBurn warning", "SloMetricsMissing warning"]);
  });

  it("ask for each row's burn times the budget, in 12 digits", () => {
    const [page, ticket] = alertsOf("checkout");
    expect(page?.expr).toContain('slo:errors:ratio_rate5m{quarterdeck_slo="checkout"} > 0.0144 and');
    expect(page?.expr).toContain('slo:errors:ratio_rate6h{quarterdeck_slo="checkout"} > 0.006 and');
    expect(page?.expr).toContain('slo:errors:rate1h{quarterdeck_slo="checkout"} * 3600 >= 5');
    expect(ticket?.expr).toContain('slo:errors:ratio_rate3d{quarterdeck_slo="checkout"} > 0.001)');
    expect(ticket?.expr).toContain('slo:errors:rate1h{quarterdeck_slo="checkout"} * 3600 < 5');
  });

  it("say whose they are, what happened and where to read on; braces in the catalog's words are words", () => {
    const [page] = alertsOf("checkout");
    expect(page?.labels).toEqual({
      quarterdeck_slo: "checkout",
      service: "shop",
      team: "storefront",
      severity: "critical",
    });
    expect(page?.annotations.description).toContain('Checkouts {{ "{{" }} that {{ "}}" }} work');
    expect(page?.annotations.description).toContain("burn 14.4x over 1h and 5m, 6x over 6h and 30m");
    const withRunbook = rulesOf(catalogOf(base, `${team}    runbooks: [down]\n`, oneSlo(99.9)), {
      publicUrl: "https://ops.example.com/",
    });
    const rule = withRunbook.groups[0]?.rules.find((one): one is AlertingRule => "alert" in one);
    expect(rule?.annotations).toMatchObject({
      runbook: "down",
      runbook_url: "https://ops.example.com/runbooks/down",
    });
  });

  it("stand in groups of different names, whatever the SLOs are called", () => {
    const slos = ["a", "a-budget", "budget-a"].map((name) => ({ ...catalog.slos[0], name }) as Slo);
    const names = rulesOf({ ...catalog, slos }).groups.map(({ name }) => name);
    expect(new Set(names).size).toBe(6);
  });

  it("are those of one service when asked", () => {
    expect(rulesOf(catalog, { service: "shop" }).groups).toHaveLength(14);
    expect(rulesOf(catalog, { service: "other" }).groups).toHaveLength(0);
  });

  it("leave no row that can never fire: it is refused by name", () => {
    const [slo] = catalog.slos;
    const low = {
      ...catalog,
      slos: [{ ...slo, name: "low", objective: 90 } as (typeof catalog.slos)[number]],
    };
    expect(rulesOf(low).refused).toEqual([
      {
        field: "slos.low.alerting.0",
        why: expect.stringMatching(/can never fire: at 90 % the burn rate stays under 10/),
      },
    ]);
    expect(rules.refused).toEqual([]);
  });
});

describe("the words of Prometheus", () => {
  it.each([
    [300_000, "5m"],
    [5_400_000, "1h30m"],
    [259_200_000, "3d"],
    [2_500, "2s500ms"],
  ])("%d ms is %s", (ms, text) => expect(promDuration(ms)).toBe(text));

  it.each([
    [0.25, "0.25"],
    [1, { matches: "1|1\\.0" }],
    [2_500_000, { matches: "2500000|2500000\\.0|2\\.5e\\+06" }],
  ])("the bucket bound %d is found however it is written", (bound, matcher) =>
    expect(boundMatcher(bound)).toEqual(matcher),
  );

  it("braces are escaped once", () => expect(templateText("a {{b}}")).toBe('a {{ "{{" }}b{{ "}}" }}'));
});

function oneSlo(objective: number): string {
  return `slos:
  - { name: one, service: shop, objective: ${objective}, window: { rolling: 30d }, userFacing: true, provider: prom,
      indicator: { kind: ratio, total: { metric: t_total }, bad: { metric: b_total } } }
`;
}

/** A test of promtool: series every `interval`, and what a query answers at a moment. */
interface Case {
  name: string;
  interval: string;
  input_series: { series: string; values: string }[];
  promql_expr_test: { expr: string; eval_time: string; exp_samples: { labels: string; value: number }[] }[];
}

const requests = (code: string, values: string) => ({
  series: `requests_total{service="shop",code="${code}"}`,
  values,
});
const firing = (slo: string, eval_time: string, ...severities: string[]) => ({
  expr: `sum by (severity) (ALERTS{alertname="SloErrorBudgetBurn",quarterdeck_slo="${slo}",alertstate="firing"})`,
  eval_time,
  exp_samples: severities.map((severity) => ({ labels: `{severity="${severity}"}`, value: 1 })),
});
const query = (expr: string, eval_time: string, value: number | null) => ({
  expr,
  eval_time,
  exp_samples: value === null ? [] : [{ labels: "{}", value }],
});
const missing = (slo: string, eval_time: string, isMissing: boolean) =>
  query(
    `sum(ALERTS{alertname="SloMetricsMissing",quarterdeck_slo="${slo}",alertstate="firing"})`,
    eval_time,
    isMissing ? 1 : null,
  );
/** Ratios as recorded, from burn rates at 99.9 %: of 5m,1h|30m,6h|2h,1d|6h,3d. No number is no series. */
const recorded = (burns: readonly number[], badInWindow = 1000): Case["input_series"] => {
  const labels = '{quarterdeck_slo="checkout",service="shop",team="storefront"}';
  const windows = ["5m", "1h", "30m", "6h", "2h", "1d", "6h", "3d"];
  const known = windows.map((window, index) => [window, burns[index] ?? 0] as const);
  return [...new Map(known.filter(([, burn]) => !Number.isNaN(burn)))].flatMap(([window, burn]) => [
    { series: `slo:errors:ratio_rate${window}${labels}`, values: `${burn / 1000}x3` },
    { series: `slo:errors:rate${window}${labels}`, values: `${badInWindow}x3` },
  ]);
};
const stands = (name: string, burns: number[], ...severities: string[]): Case => ({
  name,
  interval: "10s",
  input_series: recorded(burns),
  promql_expr_test: [firing("checkout", "20s", ...severities)],
});

/** Six samples a minute. */
const hour = 360;
const cases: Case[] = [
  {
    name: "at burn 1000 a row of 1h and 5m fires after 51.84 s and clears 295.68 s after the end",
    interval: "10s",
    input_series: [
      requests("200", `0+100x${hour} 36000x9 36100+100x60`),
      requests("500", `0x${hour} 100+100x9 1000x60`),
    ],
    promql_expr_test: [
      firing("first", "3640s"),
      firing("first", "3660s", "critical"),
      firing("first", "3980s", "critical"),
      firing("first", "4010s"),
    ],
  },
  {
    name: "at burn 50 it fires after 1036.8 s",
    interval: "10s",
    input_series: [requests("200", `0+1000x${hour} 360950+950x120`), requests("500", `0x${hour} 50+50x120`)],
    promql_expr_test: [firing("first", "4620s"), firing("first", "4660s", "critical")],
  },
  stands("row 1 pages", [20, 15, 12, 3, 8, 0.9, 3, 0.4], "critical"),
  stands("no row holds both its windows", [0, 20, 4, 4.5, 11, 1.2, 4.5, 0.5]),
  stands("row 2 pages", [7, 7, 6.5, 6.2, 6.6, 1.9, 6.2, 0.8], "critical"),
  stands("rows 3 and 4 are a ticket", [4, 3.6, 3.5, 3.3, 3.4, 3.1, 3.3, 1.5], "warning"),
  stands("exactly at its limit no row fires", [14.4, 14.4, 6, 6, 3, 3, 6, 1]),
  {
    name: "where windows are missing, the others decide, and the gap is an alert",
    interval: "10s",
    input_series: recorded([Number.NaN, 50, Number.NaN, 10, 50, 4, 10, 2]),
    promql_expr_test: [firing("checkout", "20s", "warning"), missing("checkout", "11m", true)],
  },
  {
    name: "one bad event of few is past the limit and only a ticket",
    interval: "10s",
    input_series: [requests("200", `0x30 1+1x30`), requests("500", "0x45 1x15")],
    promql_expr_test: [firing("first", "10m", "warning"), missing("first", "10m", false)],
  },
  {
    name: "without an error ever counted the ratio is 0, without traffic there is none, and neither is missing",
    interval: "10s",
    input_series: [requests("200", "0+10x60 600x90")],
    promql_expr_test: [
      query('sum(slo:errors:ratio_rate5m{quarterdeck_slo="first"})', "9m", 0),
      query('sum(slo:errors:ratio_rate5m{quarterdeck_slo="first"})', "24m", null),
      missing("first", "24m", false),
      firing("first", "24m"),
    ],
  },
  {
    name: "the whole window is weighed by events: 5 bad of 10, then none of 1000, is .00495",
    interval: "10s",
    input_series: [
      {
        series: 'slo:events:rate5m{quarterdeck_slo="checkout"}',
        values: "10 1000",
      },
      { series: 'slo:errors:rate5m{quarterdeck_slo="checkout"}', values: "5 0" },
    ],
    promql_expr_test: [
      query('round(sum(slo:errors:ratio_rate30d{quarterdeck_slo="checkout"}), 0.00001)', "10s", 0.00495),
    ],
  },
  {
    name: "a bound that the histogram lacks is missing data, not a service of slow events",
    interval: "10s",
    input_series: [
      { series: 'took_seconds_count{service="shop"}', values: "0+10x120" },
      { series: 'took_seconds_bucket{service="shop",le="0.5"}', values: "0+10x120" },
    ],
    promql_expr_test: [firing("speed", "20m"), missing("speed", "20m", true)],
  },
  {
    name: "a probe that fails a quarter of the time is a quarter bad, and counted in samples",
    interval: "10s",
    input_series: [
      { series: 'probe_success{service="shop",zone="a"}', values: "1x60" },
      { series: 'probe_success{service="shop",zone="b"}', values: "1x30 0x30" },
    ],
    promql_expr_test: [
      query('round(sum(slo:errors:ratio_rate5m{quarterdeck_slo="up"}), 0.1)', "10m", 0.5),
      query('round(sum(slo:events:rate5m{quarterdeck_slo="up"}) * 300, 10)', "10m", 60),
      missing("up", "10m", false),
      query('count(slo:period_burn_rate:ratio{quarterdeck_slo="up"})', "10m", null),
    ],
  },
  {
    name: "expressions of one's own count over each window",
    interval: "10s",
    input_series: [
      { series: 'jobs_total{service="shop",queue="a"}', values: "0+10x60" },
      { series: 'jobs_total{service="shop",queue="b"}', values: "0+10x60" },
      { series: 'jobs_total{service="other"}', values: "0+100x60" },
      { series: 'jobs_bad{service="shop",queue="b"}', values: "0+1x60" },
    ],
    promql_expr_test: [query('sum(slo:errors:ratio_rate5m{quarterdeck_slo="custom"})', "10m", 0.05)],
  },
  {
    name: "slices are counted instead of events: half the time bad is half, however few the events",
    interval: "10s",
    input_series: [
      { series: 'asked_total{service="shop"}', values: "0+1x90 91+100x90" },
      { series: 'failed_total{service="shop"}', values: "0+1x90 90x90" },
    ],
    promql_expr_test: [
      query('round(sum(slo:errors:ratio_rate30m{quarterdeck_slo="sliced"}), 0.1)', "30m", 0.5),
      missing("sliced", "30m", false),
    ],
  },
  {
    name: "what is not good is bad, from the first event on",
    interval: "10s",
    input_series: [{ series: 'seen_total{service="shop",ok="no"}', values: "0+10x60" }],
    promql_expr_test: [query('sum(slo:errors:ratio_rate5m{quarterdeck_slo="good"})', "9m", 1)],
  },
];

const prometheus = requireService("prometheus");
it.runIf(prometheus)("promtool accepts the rules, and they do as the formulas say", async () => {
  const dir = tempDir();
  const promtool = (...args: string[]) =>
    promisify(execFile)(join(dirname(prometheus ?? ""), "promtool"), args, { cwd: dir }).then(
      ({ stdout }) => stdout,
      (error: { stdout: string; stderr: string }) => `${error.stdout}${error.stderr}`,
    );
  writeFileSync(join(dir, "rules.yml"), ruleFileText(rules));
  expect(await promtool("check", "rules", "rules.yml")).toContain("SUCCESS");
  // Each case runs through the rules of the one SLO that it is about.
  const files = catalog.slos.map((slo) => {
    writeFileSync(
      join(dir, `${slo.name}.yml`),
      ruleFileText({ groups: rulesOf({ ...catalog, slos: [slo] }).groups }),
    );
    const tests = cases.filter((one) =>
      one.promql_expr_test.some(({ expr }) => expr.includes(`"${slo.name}"`)),
    );
    expect(tests.length).toBeGreaterThan(0);
    const file = { rule_files: [`${slo.name}.yml`], evaluation_interval: "10s", tests };
    writeFileSync(join(dir, `${slo.name}-test.yml`), stringify(file));
    return `${slo.name}-test.yml`;
  });
  const said = await promtool("test", "rules", ...files);
  expect(said).not.toContain("FAILED");
  expect(said.match(/SUCCESS/g)).toHaveLength(files.length);
});
