import { describe, expect, it } from "vitest";
import { base, problems, read, readAt, team } from "./files.ts";

const latency = "indicator: { kind: latency, histogram: { metric: h }, threshold: 0.5 }";
const slo = (more: string) =>
  `slos:\n  - { name: fast, service: shop, ${latency}, window: { rolling: 28d }, ${more} }\n`;
const windowOf = (text: string) => slo("objective: 99").replace("rolling: 28d", text);
const resource = (policy: string) =>
  `resources:\n  - name: orders-db\n    accessor: pg\n    roles:\n      - name: ro\n        grants: read\n        terms: { grantRole: app_ro }\n        policy: ${policy}\n`;

it("takes a catalog whose names all lead somewhere", () => {
  expect(
    problems(
      base,
      team,
      slo("objective: 99.9"),
      resource("{ requesters: [storefront], approvers: [storefront] }"),
    ),
  ).toEqual([]);
});

describe("names that lead nowhere", () => {
  it.each([
    [
      "team",
      "services:\n  - { name: a, team: storefrnt, dri: olive }\n",
      'services.a.team: names team "storefrnt", which is not declared; did you mean storefront?',
    ],
    [
      "person",
      "services:\n  - { name: a, team: storefront, dri: nobody-at-all }\n",
      'services.a.dri: names person "nobody-at-all", which is not declared; declare it',
    ],
    [
      "channel",
      "services:\n  - { name: a, team: storefront, dri: olive, alertChannel: opps }\n",
      "did you mean ops?",
    ],
    [
      "dependency",
      "services:\n  - { name: a, team: storefront, dri: olive, dependencies: [shopp] }\n",
      "services.a.dependencies.0: names service",
    ],
    [
      "metrics instance",
      "services:\n  - { name: a, team: storefront, dri: olive, metrics: promm }\n",
      'names metrics instance "promm"',
    ],
    [
      "traffic instance",
      "services:\n  - { name: a, team: storefront, dri: olive, traffic: { provider: rooter, initialVersion: v1, versions: [{ name: v1, url: 'http://x' }] } }\n",
      "did you mean router?",
    ],
    [
      "accessor",
      "resources:\n  - { name: r, accessor: mysql, roles: [{ name: ro, grants: read, terms: { grantRole: x }, policy: { requesters: [storefront], approvers: [storefront] } }] }\n",
      'names accessor instance "mysql"',
    ],
    [
      "ticketing instance",
      "services:\n  - { name: a, team: storefront, dri: olive, ticketing: jira }\n",
      'services.a.ticketing: names ticketing instance "jira"',
    ],
    [
      "time that may be none, written in words",
      "policies: { alerts: { joinWithin: none, groupWait: 0s } }\n",
      'policies.alerts.joinWithin: "none" is not a time; write 5s, 15m, 1h30m or 28d, or 0s for none',
    ],
    [
      "pager for Quarterdeck's own trouble",
      "policies: { watch: { pagers: [phone] } }\n",
      'policies.watch.pagers.0: names pager "phone", but none is declared; declare it',
    ],
    [
      "hook source of a watchdog",
      "hookSources:\n  - { name: am, kind: alertmanager, team: storefront }\nwatchdogs:\n  - { name: w, source: amm, labels: { a: b }, every: 5m, team: storefront }\n",
      'watchdogs.w.source: names hook source "amm", which is not declared; did you mean am?',
    ],
    [
      "service of an SLO",
      slo("objective: 99").replace("service: shop", "service: shpo"),
      "slos.fast.service: names service",
    ],
    [
      "approver",
      resource("{ requesters: [storefront], approvers: [nobody-here] }"),
      "resources.orders-db.roles.ro.policy.approvers.0: names team",
    ],
    [
      "team of a hook",
      "hookSources:\n  - { name: h, kind: grafana, team: x-y-z }\n",
      "hookSources.h.team: names team",
    ],
    [
      "Slack team",
      "people:\n  - { id: p, name: P, slack: { T0X: U0NINE } }\n",
      "people.p.slack.T0X: names Slack team T0X",
    ],
    [
      "lead",
      "teams:\n  - { name: t, leads: [lenna], alertChannel: ops, leadsChannel: ops }\n",
      "teams.t.leads.0: names person",
    ],
  ])("are named for a %s", (_, text, expected) => {
    const found = problems(base, team, text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^c\.yaml:\d+: /);
    expect(found[0]).toContain(expected);
  });
});

const pagers = `policies:
  watch: { pagers: [phone] }
hookSources:
  - { name: pd, kind: pagerduty, team: storefront }
providers:
  pagers:
    - { name: phone, kind: pagerduty, routingKeyEnv: PD_KEY, hookSource: pd }
`;
const layered = (layers: string, more = "") =>
  team.replace(/onCall: .*\n/, `onCall: { layers: [${layers}] }\n${more === "" ? "" : `    ${more}\n`}`);
const always = '{ name: all, rotation: [olive, lena], start: "2026-03-23T09:00", zone: UTC }';

describe("schedules and paging providers", () => {
  it("take layers, restrictions, providers and steps that lead somewhere, and then warn of nothing", () => {
    const office =
      '{ name: office, rotation: [olive], rotate: 12h, start: "2026-03-23T09:00", zone: Europe/Berlin, during: [{ days: [mon, tue], from: "09:00", to: "17:00" }] }';
    const more =
      "pagers: [phone]\n    escalation: [{ after: 5m, wake: next }, { after: 10m, wake: leads }, { after: 5m, pager: phone }]";
    const result = readAt(base, pagers, layered(`${office}, ${always}`, more));
    expect(result.ok && result.warnings).toEqual([]);
  });

  it("warn of hours that nobody covers in the next four weeks, in the schedule's zone", () => {
    const office =
      '{ name: office, rotation: [olive], start: "2026-03-23T09:00", zone: Europe/Berlin, during: [{ days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "23:00" }] }';
    const result = readAt(base, pagers, layered(office, "pagers: [phone]"));
    expect(result.ok && result.warnings.map(({ field, message }) => `${field}: ${message}`)).toEqual([
      "teams.storefront.onCall: leaves nobody on call in the next 4 weeks (Europe/Berlin): Mon 2 Mar 23:00 to Tue 3 Mar 00:00; Tue 3 Mar 23:00 to Wed 4 Mar 00:00; Wed 4 Mar 23:00 to Thu 5 Mar 00:00 and 25 more; its leads are paged then",
    ]);
  });

  it.each([
    ["a pager nobody declares", layered(always, "pagers: [phon]"), "did you mean phone?"],
    [
      "a step to a pager nobody declares",
      layered(always, "escalation: [{ after: 5m, pager: nobodys-at-all }]"),
      'teams.storefront.escalation.0.pager: names pager "nobodys-at-all"',
    ],
    [
      "a step that wakes nobody",
      layered(always, "escalation: [{ after: 5m }]"),
      "teams.storefront.escalation.0: needs either wake or pager",
    ],
    [
      "somebody in a layer whom nobody knows",
      layered(always.replace("lena", "lenna")),
      "teams.storefront.onCall.layers.all.rotation.1: names person",
    ],
    [
      "a day that does not exist",
      layered(always.replace("2026-03-23", "2026-06-31")),
      'teams.storefront.onCall.layers.all.start: "2026-06-31T09:00" is not a date and time',
    ],
    [
      "two layers of one name",
      layered(`${always}, ${always}`),
      'teams.storefront.onCall.layers.all.name: "all" stands twice',
    ],
    [
      "a rotation beside layers",
      team.replace("onCall: { ", `onCall: { layers: [${always}], `),
      "teams.storefront.onCall.rotation: stands beside layers; move it into one",
    ],
    ["a schedule of nothing", team.replace(/onCall: .*/, "onCall: {}"), "is missing; add it, or layers"],
    [
      "a turn of half an hour",
      layered(always.replace("zone: UTC", "zone: UTC, rotate: 30m")),
      "must be daily, weekly or a number of hours such as 12h",
    ],
    [
      "a time of day past the day",
      layered(always.replace("zone: UTC", 'zone: UTC, during: [{ from: "09:00", to: "25:00" }]')),
      "must be a time of day such as 09:00",
    ],
    [
      "a hook source of another system",
      pagers.replace("kind: pagerduty, team", "kind: opsgenie, team"),
      "providers.pagers.phone.hookSource: names a source of kind opsgenie, which tells nothing of pagerduty",
    ],
    [
      "a hook source nobody declares",
      pagers.replace("hookSource: pd", "hookSource: pdd"),
      "did you mean pd?",
    ],
  ])("name %s", (_, text, expected) => {
    const files = text.includes("providers:") ? [base, team, text] : [base, pagers, text];
    expect(problems(...files).join("\n")).toContain(expected);
  });
});

describe("numbers that do not fit each other", () => {
  it.each([
    ["objective 100", slo("objective: 100"), "leaves no error budget"],
    ["objective 0.999", slo("objective: 0.999"), "looks like a ratio; write percent: 99.9, not 0.999"],
    ["objective 0", slo("objective: 0"), "must be above 0 percent"],
    [
      "a row that can never fire",
      slo("objective: 93, alerting: [{ severity: page, long: 1h, short: 5m, burn: 14.4 }]"),
      "slos.fast.alerting.0.burn: can never fire: at 93 % the burn rate stays under 14.2857142857",
    ],
    ["standard rows that can never fire", slo("objective: 90"), "can never fire"],
    [
      "a short window longer than the long one",
      slo("objective: 99, alerting: [{ severity: page, long: 5m, short: 5m, burn: 2 }]"),
      "must be shorter than long",
    ],
    [
      "a row longer than the SLO",
      slo("objective: 99, alerting: [{ severity: page, long: 30d, short: 5m, burn: 2 }]"),
      "is longer than the SLO's window, 28d",
    ],
    [
      "standard rows on a short window",
      slo("objective: 99").replace("28d", "1d"),
      "the standard rows need a window of 7d or more",
    ],
    [
      "a window past what a scrape instance keeps",
      slo("objective: 99").replace("28d", "36d"),
      "slos.fast.window.rolling: must be at most 35d: direct keeps samples for as long",
    ],
    [
      "a calendar window past what a scrape instance keeps",
      slo("objective: 99").replace("rolling: 28d", "calendar: quarter, zone: Europe/Berlin"),
      "slos.fast.window.calendar: must be a month at most",
    ],
    [
      "PromQL in an SLO of a scrape instance",
      slo("objective: 99").replace(latency, "indicator: { kind: promql, total: up, bad: up }"),
      "slos.fast.indicator.kind: promql is for Prometheus, and direct is not",
    ],
    [
      "a row shorter than a slice",
      slo("objective: 99.9, slices: { length: 10m, goodPercent: 99 }"),
      "slos.fast.alerting.0.short: is shorter than a slice, 10m",
    ],
    [
      "more slices than can be asked for",
      slo("objective: 99.9, slices: { length: 1m, goodPercent: 99 }"),
      "makes more than 11000 slices of the window",
    ],
    ["an SLO of nobody", slo("objective: 99, owner: olvie"), "slos.fast.owner: names person or team"],
    [
      "an SLO that depends on itself",
      slo("objective: 99, dependencies: [shop]"),
      "slos.fast.dependencies.0: names the SLO's own service",
    ],
    [
      "an SLO that depends on nothing known",
      slo("objective: 99, dependencies: [ledgr]"),
      "slos.fast.dependencies.0: names service",
    ],
    ["a window of two kinds", windowOf("rolling: 28d, calendar: month"), "stands beside rolling"],
    ["a window of no kind", windowOf(""), "slos.fast.window: has no length"],
    ["a month of nowhere", windowOf("calendar: month"), "slos.fast.window.zone: is missing"],
    ["a month of Atlantis", windowOf("calendar: month, zone: Sea/Atlantis"), "is not an IANA time zone"],
    [
      "a period that starts on no day",
      windowOf("calendar: month, zone: UTC, start: 2026-02-30"),
      "slos.fast.window.start: is no day of the calendar",
    ],
    ["a rolling window with a zone", windowOf("rolling: 28d, zone: UTC"), "is for a calendar window"],
    [
      "an error budget policy that grows laxer",
      "policies: { errorBudget: { levels: [{ leftPercent: 50, action: freeze }, { leftPercent: 20, action: careful }] } }\n",
      "policies.errorBudget.levels: must fall in leftPercent and grow stricter",
    ],
    [
      "an unknown budget that reads as healthy",
      "policies: { errorBudget: { unknown: ship } }\n",
      "policies.errorBudget.unknown: must be one of careful, approval, freeze",
    ],
    [
      "more approvals than leads",
      resource("{ requesters: [storefront], approvers: [storefront], quorum: 2 }"),
      "asks for 2 approvals, but approvers have 1 leads",
    ],
    [
      "terms its accessor cannot read",
      resource("{ requesters: [storefront], approvers: [storefront] }").replace("app_ro", "App RO"),
      "must be a Postgres role",
    ],
    [
      "a grant longer than its cap",
      resource("{ requesters: [storefront], approvers: [storefront], durationMax: 9h }"),
      "is longer than totalDurationMax",
    ],
    [
      "a service that reads as an id",
      "services:\n  - { name: r12, team: storefront, dri: olive }\n",
      '"r12" reads as an id',
    ],
    [
      "a ratio without good or bad",
      "services:\n  - { name: a, team: storefront, dri: olive, metrics: prom, signals: [{ name: e, kind: ratio, golden: errors, total: { metric: m } }] }\n",
      "a ratio needs either good or bad",
    ],
    [
      "PromQL for a direct scrape",
      "services:\n  - { name: a, team: storefront, dri: olive, metrics: direct, signals: [{ name: e, kind: rate, golden: traffic, counter: { metric: m }, promql: { value: up } }] }\n",
      "services.a.signals.e.promql: is for Prometheus, and direct is not",
    ],
    [
      "a signal nobody measures",
      "services:\n  - { name: a, team: storefront, dri: olive, signals: [{ name: e, kind: rate, golden: traffic, counter: { metric: m } }] }\n",
      "services.a.signals.e: has no metrics instance",
    ],
    [
      "a rollout without traffic",
      "services:\n  - { name: a, team: storefront, dri: olive, rollout: { steps: [{ weightPercent: 100 }] } }\n",
      "services.a.rollout: needs traffic",
    ],
    [
      "one Slack id for two people",
      "people:\n  - { id: p, name: P, slack: { T0A: U0ONE } }\n",
      "U0ONE is also Olive Okafor",
    ],
    [
      "one address for two people",
      "people:\n  - { id: p, name: P, email: Olive@example.com }\n",
      "is also the address of olive",
    ],
  ])("are named for %s", (_, text, expected) => {
    const found = problems(base, team, text);
    expect(found[0]).toMatch(/^c\.yaml:\d+: /);
    expect(found.join("\n")).toContain(expected);
  });

  it("are named for a rollout", () => {
    const rollout = (more: string, steps: string) =>
      `${team}    traffic: { provider: router, initialVersion: v1, versions: [{ name: v1, url: "http://x" }] }\n    rollout: { steps: [${steps}], ${more} }\n`;
    const full = "{ weightPercent: 100, minDuration: 10m }";
    expect(problems(base, rollout("deadline: 1h", full))).toEqual([]);
    expect(problems(base, rollout("deadline: 7h", full))[0]).toContain(
      "b.yaml:14: services.shop.rollout.deadline: is past policies.rollout.deadlineMax, 6h",
    );
    expect(problems(base, rollout("deadline: 10m", full))[0]).toContain("the steps alone take 10m");
    expect(problems(base, rollout("deadline: 1h", "{ weightPercent: 50 }"))[0]).toContain(
      "the last step must be 100 percent",
    );
    expect(problems(base, rollout("deadline: 1h", `{ weightPercent: 100 }, ${full}`))[0]).toContain(
      "must rise from step to step",
    );
    expect(
      problems(base, rollout("deadline: 1h", full).replace("initialVersion: v1", "initialVersion: v2"))[0],
    ).toContain("did you mean v1?");
  });
});

it("warns of a team nobody can page and of a critical service without SLO", () => {
  const result = read(
    base,
    `${team}    tier: critical\n`,
    "teams:\n  - { name: t, leads: [lena], alertChannel: ops, leadsChannel: ops }\n",
  );
  const slackAlone =
    "is paged by Slack alone, and a Slack message does not ring through do-not-disturb; name a paging provider in pagers";
  expect(result.ok && result.warnings.map(({ field, message }) => `${field}: ${message}`)).toEqual([
    "services.shop: is critical and has no SLO: nothing says when to page; declare 3 at least, such as availability, latency and one of its work",
    `teams.storefront: ${slackAlone}`,
    "teams.t: has no onCall: its leads are paged",
    `teams.t: ${slackAlone}`,
  ]);
});

it("warns of a critical service until it has three SLOs", () => {
  const slos = (names: readonly string[]) =>
    `slos:\n${names.map((name) => `  - { name: ${name}, service: shop, ${latency}, window: { rolling: 28d }, objective: 99 }\n`).join("")}`;
  const warnings = (...names: string[]) => {
    const result = read(base, `${team}    tier: critical\n`, slos(names));
    if (!result.ok) return ["refused"];
    return result.warnings.flatMap(({ field, message }) => (field === "services.shop" ? [message] : []));
  };
  expect(warnings("a", "b")).toEqual([
    expect.stringMatching(/^is critical and has 2 SLOs; declare 3 at least/),
  ]);
  expect(warnings("a", "b", "c")).toEqual([]);
});
