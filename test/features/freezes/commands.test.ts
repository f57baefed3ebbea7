import { beforeAll, describe, expect, it } from "vitest";
import { grammarOf } from "../../../src/catalog/grammar.ts";
import { loadCatalog } from "../../../src/catalog/load.ts";
import { declaredFeatures } from "../../../src/cli/declared.ts";
import type { GrammarContext } from "../../../src/platform/commands/context.ts";
import { parseLine } from "../../../src/platform/commands/parse.ts";
import { refusalText } from "../../../src/platform/refusal.ts";

const specs = declaredFeatures().flatMap(({ commands }) => (commands ?? []).map(({ spec }) => spec));
let grammar: GrammarContext;

beforeAll(async () => {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error("the sample catalog cannot be used");
  grammar = grammarOf(loaded.catalog, {
    slackTeam: "T0LOCAL",
    slackUser: "U0LEAD",
    typedAt: new Date("2026-11-25T09:00:00Z"),
    hasModals: false,
  });
});

const shop = { is: "service", service: "shop", environment: "production", isDefault: true };
const until = (text: string) => ({ until: new Date(text) });

describe("the words of freezes", () => {
  it.each([
    ["freeze", "freeze list", {}],
    ["freeze list", "freeze list", {}],
    ["Freeze", "freeze list", {}],
    [
      "freeze start shop 2h the sale is on",
      "freeze start",
      { target: shop, time: until("2026-11-25T11:00:00Z"), reason: "the sale is on" },
    ],
    [
      "freeze start payments@staging 1h30m “load test”",
      "freeze start",
      {
        target: { is: "service", service: "payments", environment: "staging", isDefault: false },
        time: until("2026-11-25T10:30:00Z"),
        reason: "load test",
      },
    ],
    [
      "freeze start storefront until fri 09:00 sale",
      "freeze start",
      { target: { is: "team", team: "storefront" }, time: until("2026-11-27T09:00:00Z"), reason: "sale" },
    ],
    ["freeze start all 2d sale —dry-run", "freeze start", { target: { is: "all" }, reason: "sale" }],
    ["freeze end F-2 sale over", "freeze end", { freeze: "F-2", reason: "sale over" }],
    ["freeze end f2 sale over", "freeze end", { freeze: "F-2", reason: "sale over" }],
    [
      "freeze override shop 1h broken checkout",
      "freeze override",
      {
        service: { service: "shop", environment: "production", isDefault: true },
        time: until("2026-11-25T10:00:00Z"),
        reason: "broken checkout",
      },
    ],
  ])("%s", (line, name, args) => {
    const parsed = parseLine(line, specs, grammar);
    expect(parsed.ok ? parsed.value.spec.name : refusalText(parsed.refusal)).toBe(name);
    expect(parsed.ok && parsed.value.args).toMatchObject(args);
    expect(parsed.ok && parsed.value.flags.dryRun).toBe(line.includes("dry-run"));
  });

  it.each([
    ["freeze start shop", "freeze start needs <time>"],
    ["freeze start shop 2h", "freeze start needs <reason>"],
    ["freeze start shop tomorrow sale", '"tomorrow" is not read as a time.'],
    ["freeze start shp 2h sale", '"shp" is not a service, a team or all. Did you mean shop?'],
    ["freeze start shop@staging 2h sale", '"staging" is not an environment of shop.'],
    ["freeze end shop over", '"shop" is not an id. Due here is a freeze (F-12).'],
    ["freeze end R-2 over", '"R-2" is a rollout. Due here is a freeze (F-12).'],
    ["freeze end F-2", "freeze end needs <reason>"],
    ["freeze overide shop 1h fix", "Did you mean freeze override?"],
    ["freeze list --dry-run", "freeze list only shows"],
  ])("%s says what is wrong", (line, said) => {
    const parsed = parseLine(line, specs, grammar);
    expect(parsed.ok ? parsed.value.spec.name : refusalText(parsed.refusal)).toContain(said);
  });
});
