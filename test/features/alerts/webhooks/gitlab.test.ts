import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readGitlab } from "../../../../src/features/alerts/webhooks/gitlab.ts";
import { inbound } from "./inbound.ts";

type Json = Record<string, unknown>;
const file = (name: string) => readFileSync(`test/fixtures/payloads/gitlab-${name}.json`);
const deployment = (fields: Json) =>
  readGitlab(inbound("gitlab", { ...(JSON.parse(file("deployment").toString()) as Json), ...fields }));
const project = { path_with_namespace: "acme/shop", web_url: "https://gitlab.example.com/acme/shop" };

describe("GitLab", () => {
  it.each([
    ["created", "started"],
    ["running", "started"],
    ["success", "good"],
    ["failed", "bad"],
    ["canceled", "bad"],
  ])("tells a deployment that is %s as %s", (status, outcome) => {
    expect(deployment({ status }).events).toMatchObject([{ kind: "deploy", outcome }]);
  });

  it("shows a deployment that waits, and reads an environment given as an object", () => {
    expect(deployment({ status: "blocked" }).events).toMatchObject([{ kind: "other" }]);
    expect(deployment({ environment: { name: "production" } }).events).toMatchObject([
      { environment: "production" },
    ]);
  });

  it("tells a flag turned on or off as a change, each time anew", () => {
    const body = {
      object_kind: "feature_flag",
      object_attributes: { id: 6, name: "new_cart", active: true },
      project,
      user: { username: "dana" },
    };
    const told = (id: string) =>
      readGitlab(inbound("gitlab", body, { headers: { "x-gitlab-event-uuid": id } })).events[0];
    expect(told("a")).toMatchObject({
      change: "flag",
      version: "new_cart on",
      repository: "acme/shop",
      by: "dana",
      reference: "gitlab:acme/shop/flag/6/a",
    });
    expect(told("b")).not.toMatchObject({ reference: "gitlab:acme/shop/flag/6/a" });
  });

  it("tells issues as tickets", () => {
    const issue = (action: string, more: Json = {}) =>
      readGitlab(
        inbound("gitlab", {
          object_kind: "issue",
          user: { username: "dana" },
          project,
          object_attributes: {
            iid: 23,
            action,
            created_at: "2026-11-25 09:00:00 UTC",
            updated_at: "2026-11-25T09:30:00.000Z",
          },
          assignees: [{ username: "olive" }],
          ...more,
        }),
      ).events[0];
    const ticket = {
      kind: "ticket",
      system: "gitlab",
      key: "23",
      project: "acme/shop",
      by: "dana",
      assignee: "olive",
    };
    expect(issue("open")).toEqual({ ...ticket, what: "opened", at: new Date("2026-11-25T09:00:00Z") });
    expect(issue("close")).toMatchObject({ what: "closed" });
    expect(issue("reopen")).toMatchObject({ what: "reopened" });
    expect(issue("update", { changes: { assignees: {} } })).toMatchObject({ what: "assigned" });
    expect(issue("update")).toMatchObject({ kind: "other", type: "issue.update" });
  });

  it("keeps the id of a delivery across its retries", () => {
    const headers = { "idempotency-key": "k1", "x-gitlab-event-uuid": "u1" };
    expect(readGitlab(inbound("gitlab", file("pipeline"), { headers })).deliveryId).toBe("k1");
  });

  it.each([
    ["{", "body"],
    ["{}", "object_kind"],
    ['{"object_kind":"deployment","status":"success","deployment_id":1}', "project"],
    [
      '{"object_kind":"pipeline","object_attributes":{"id":1,"status":"success","finished_at":"now"},"project":{"path_with_namespace":"a/b"}}',
      "object_attributes.finished_at",
    ],
  ])("names the field it cannot read: %s", (body, field) => {
    expect(readGitlab(inbound("gitlab", body)).problems.map((problem) => problem.field)).toContain(field);
  });
});
