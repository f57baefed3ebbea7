import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { HookKind } from "../../../../src/catalog/hook-sources.ts";
import { readDelivery } from "../../../../src/features/alerts/webhooks/senders.ts";
import { inbound } from "./inbound.ts";

const folder = "test/fixtures/payloads";
const kinds: readonly HookKind[] = ["sns", "flagger", "argocd", "github", "gitlab", "cloudevents"];
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.slice(0, -".json".length));
const kindOf = (name: string) => name.split("-")[0] as HookKind;
const read = (name: string) => readDelivery(inbound(kindOf(name), readFileSync(`${folder}/${name}.json`)));

describe("bodies as they are sent", () => {
  it.each(names.filter((name) => kinds.includes(kindOf(name))))("become what they say: %s", (name) => {
    const expected: unknown = JSON.parse(readFileSync(`${folder}/expected/${name}.json`, "utf8"));
    expect(JSON.parse(JSON.stringify(read(name)))).toEqual(expected);
  });

  it("never show the token of a subscription", () => {
    const told = JSON.stringify(read("sns-subscription_confirmation"));
    expect(told).not.toContain("2336412f37fb687f");
    expect(told).not.toContain("SubscribeURL");
  });

  it("leave out the variables of a pipeline", () => {
    expect(JSON.stringify(read("gitlab-pipeline"))).not.toContain("NESTOR_PROD_ENVIRONMENT");
  });
});
