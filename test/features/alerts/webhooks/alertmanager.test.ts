import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alertmanager } from "../../../../src/features/alerts/webhooks/alertmanager.ts";
import { fingerprintOf } from "../../../../src/features/alerts/webhooks/fingerprint.ts";
import { escapeText } from "../../../../src/platform/messages/blocks.ts";
import { inbound } from "./inbound.ts";

const readAlertmanager = (body: Buffer) => alertmanager.read(inbound("alertmanager", body));
const file = (name: string): Buffer => readFileSync(`test/fixtures/payloads/alertmanager-${name}.json`);
const bodyOf = (alerts: readonly unknown[], over: object = {}): Buffer =>
  Buffer.from(JSON.stringify({ version: "4", status: "firing", groupKey: "{}", alerts, ...over }));
const labels = { alertname: "Down", service: "shop" };

describe("bodies as they are sent", () => {
  it("reads each alert of a group with its own fingerprint, start and no link from empty addresses", () => {
    const { alerts, problems, groupKey, hiddenCount } = readAlertmanager(file("v4_grouped_firing"));
    expect(problems).toEqual([]);
    expect(groupKey).toBe('{}:{alertname="InstanceDown"}');
    expect(hiddenCount).toBe(0);
    expect(alerts.map(({ fingerprint }) => fingerprint)).toEqual(["f404ecabc8dd5cd7", "f8f08d4e32c61a9d"]);
    for (const alert of alerts)
      expect(alert).toMatchObject({
        status: "firing",
        severity: "critical",
        startsAt: new Date("2023-06-12T08:24:38.326Z"),
        endsAt: undefined,
        links: [],
      });
  });

  it("reads a resolved alert with both ends, a severity in capitals and no link from a relative address", () => {
    const [alert] = readAlertmanager(file("v4_resolved")).alerts;
    expect(alert).toMatchObject({
      status: "resolved",
      fingerprint: "fbab788ec4c1018b",
      severity: "warning",
      severityText: "Warning",
      links: [],
      startsAt: new Date("2022-07-29T11:13:27.300Z"),
      endsAt: new Date("2022-07-29T11:17:27.300Z"),
    });
  });

  it("believes the alert, not its group, and says how many were not listed", () => {
    const read = readAlertmanager(file("v4_truncated_status_mismatch"));
    expect(read.hiddenCount).toBe(123);
    expect(read.alerts[0]).toMatchObject({
      status: "resolved",
      startsAt: undefined,
      endsAt: new Date("2022-04-21T02:22:01.056Z"),
      severity: "info",
      severityText: undefined,
    });
  });

  it("keeps two alerts with equal labels apart by the fingerprints given", () => {
    const { alerts } = readAlertmanager(file("v4_same_labels_two_fingerprints"));
    expect(new Set(alerts.map(({ fingerprint }) => fingerprint)).size).toBe(2);
    expect(alerts[0]?.labels).toEqual(alerts[1]?.labels);
    expect(alerts[0]?.startsAt).toEqual(new Date("2020-02-06T00:17:58.432Z"));
  });

  it("makes the fingerprint of labels itself where a sender gives none, and takes no severity from annotations", () => {
    const [alert] = readAlertmanager(file("v4_no_fingerprint")).alerts;
    expect(alert?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(alert?.startsAt).toEqual(new Date("2017-08-03T19:17:37.804Z"));
    expect(
      readAlertmanager(bodyOf([{ labels, annotations: { severity: "critical" } }])).alerts[0]?.severity,
    ).toBe("info");
  });

  it("makes the same fingerprint as Alertmanager does", () => {
    for (const name of ["v4_grouped_firing", "v4_resolved"])
      for (const alert of readAlertmanager(file(name)).alerts)
        expect(fingerprintOf(alert.labels)).toBe(alert.fingerprint);
  });

  it("falls back to the group's status, and takes words all alerts share", () => {
    const read = readAlertmanager(file("v4_offset_times"));
    expect(read.problems).toEqual([]);
    expect(read.alerts[0]).toMatchObject({
      status: "firing",
      severity: "warning",
      startsAt: new Date("2018-03-07T11:33:21.873Z"),
    });
    expect(read.alerts[0]?.annotations).toMatchObject({
      runbook: "https://github.com/bzon/prometheus-msteams",
      summary: "Server High Memory usage",
    });
  });

  it("reads version 3 and keeps a group key past 2^53 to the last digit", () => {
    const read = readAlertmanager(file("v3_firing"));
    expect(read.groupKey).toBe("5615590933959184469");
    expect(read.alerts[0]).toMatchObject({
      status: "firing",
      severity: "critical",
      startsAt: new Date("2016-08-01T10:27:08.008Z"),
    });
  });

  it("refuses a body without a version by that field's name", () => {
    const read = readAlertmanager(file("unversioned_no_ends_at"));
    expect(read.alerts).toEqual([]);
    expect(read.problems.map(({ field }) => field)).toEqual(["version"]);
  });
});

describe("bodies nobody should send", () => {
  it.each([
    ["not JSON", "{"],
    ["empty", ""],
    ["a number", "12"],
    ["null", "null"],
    ["a list", "[]"],
    ["alerts that are no list", '{"version":"4","alerts":{}}'],
    ["Grafana's version", '{"version":"1","alerts":[]}'],
  ])("names what is wrong with %s", (_what, text) => {
    const read = readAlertmanager(Buffer.from(text));
    expect(read.alerts).toEqual([]);
    expect(read.problems.length).toBeGreaterThan(0);
    expect(read.problems[0]?.why).toBeTruthy();
  });

  it("takes each readable alert of a batch and names the field of the bad ones", () => {
    const read = readAlertmanager(
      bodyOf([
        { labels },
        { labels, startsAt: "yesterday" },
        7,
        { labels: "x" },
        { labels, status: "odd" },
        { labels, endsAt: "" },
      ]),
    );
    expect(read.alerts).toHaveLength(2);
    expect(read.problems.map(({ field }) => field)).toEqual([
      "alerts[1].startsAt",
      "alerts[2]",
      "alerts[3].labels",
      "alerts[4].status",
    ]);
  });

  it("says that a status is given nowhere", () => {
    expect(readAlertmanager(bodyOf([{ labels }], { status: undefined })).problems).toEqual([
      { field: "alerts[0].status", why: "is given neither here nor for the group" },
    ]);
  });

  it("mends lone surrogates and NUL, which Postgres cannot keep", () => {
    const body = Buffer.from(
      '{"version":"4","status":"firing","alerts":[{"labels":{"alertname":"a\\ud800b\\u0000c","n\\udc00":"x"},"annotations":{"summary":"\\udfff"}}]}',
    );
    const [alert] = readAlertmanager(body).alerts;
    expect(JSON.stringify(alert)).not.toMatch(/\\ud[89a-f]|\\u0000/);
    expect(alert?.labels.alertname).toBe("a\ufffdb\ufffdc");
  });

  it("keeps integers past 2^53 in labels to the last digit, and leaves digits inside texts alone", () => {
    const body = Buffer.from(
      '{"version":4,"groupKey":-9007199254740993,"status":"firing","alerts":[{"labels":{"alertname":"A \\" 12345678901234567890","shard":12345678901234567890,"small":1234567890123456}}]}',
    );
    const read = readAlertmanager(body);
    expect(read.groupKey).toBe("-9007199254740993");
    expect(read.alerts[0]?.labels).toEqual({
      alertname: 'A " 12345678901234567890',
      shard: "12345678901234567890",
      small: "1234567890123456",
    });
  });

  it("leaves nothing of hostile text alive once it is escaped for a card", () => {
    const hostile = `<!channel> <@U1> &amp; \`\`\` *b* _i_ ~s~ \u202e${"x".repeat(5_000)}\ud800`;
    const body = bodyOf([{ labels: { ...labels, alertname: hostile }, annotations: { summary: hostile } }]);
    const [alert] = readAlertmanager(body).alerts;
    const shown = escapeText(alert?.annotations.summary ?? "", 6_000);
    expect(shown).not.toMatch(/<|>|\u202e/);
    expect(shown).toContain("&lt;!channel&gt;");
    expect(shown.isWellFormed()).toBe(true);
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json().map((text) => Buffer.from(text)),
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
          fc.anything().map((thing) => bodyOf([thing, { labels: thing }])),
        ),
        (body) => {
          const read = readAlertmanager(body);
          expect(read.alerts.length + read.problems.length).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});
