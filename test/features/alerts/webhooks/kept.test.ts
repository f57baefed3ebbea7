import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  keptOfFlagger,
  keptOfGithub,
  keptOfGitlab,
  keptOfSns,
  openedFrom,
  sealedIn,
} from "../../../../src/features/alerts/webhooks/kept.ts";
import { senderOf } from "../../../../src/features/alerts/webhooks/senders.ts";
import { SecretBox } from "../../../../src/platform/secretbox.ts";
import { payloads, readAs } from "./payloads.ts";

const box = new SecretBox("ab".repeat(32));
const seal = (id: string, text: string) => sealedIn(box, id, text);
const file = (name: string) => readFileSync(`test/fixtures/payloads/${name}.json`);

describe("what is kept of a body", () => {
  it.each(payloads)("reads as the whole: $file", ({ kind, body, headers }) => {
    const kept = senderOf(kind)?.kept?.(body, seal) ?? body;
    expect(readAs(kind, kept, headers)).toEqual(readAs(kind, body, headers));
  });

  it("is without the variables of a pipeline, the metadata of a canary and a secret that was found", () => {
    expect(keptOfGitlab(file("gitlab-pipeline")).toString()).not.toContain("NESTOR_PROD_ENVIRONMENT");
    expect(keptOfFlagger(file("flagger-rollout_hook_progressing")).toString()).not.toContain("16688eb5");
    const leaked = Buffer.from('{"alert":{"number":1,"secret":"ghp_x"}}');
    expect(keptOfGithub(leaked).toString()).toBe('{"alert":{"number":1}}');
  });

  it("holds the address that confirms a topic sealed, and its token and the address that ends it not at all", () => {
    const kept = keptOfSns(file("sns-subscription_confirmation"), seal).toString();
    expect(kept).not.toContain("2336412f37fb687f");
    const { MessageId: id, SubscribeURL: sealed } = JSON.parse(kept) as Record<string, string>;
    expect(openedFrom(box, id ?? "", sealed ?? "")).toContain("Action=ConfirmSubscription");
    expect(openedFrom(box, "another", sealed ?? "")).toBeUndefined();
    expect(keptOfSns(file("sns-cloudwatch_alarm"), seal).toString()).not.toContain("Unsubscribe");
  });

  it("is every byte where nothing must go", () => {
    for (const text of ["{", "[]", "7", '{"a":12345678901234567890}'])
      for (const kept of [keptOfGitlab, keptOfFlagger, keptOfGithub])
        expect(kept(Buffer.from(text)).toString()).toBe(text);
  });
});
