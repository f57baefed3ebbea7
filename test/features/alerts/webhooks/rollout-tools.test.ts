import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { readArgocd } from "../../../../src/features/alerts/webhooks/argocd.ts";
import { closedToFlagger, readFlagger } from "../../../../src/features/alerts/webhooks/flagger.ts";
import { inbound } from "./inbound.ts";

type Json = Record<string, unknown>;
const file = (name: string) => readFileSync(`test/fixtures/payloads/${name}.json`);

describe("Flagger", () => {
  const told = (fields: Json) =>
    readFlagger(inbound("flagger", { name: "shop", namespace: "prod", checksum: "85d5", ...fields }));

  it.each([
    ["Progressing", "started", []],
    ["WaitingPromotion", "started", []],
    ["Initialized", "good", []],
    ["Succeeded", "good", ["resolved"]],
    ["Failed", "bad", ["firing"]],
  ])("tells a canary that is %s as %s", (phase, outcome, statuses) => {
    const { events, alerts } = told({ phase });
    expect(events).toMatchObject([{ kind: "deploy", outcome, reference: "flagger:prod/shop@85d5" }]);
    expect(alerts.map(({ status }) => status)).toEqual(statuses);
  });

  it("shows phases that change nothing that runs, and a canary without a version", () => {
    expect(told({ phase: "Terminated" }).events).toMatchObject([
      { kind: "other", type: "canary.terminated" },
    ]);
    expect(told({ phase: "Progressing", checksum: null }).events).toMatchObject([{ kind: "other" }]);
  });

  it("takes service, environment and version from the canary's metadata", () => {
    const metadata = { service: "checkout", environment: "production", version: "v42" };
    expect(told({ phase: "Succeeded", metadata }).events).toMatchObject([metadata]);
  });

  it("counts a gate asked again as one delivery, and an end that comes once more as another", () => {
    expect(told({ phase: "Progressing" }).deliveryId).toBe("prod/shop 85d5 Progressing");
    expect(told({ phase: "Failed" }).deliveryId).toBeNull();
  });

  it("keeps closed what is asked at the address of events", () => {
    const body = (metadata: object) =>
      Buffer.from(JSON.stringify({ name: "shop", namespace: "prod", phase: "Progressing", metadata }));
    expect(closedToFlagger(file("flagger-rollout_hook_progressing"))).toContain("type event");
    expect(closedToFlagger(body({}))).toContain("type event");
    expect(closedToFlagger(body({ eventMessage: "Advance shop.prod canary weight 5" }))).toBeUndefined();
  });

  it.each([
    ["{", "body"],
    ['{"name":"a","phase":"Failed"}', "namespace"],
    ['{"name":"a","namespace":"b","phase":7}', "phase"],
  ])("is refused by the field's name: %s", (body, field) => {
    expect(readFlagger(inbound("flagger", body)).problems.map((problem) => problem.field)).toContain(field);
  });
});

describe("Argo CD", () => {
  const told = (fields: Json) =>
    readArgocd(
      inbound("argocd", { ...(JSON.parse(file("argocd-sync_succeeded").toString()) as Json), ...fields }),
    );

  it("is told what the template in deploy/ writes", () => {
    const { data } = parse(readFileSync("deploy/argocd-notifications.yaml", "utf8")) as {
      data: Record<string, string>;
    };
    const template = parse(data["template.quarterdeck"] ?? "") as {
      webhook: { quarterdeck: { body: string } };
    };
    const written = template.webhook.quarterdeck.body.replace(/\{\{.*?\}\}/g, "null");
    const fieldsOf = (json: object) => Object.keys(json).sort();
    const [body, payload] = [written, file("argocd-sync_succeeded").toString()].map(
      (text) => JSON.parse(text) as Json,
    );
    expect(fieldsOf(body as Json)).toEqual(fieldsOf(payload as Json));
    expect(fieldsOf(body?.destination as Json)).toEqual(fieldsOf(payload?.destination as Json));
  });

  it("calls a sync good once what it brought is healthy", () => {
    expect(told({ phase: "Running", health: "Progressing" })).toMatchObject({
      alerts: [],
      events: [{ outcome: "started" }],
    });
    expect(told({ health: "Progressing" }).events).toMatchObject([{ outcome: "unknown" }]);
    expect(told({ health: "Healthy" }).events).toMatchObject([{ outcome: "good" }]);
    expect(told({ phase: "Error" }).events).toMatchObject([{ outcome: "bad" }]);
  });

  it("tells each time an application is degraded by itself", () => {
    const degraded = (healthSince: string | null) => told({ health: "Degraded", healthSince }).deliveryId;
    expect(degraded("2026-11-25T09:00:00Z")).not.toBe(degraded("2026-11-25T11:00:00Z"));
    expect(degraded(null)).toBeNull();
  });

  it("shows what is neither a sync nor a change of health", () => {
    expect(told({ phase: null, health: "Missing" })).toMatchObject({
      alerts: [],
      events: [{ kind: "other" }],
    });
  });

  it("joins the revisions of several sources", () => {
    expect(told({ revision: "", revisions: ["aaaaaaaaaaaaaaaa", "bbbb"] }).events).toMatchObject([
      { version: "aaaaaaaaaaaa+bbbb" },
    ]);
  });

  it.each([
    ["[]", "body"],
    ["{}", "app"],
    ['{"app":"shop","startedAt":"<no value>"}', "startedAt"],
  ])("is refused by the field's name: %s", (body, field) => {
    expect(readArgocd(inbound("argocd", body)).problems.map((problem) => problem.field)).toContain(field);
  });
});
