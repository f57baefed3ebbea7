import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { HookSource } from "../../../../src/catalog/hook-sources.ts";
import { changeSenders } from "../../../../src/features/alerts/webhooks/change-senders.ts";
import { readGithub } from "../../../../src/features/alerts/webhooks/github.ts";
import { checkSignature, type SignatureRule } from "../../../../src/features/alerts/webhooks/signatures.ts";
import { inbound, receivedAt } from "./inbound.ts";

type Json = Record<string, unknown>;
const payload = (name: string): Json =>
  JSON.parse(readFileSync(`test/fixtures/payloads/github-${name}.json`, "utf8")) as Json;
const read = (body: object, event?: string, source: Partial<HookSource> = {}) =>
  readGithub(
    inbound("github", body, {
      headers: event === undefined ? {} : { "x-github-event": event, "x-github-delivery": "d-1" },
      source,
    }),
  );
const over = (name: string, part: string, fields: Json): Json => {
  const body = payload(name);
  return { ...body, [part]: { ...(body[part] as Json), ...fields } };
};

describe("deployments", () => {
  it.each([
    ["success", "good"],
    ["failure", "bad"],
    ["error", "bad"],
    ["pending", "started"],
    ["queued", "started"],
    ["in_progress", "started"],
  ])("that are %s turn out %s, under one reference with the deployment", (state, outcome) => {
    const told = read(over("deployment_status", "deployment_status", { state }), "deployment_status").events;
    const begun = read(payload("deployment"), "deployment").events;
    expect(told).toMatchObject([{ kind: "deploy", outcome, environment: "production" }]);
    expect(told[0]).toHaveProperty("reference", (begun[0] as { reference: string }).reference);
  });

  it("that became inactive are only shown: a newer one took their place", () => {
    const { events } = read(
      over("deployment_status", "deployment_status", { state: "inactive" }),
      "deployment_status",
    );
    expect(events).toMatchObject([{ kind: "other", type: "deployment_status.inactive" }]);
  });

  it("may carry a payload in words", () => {
    expect(read(over("deployment", "deployment", { payload: '{"x":1}' })).problems).toEqual([]);
  });
});

describe("workflows", () => {
  const run = (fields: Json, source: Partial<HookSource> = {}) =>
    read(over("workflow_run-completed", "workflow_run", fields), "workflow_run", source).events[0];

  it("deploy when their name or file says so, each attempt by itself", () => {
    const name = "Deploy to production";
    expect(run({ name })).toMatchObject({
      kind: "deploy",
      outcome: "good",
      version: "3484a3fb816e0859fd6e1cea078d76385ff50625",
      repository: "octo-org/octo-repo",
      reference: "github:octo-org/octo-repo/run/289782451/1",
    });
    expect(
      run({ path: ".github/workflows/redeploy.yml", run_attempt: 2, conclusion: "failure" }),
    ).toMatchObject({
      outcome: "bad",
      reference: "github:octo-org/octo-repo/run/289782451/2",
    });
    expect(run({ name, conclusion: "cancelled" })).toMatchObject({ outcome: "bad" });
    expect(run({ name, conclusion: "skipped" })).toMatchObject({ kind: "other" });
    expect(run({ name, event: "pull_request" })).toMatchObject({ kind: "other" });
    expect(run({ name: "test" })).toMatchObject({ kind: "other", facts: { state: "success" } });
  });

  it("deploy when the source's own words for them fit", () => {
    expect(run({ name: "Ship it" }, { deployWorkflows: "^ship" })).toMatchObject({ kind: "deploy" });
    expect(run({ name: "Deploy" }, { deployWorkflows: "^ship" })).toMatchObject({ kind: "other" });
  });

  it("have begun while they run", () => {
    const body = {
      ...over("workflow_run-completed", "workflow_run", {
        name: "deploy",
        status: "in_progress",
        conclusion: null,
      }),
      action: "in_progress",
    };
    expect(read(body, "workflow_run").events[0]).toMatchObject({ kind: "deploy", outcome: "started" });
  });
});

describe("issues", () => {
  const issue = {
    number: 7,
    assignees: [{ login: "olive" }],
    created_at: "2026-11-25T09:00:00Z",
    updated_at: "2026-11-25T09:30:00Z",
  };
  const told = (action: string, more: Json = {}) =>
    read(
      { action, issue, repository: { full_name: "acme/shop" }, sender: { login: "dana" }, ...more },
      "issues",
    ).events[0];

  it("are tickets, by number, repository, who did it and who is on it", () => {
    const ticket = {
      kind: "ticket",
      system: "github",
      key: "7",
      project: "acme/shop",
      by: "dana",
      assignee: "olive",
    };
    expect(told("opened")).toEqual({ ...ticket, what: "opened", at: new Date("2026-11-25T09:00:00Z") });
    expect(told("closed")).toMatchObject({ what: "closed", at: new Date("2026-11-25T09:30:00Z") });
    expect(told("reopened")).toMatchObject({ what: "reopened" });
    expect(told("assigned", { assignee: { login: "lena" } })).toMatchObject({
      what: "assigned",
      assignee: "lena",
    });
    expect(told("unassigned", { assignee: { login: "lena" } })).toMatchObject({
      what: "assigned",
      assignee: "olive",
    });
    expect(told("labeled")).toMatchObject({ kind: "other", type: "issues.labeled" });
  });
});

describe("security alerts", () => {
  it.each([
    ["created", "open", "firing"],
    ["fixed", "fixed", "resolved"],
    ["dismissed", "dismissed", "resolved"],
    ["auto_reopened", "open", "firing"],
  ])("of a dependency that were %s and are %s are %s", (action, state, status) => {
    const body = { ...over("dependabot_alert-created", "alert", { state }), action };
    expect(read(body, "dependabot_alert").alerts).toMatchObject([{ status }]);
  });

  it("are an error at worst, and keep the sender's word", () => {
    const body = over("dependabot_alert-created", "alert", {
      security_vulnerability: { severity: "critical" },
    });
    expect(read(body).alerts[0]).toMatchObject({ severity: "error", severityText: "critical" });
  });

  it("of a secret are over once resolved, and only shown when they say neither", () => {
    const told = (action: string) => read({ ...payload("secret_scanning_alert-reopened"), action });
    expect(told("resolved").alerts).toMatchObject([{ status: "resolved" }]);
    expect(told("assigned")).toMatchObject({
      alerts: [],
      events: [{ type: "secret_scanning_alert.assigned" }],
    });
  });
});

describe("deliveries", () => {
  it("carry GitHub's id; a ping and events of unknown names are shown", () => {
    expect(read({ zen: "Keep it simple.", hook_id: 1 }, "ping")).toMatchObject({
      deliveryId: "d-1",
      events: [{ type: "ping" }],
      problems: [],
    });
    expect(read({ action: "starred", repository: 5 }, "star").events).toMatchObject([
      { type: "star.starred" },
    ]);
  });

  it.each([
    ["{", "body"],
    ["[]", "body"],
    ["{}", "X-GitHub-Event"],
    ['{"deployment":{"id":1}}', "deployment.sha"],
    [
      '{"workflow_run":{"id":1,"head_sha":"a","updated_at":"soon"},"repository":{"full_name":"a/b"}}',
      "workflow_run.updated_at",
    ],
  ])("that cannot be read name the field: %s", (body, field) => {
    const told = readGithub(inbound("github", body));
    expect([told.alerts, told.events]).toEqual([[], []]);
    expect(told.problems.map((problem) => problem.field)).toContain(field);
  });

  it("are proven by HMAC over their bytes, and by no other digest", () => {
    const { body, source } = inbound("github", payload("deployment"));
    const rule = changeSenders.github.signature as SignatureRule;
    const digest = (secret: string) => createHmac("sha256", secret).update(body).digest("hex");
    const proof = (value: string) =>
      checkSignature(rule, source, ["new", "old"], {
        headers: { "x-hub-signature-256": value },
        body,
        receivedAt,
      }).state;
    expect(proof(`sha256=${digest("old")}`)).toBe("proven");
    expect(proof(`sha256=${digest("other")}`)).toBe("refused");
    expect(proof(digest("new"))).toBe("refused");
  });
});
