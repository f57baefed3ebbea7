import { describe, expect, it } from "vitest";
import type { Answer, Request } from "../../../src/providers/kubernetes/api.ts";
import { argoRollouts, deployments } from "../../../src/providers/kubernetes/objects.ts";
import { refused, unanswered } from "../../../src/providers/kubernetes/refusals.ts";

const request: Request = { verb: "patch", resource: deployments, namespace: "shop", name: "web" };
const jsonPatch: Request = { ...request, body: { type: "application/json-patch+json", json: [] } };

const answer = (status: number, body: object | string, headers: Answer["headers"] = {}): Answer => ({
  status,
  headers,
  text: typeof body === "string" ? body : JSON.stringify(body),
});

describe("a refusal of the API server", () => {
  it.each<[string, Request, Answer, string, string, string]>([
    [
      "credentials that do not count",
      request,
      answer(401, { message: "Unauthorized" }),
      "unauthorised",
      "Unauthorized",
      "Renew",
    ],
    [
      "a right that is missing, by its verb",
      { ...request, resource: argoRollouts, name: "shop", subresource: "status" },
      answer(403, {
        message:
          'rollouts.argoproj.io "shop" is forbidden: User "q" cannot patch resource "rollouts/status" in API group "argoproj.io"',
      }),
      "unauthorised",
      "may not patch rollouts/status (argoproj.io) in the namespace shop",
      "Add the verb patch for rollouts/status",
    ],
    [
      "a rule of the cluster, which no right would cure",
      request,
      answer(403, { message: 'admission webhook "images.example" denied the request: not signed' }),
      "rejected",
      "not signed",
      "administrators",
    ],
    [
      "an object that is not there",
      request,
      answer(404, { message: 'deployments.apps "web" not found', details: { name: "web" } }),
      "not_found",
      "no deployments shop/web",
      "namespace and name",
    ],
    [
      "a kind that is not installed",
      { ...request, resource: argoRollouts },
      answer(404, { message: "the server could not find the requested resource", details: {} }),
      "not_found",
      "no rollouts of argoproj.io/v1alpha1",
      "installed",
    ],
    [
      "a change at the same moment",
      request,
      answer(409, { reason: "Conflict" }),
      "conflict",
      "deployments shop/web",
      "Read it",
    ],
    [
      "a test that failed",
      jsonPatch,
      answer(422, { reason: "Invalid", message: "the server rejected our request", details: {} }),
      "conflict",
      "is not what was read before",
      "Read it",
    ],
    [
      "a field that cannot be",
      jsonPatch,
      answer(422, {
        reason: "Invalid",
        message: "spec.replicas: Invalid value: -1",
        details: { causes: [{ field: "spec.replicas" }] },
      }),
      "rejected",
      "spec.replicas",
      "named field",
    ],
    ["trouble", request, answer(503, "no leader"), "unreachable", "no leader", "asked again"],
    [
      "a gateway that gave up",
      request,
      answer(504, { message: "etcd" }),
      "timeout",
      "gave up",
      "may have happened",
    ],
    ["what is no request", request, answer(400, { message: "bad" }), "rejected", "bad", "server"],
    ["a page that is no API", request, answer(302, "<html>"), "rejected", "302", "server"],
  ])("%s", (_what, asked, given, code, words, hint) => {
    const error = refused(asked, given);
    expect(error).toMatchObject({
      code,
      message: expect.stringContaining(words),
      hint: expect.stringContaining(hint),
    });
  });

  it("to come later says when", () => {
    expect(refused(request, answer(429, { message: "busy" }, { "retry-after": "3" }))).toMatchObject({
      code: "unreachable",
      retryAfterMs: 3_000,
    });
    expect(refused(request, answer(429, ""))).toMatchObject({ retryAfterMs: 1_000 });
  });
});

describe("no answer", () => {
  const server = "https://10.0.0.1";
  it.each([
    ["over time", { isOver: true, code: "ABORT_ERR" }, "timeout", "within 500 ms", "may have happened"],
    ["no way there", { isOver: false, code: "ECONNREFUSED" }, "unreachable", "ECONNREFUSED", "way to it"],
    [
      "somebody else's certificate",
      { isOver: false, code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
      "unreachable",
      server,
      "certificate-authority",
    ],
    [
      "a certificate for another name",
      { isOver: false, code: "ERR_TLS_CERT_ALTNAME_INVALID" },
      "unreachable",
      server,
      "certificate-authority",
    ],
  ])("for %s", (_what, { isOver, code: cause }, code, words, hint) => {
    const error = unanswered({ code: cause }, { server, deadlineMs: 500, isOver });
    expect(error).toMatchObject({
      code,
      message: expect.stringContaining(words),
      hint: expect.stringContaining(hint),
    });
  });
});
