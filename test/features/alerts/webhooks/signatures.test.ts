import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { HookKind, HookSource } from "../../../../src/catalog/hook-sources.ts";
import { createProver } from "../../../../src/features/alerts/webhooks/prove.ts";
import type { HookProof } from "../../../../src/platform/feature.ts";
import { payloads } from "./payloads.ts";

const now = new Date("2026-11-25T10:00:00.000Z");
const nowSec = now.getTime() / 1_000;
const secrets: Record<string, string> = {
  HOOK_SECRET: "s3cret",
  OLD_SECRET: "0ld",
  TWO_SECRETS: " s3cret , n3w",
};
const hmac = (secret: string, ...parts: (string | Buffer)[]) =>
  parts.reduce((sum, part) => sum.update(part), createHmac("sha256", secret)).digest("hex");
const bodyOf = (kind: HookKind): Buffer => {
  const found = payloads.find((payload) => payload.kind === kind);
  if (found === undefined) throw new Error(`no payload of ${kind}`);
  return found.body;
};

const prove = (
  kind: HookKind,
  headers: Record<string, string>,
  { body = bodyOf(kind), source = {} }: { body?: Buffer; source?: Partial<HookSource> } = {},
): HookProof | Promise<HookProof> | undefined =>
  createProver({ env: (name) => secrets[name] })({
    name: kind,
    kind,
    team: "storefront",
    secretEnv: "HOOK_SECRET",
    ...source,
  })?.({ headers, body, receivedAt: now });
const proven = { state: "proven", team: "storefront" };
const refused = (why: string) => ({ state: "refused", why: expect.stringContaining(why) });

describe("Grafana", () => {
  const header = "x-grafana-alerting-signature";
  it("signs the body as it came, in bare hex", () => {
    expect(prove("grafana", { [header]: hmac("s3cret", bodyOf("grafana")) })).toEqual(proven);
    expect(prove("grafana", { [header]: hmac("s3cret", bodyOf("grafana")).toUpperCase() })).toEqual(proven);
    expect(prove("grafana", { [header]: hmac("wrong", bodyOf("grafana")) })).toEqual(refused("does not fit"));
    const sorted = Buffer.from(JSON.stringify(JSON.parse(bodyOf("grafana").toString())));
    expect(prove("grafana", { [header]: hmac("s3cret", sorted) })).toEqual(refused("does not fit"));
  });

  const source = { timestampHeader: "x-when", signatureHeader: "x-signed" };
  it.each([
    [-300, true],
    [-301, false],
    [0, true],
    [300, true],
    [301, false],
  ])("signs a time with the body: %d s off is taken: %s", (offSec, isTaken) => {
    const time = String(nowSec + offSec);
    const headers = { "x-when": time, "x-signed": hmac("s3cret", `${time}:`, bodyOf("grafana")) };
    expect(prove("grafana", headers, { source })).toEqual(
      isTaken ? proven : refused("more than 5 minutes off"),
    );
  });

  it("is refused without the time that its source demands, and with one that was not signed", () => {
    const bare = { "x-signed": hmac("s3cret", bodyOf("grafana")) };
    expect(prove("grafana", bare, { source })).toEqual(refused("x-when is missing"));
    expect(prove("grafana", { ...bare, "x-when": String(nowSec) }, { source })).toEqual(
      refused("does not fit"),
    );
  });
});

describe("PagerDuty", () => {
  const signed = (...digests: string[]) => ({
    "x-pagerduty-signature": digests.map((hex) => `v1=${hex}`).join(","),
  });
  it("may send several signatures, any of which counts", () => {
    const good = hmac("s3cret", bodyOf("pagerduty"));
    expect(prove("pagerduty", signed(hmac("other", bodyOf("pagerduty")), good))).toEqual(proven);
    expect(prove("pagerduty", signed(hmac("other", bodyOf("pagerduty"))))).toEqual(refused("does not fit"));
    expect(prove("pagerduty", { "x-pagerduty-signature": `v0=${good}` })).toEqual(refused("does not fit"));
  });
});

describe("Sentry", () => {
  it("signs the body, and its time must be near", () => {
    const signature = { "sentry-hook-signature": hmac("s3cret", bodyOf("sentry")) };
    expect(prove("sentry", { ...signature, "sentry-hook-timestamp": String(nowSec) })).toEqual(proven);
    expect(prove("sentry", { ...signature, "sentry-hook-timestamp": String(nowSec - 301) })).toEqual(
      refused("minutes off"),
    );
  });
});

describe("a secret", () => {
  const signedWith = (secret: string) => ({
    "x-pagerduty-signature": `v1=${hmac(secret, bodyOf("pagerduty"))}`,
  });
  it("is valid beside the one before it while it is changed", () => {
    const source = { previousSecretEnv: "OLD_SECRET" };
    expect(prove("pagerduty", signedWith("0ld"), { source })).toEqual(proven);
    expect(prove("pagerduty", signedWith("s3cret"), { source })).toEqual(proven);
    expect(prove("pagerduty", signedWith("n3w"), { source: { secretEnv: "TWO_SECRETS" } })).toEqual(proven);
    expect(prove("pagerduty", signedWith("s3cret"), { source: { secretEnv: "TWO_SECRETS" } })).toEqual(
      proven,
    );
  });

  it("that is not set proves nothing, not even by an empty one", () => {
    const source = { secretEnv: "NOT_SET" };
    expect(prove("pagerduty", signedWith(""), { source })).toEqual(refused("not set here"));
  });

  it("decides nothing where the sender brings no signature: a token does", () => {
    expect(prove("pagerduty", {})).toEqual({ state: "unsigned" });
    expect(prove("datadog", {})).toBeUndefined();
    expect(prove("pagerduty", {}, { source: { secretEnv: undefined } })).toBeUndefined();
  });
});

describe("the way back of a signed webhook", () => {
  const secret = "whsec_c2VjcmV0IG9mIHNpeHRlZW4gYnl0ZXM=";
  const sign = (id: string, timeSec: number, body: Buffer) => ({
    "webhook-id": id,
    "webhook-timestamp": String(timeSec),
    "webhook-signature": `v1,bm90IGl0 v1,${createHmac("sha256", Buffer.from(secret.slice(6), "base64"))
      .update(`${id}.${timeSec}.`)
      .update(body)
      .digest("base64")}`,
  });
  const ask = (headers: Record<string, string>) =>
    createProver({ env: () => secret })({ name: "p", kind: "pages", team: "storefront", secretEnv: "S" })?.({
      headers,
      body: bodyOf("pages"),
      receivedAt: now,
    });

  it("is signed as what we send is, over its id, its time and its body", () => {
    const body = bodyOf("pages");
    expect(ask(sign("m-1", nowSec, body))).toEqual(proven);
    expect(ask(sign("m-1", nowSec - 300, body))).toEqual(proven);
    expect(ask(sign("m-1", nowSec + 301, body))).toEqual(refused("minutes off"));
    expect(ask({ ...sign("m-1", nowSec, body), "webhook-id": "m-2" })).toEqual(refused("does not fit"));
    expect(ask({ ...sign("", nowSec, body) })).toEqual(refused("does not fit"));
    expect(ask(sign("m-1", nowSec, Buffer.from("{}")))).toEqual(refused("does not fit"));
    const { "webhook-timestamp": _none, ...untimed } = sign("m-1", nowSec, body);
    expect(ask(untimed)).toEqual(refused("webhook-timestamp is missing"));
  });
});
