import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { importAlertmanager } from "../../src/catalog/import/alertmanager.ts";
import { matchersOf, promDurationMs } from "../../src/catalog/import/alertmanager-file.ts";
import { type Imported, nameOf } from "../../src/catalog/import/draft.ts";
import { importOnCall } from "../../src/catalog/import/oncall.ts";
import { labelsOfRoute } from "../../src/catalog/import/oncall-routing.ts";
import { readCatalog } from "../../src/catalog/load.ts";
import { service, serviceOfAlert, team } from "../../src/catalog/lookup.ts";
import { problemText } from "../../src/catalog/problem.ts";
import { catalogText, problemsOf } from "../../src/cli/import.ts";

const options = { slackTeam: "T0ACME", withOrganisation: true };
const fixture = (name: string) => readFileSync(`test/fixtures/import/${name}`, "utf8");
const notesOf = ({ notes }: Imported) => notes.map(({ field, message }) => `${field} ${message}`).join("\n");
const problems = (imported: Imported) =>
  imported.problems.map(({ field, message }) => `${field} ${message}`).join("\n");

/** As lint reads it once every variable is set. */
function loaded(imported: Imported) {
  const variables = Object.fromEntries(imported.fillIns.map(({ name }, index) => [name, `C0FILLED${index}`]));
  const text = catalogText("x", imported);
  const result = readCatalog("x", [{ file: "x.yaml", text }], variables);
  if (!result.ok) throw new Error(result.problems.map(problemText).join("\n"));
  return result.catalog;
}

describe("an Alertmanager's configuration becomes a catalog", () => {
  const imported = importAlertmanager(fixture("alertmanager.yml"), options);
  const notes = notesOf(imported);

  it("that lint takes once what it names is filled in", () => {
    const catalog = loaded(imported);
    expect(problemsOf("x", catalogText("x", imported), imported)).toEqual([]);
    expect(catalog.hookSources).toMatchObject([{ name: "alertmanager", kind: "alertmanager", team: "ops" }]);
    expect(catalog.policies.watch.pagers).toEqual(["pager-pagerduty"]);
    expect(catalog.policies.alerts).toMatchObject({ groupWait: 30_000, repeatEvery: 14_400_000 });
    expect(imported.fillIns.map(({ name }) => name)).toEqual([
      "SLACK_CHANNEL_OPS_ALERTS",
      "fill-in",
      "PAGERDUTY_KEY_PAGER_PAGERDUTY",
      "SLACK_CHANNEL_FOO",
      "SLACK_CHANNEL_SHOP",
      "OPSGENIE_KEY_SHOP_PAGER_OPSGENIE",
    ]);
  });

  it("whose services are found by the labels of the routes", () => {
    const catalog = loaded(imported);
    const found = (labels: Record<string, string>) => serviceOfAlert(catalog, labels)?.name;
    expect(found({ service: "cart", severity: "critical" })).toBe("cart");
    expect(found({ service: "foo2" })).toBe("foo2");
    expect(found({ owner: "db", env: "prod" })).toBe("db");
    expect(found({ owner: "db", env: "dev" })).toBeUndefined();
    expect(service(catalog, "checkout")).toMatchObject({
      team: "shop",
      dependencies: ["cart"],
      pagers: ["shop-pager-opsgenie"],
      paging: { rule: "every-critical-alert" },
    });
    expect(team(catalog, "ops")?.pagers).toEqual(["pager-pagerduty"]);
    expect(catalog.watchdogs).toMatchObject([{ labels: { alertname: "Watchdog" }, every: 300_000 }]);
  });

  it.each([
    /route\.routes\.1\.continue sends an alert to several receivers/,
    /route\.routes\.1 asks for severity alone/,
    /route\.routes\.5\.receiver is "null", which tells nobody/,
    /route\.routes\.4\.mute_time_intervals has no place in the catalog: mutes have an end/,
    /route\.group_by was left out: alerts are joined by cause/,
    /receivers\.ops\.slack_configs\.0\.api_url may be a secret/,
    /receivers\.shop\.slack_configs\.1\.channel is one more channel/,
    /receivers\.shop-pager\.email_configs has no place in the catalog; secrets in it were not copied/,
    /receivers\.pager\.pagerduty_configs\.0\.routing_key was not copied; set PAGERDUTY_KEY_PAGER_PAGERDUTY/,
    /inhibit_rules\.0 was left out: alerts of one cause share a card/,
    /inhibit_rules\.1 became a dependency of checkout on cart/,
    /global\.smtp_auth_password may be a secret/,
    /^time_intervals has no place/m,
    /alerts may fit both cart and db/,
  ])("and says by field what was left out: %s", (message) => expect(notes).toMatch(message));

  it("without one of its secrets", () => {
    expect(JSON.stringify(imported)).not.toMatch(/SECRET|hunter2/);
  });

  it("or only a part of one, beside a catalog that is there", () => {
    const part = importAlertmanager(fixture("alertmanager.yml"), { withOrganisation: false });
    expect(Object.keys(part.file)).not.toContain("organisation");
    expect(part.fillIns[0]?.name).toBe("T0FILLIN");
    expect(problemsOf("x", "", part)).toEqual([]);
  });

  it.each([
    ["a: [", /^alertmanager\.yml is not valid YAML/],
    ["receivers: []", /^route is missing/],
    ["route: { receiver: a }", /^receivers is missing/],
    [
      "route: { receiver: a }\nreceivers: [{ name: b }]",
      /^route\.receiver names "a", which receivers does not list/,
    ],
    ["route: { routes: [] }\nreceivers: [{ name: b }]", /^route\.receiver is missing/],
    [
      "route: { receiver: b, routes: [{ receiver: c }] }\nreceivers: [{ name: b }]",
      /^route\.routes\.0\.receiver names "c"/,
    ],
    ["route: { receiver: b }\nreceivers: [{}]", /^receivers\.0\.name is missing/],
    ["- 1", /^route|^alertmanager/],
  ])("or nothing, for %s", (text, message) => {
    const refused = importAlertmanager(text, options);
    expect(problems(refused)).toMatch(message);
    expect(refused.file).toEqual({});
  });

  it("keeps texts that look like variables", () => {
    const app = ["x$", "{HOME}"].join("");
    const text = stringify({
      route: { receiver: "a", routes: [{ receiver: "a", match: { app } }] },
      receivers: [{ name: "a", webhook_configs: [{ url: "u" }] }],
    });
    const catalog = loaded(importAlertmanager(text, options));
    expect(catalog.services[0]?.alertRules).toEqual([{ labels: { app } }]);
  });
});

describe("matchers of Alertmanager", () => {
  it.each<[object, object]>([
    [
      { matchers: ['a="b"', "c!=d", 'e=~"f|g"', 'h !~ "i,j"'] },
      { a: "b", c: { not: "d" }, e: { matches: "f|g" }, h: { notMatches: "i,j" } },
    ],
    [{ matchers: ['{a="b", c=~"d{2}"}'] }, { a: "b", c: { matches: "d{2}" } }],
    [
      { match: { a: "b" }, match_re: { c: "d" } },
      { a: "b", c: { matches: "d" } },
    ],
  ])("%j", (given, labels) => expect(matchersOf(given)).toEqual({ labels, unread: [], twice: [] }));

  it("names what it cannot read, and what is asked twice", () => {
    expect(matchersOf({ matchers: ['a"b', "c=1", "c=2"] })).toEqual({
      labels: { c: "2" },
      unread: ['a"b'],
      twice: ["c"],
    });
  });

  it.each([
    ["1h30m", 5_400_000],
    ["1w", 604_800_000],
    ["500ms", 500],
    ["soon", undefined],
  ])("the time %s", (text, ms) => expect(promDurationMs(text)).toBe(ms));
});

describe("an export of Grafana OnCall becomes a catalog", () => {
  const imported = importOnCall(fixture("oncall.json"), { withOrganisation: true });
  const notes = notesOf(imported);

  it("that lint takes, with people, teams, their duty and their escalation", () => {
    const catalog = loaded(imported);
    expect(problemsOf("x", catalogText("x", imported), imported)).toEqual([]);
    expect(catalog.people.map(({ id, slack }) => [id, slack])).toEqual([
      ["alex", { T0ACME: "UALEX" }],
      ["bo-b", {}],
      ["carol", { T0ACME: "UCAROL" }],
      ["fill-in", {}],
    ]);
    expect(team(catalog, "Payments")).toMatchObject({
      leads: ["carol"],
      alertChannel: "c0payments",
      escalation: [{ after: 900_000, wake: "leads" }],
      onCall: {
        layers: [
          {
            name: "nights",
            rotation: ["carol"],
            zone: "Europe/Berlin",
            during: [{ days: ["mon", "wed"], from: "22:00", to: "08:00" }],
          },
          {
            name: "weekly",
            rotation: ["bo-b", "alex"],
            rotate: "weekly",
            start: "2024-01-01T09:00",
            zone: "America/New_York",
          },
        ],
      },
    });
    expect(team(catalog, "Checkout-urgent")).toMatchObject({
      members: ["alex", "bo-b"],
      escalation: [{ after: 60_000, wake: "next" }],
    });
    expect(catalog.hookSources).toMatchObject([
      { name: "Prod-Alertmanager", kind: "alertmanager", team: "Payments" },
    ]);
    expect(serviceOfAlert(catalog, { service: "checkout" })?.team).toBe("Checkout-urgent");
  });

  it.each([
    /escalation_chains\.Payments primary\.2 names people; they became leads/,
    /escalation_chains\.Payments primary\.3 is trigger_webhook/,
    /escalation_chains\.Checkout urgent\.1 asks another schedule/,
    /escalation_chains\.Checkout urgent\.1 follows at once/,
    /escalation_chains\.Checkout urgent wakes 2 people at once/,
    /escalation_chains\.Unused is used by no route/,
    /on_call_shifts\.once is a single event/,
    /on_call_shifts\.weekly\.rolling_users has several people on duty at once/,
    /on_call_shifts\.daily\.duration covers a part of its turn/,
    /schedules\.Ical is an iCal calendar; its address may be a secret/,
    /routes\.R2\.routing_regex of Prod Alertmanager asks for what is no label/,
    /integrations\.Zabbix\.type is zabbix, which no reader is made for/,
    /integrations\.Prod Alertmanager\.link may be a secret/,
    /integrations\.Prod Alertmanager\.templates has no place/,
    /escalation_policies\.E4\.action_to_trigger has no place/,
  ])("and says by field what was left out: %s", (message) => expect(notes).toMatch(message));

  it("without one of its secrets", () => {
    expect(JSON.stringify(imported)).not.toContain("SECRET");
  });

  it.each([
    ["not json", /^the export is not JSON/],
    ["{}", /^the export holds no integrations/],
    ['{ "schedules": [{ "id": "a" }] }', /^schedules\.a\.name is missing/],
    ['{ "integrations": [{ "id": "a", "name": "b" }] }', /^integrations\.b\.type is missing/],
  ])("or nothing, for %s", (text, message) => {
    expect(problems(importOnCall(text, options))).toMatch(message);
  });

  it.each([
    ["regex", '"service":\\s*"checkout"', { service: "checkout" }],
    ["regex", '.*"app": "cart".*', { app: "cart" }],
    ["regex", "checkout", undefined],
    [
      "jinja2",
      '{{ payload.labels.app == \'cart\' and payload.groupLabels["env"] == "prod" }}',
      { app: "cart", env: "prod" },
    ],
    ["jinja2", "{{ payload.labels.app == 'cart' or true }}", undefined],
    [null, ".*", undefined],
  ])("the %s route %s asks for labels", (type, text, labels) =>
    expect(labelsOfRoute(type, text)).toEqual(labels),
  );
});

it("names become names of the catalog", () => {
  expect(["Prod DB (EU)", "#ops", "ünïcode", "T-12", "---", "x".repeat(80)].map(nameOf)).toEqual([
    "Prod-DB-EU",
    "ops",
    "unicode",
    "service-T-12",
    "unnamed",
    "x".repeat(63),
  ]);
  expect(stringify({ from: "22:00" })).toBe("from: 22:00\n");
});
