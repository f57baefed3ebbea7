import { describe, expect, it } from "vitest";
import { card, dateToken, escapeText, link } from "../../../src/platform/messages/blocks.ts";
import { plainOf, plainReply } from "../../../src/platform/messages/plain.ts";

const names = {
  person: (id: string) => (id === "U0LEAD" ? "lena" : undefined),
  channel: (id: string) => (id === "C0OPS" ? "ops" : undefined),
};

describe("mrkdwn in a terminal", () => {
  it.each([
    ["names people and channels", "<@U0LEAD> in <#C0OPS|x>, not <@U0WHO>", "@lena in #ops, not @U0WHO"],
    ["shows addresses", link("https://example.com/a", "the page"), "the page (https://example.com/a)"],
    ["shows times", dateToken(new Date("2026-03-02T10:00:00Z")), "2026-03-02 10:00 UTC"],
    [
      "drops the fences of code",
      "a table\n```\nSLO  left\nx    100 %\n```\nmore",
      "a table\nSLO  left\nx    100 %\nmore",
    ],
    ["drops marks", "*Yours now* and `status shop`", "Yours now and status shop"],
    ["turns commands into lines to type", "Type `/ops status shop`", "Type status shop"],
    [
      "shows text from outside as it was",
      escapeText("a < b & *c* `d` <!channel>"),
      "a < b & *c* `d` <!channel>",
    ],
  ])("%s", (_what, mrkdwn, plain) => {
    expect(plainOf(mrkdwn, names)).toBe(plain);
  });
});

it("a card in a terminal shows its facts, and its verbs as lines to type", () => {
  const shown = card({
    mark: "🟠",
    headline: "shop · T-3",
    context: ["storefront", "since 10:00"],
    facts: [["Errors", "9 %"]],
    verbs: [
      { label: "Take it", line: "ack T-3" },
      { label: "Runbook", url: "https://example.com/r" },
    ],
    more: [{ label: "Mute", line: "modal mute: T-3" }],
  });
  expect(plainReply(shown, names)).toBe(
    [
      "🟠 shop · T-3",
      "storefront · since 10:00",
      "Errors: 9 %",
      '  Take it: quarterdeck ops "ack T-3"',
      "  Runbook: https://example.com/r",
    ].join("\n"),
  );
});
