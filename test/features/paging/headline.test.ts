import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headlineFor80, plainLine } from "../../../src/features/paging/headline.ts";
import { escapeText } from "../../../src/platform/messages/blocks.ts";

const chars = (text: string) => [...text].length;

describe("a page's line on a lock screen", () => {
  it.each([
    [
      "PAGE shop: checkout errors 9 %, burn 90x. Suspect 1: shop v42, 02:58, by ci (@author). 11 more services hit. Ack / Roll back",
      "PAGE shop: checkout errors 9 %, burn 90x. Suspect shop v42, 02:58. +11 services",
    ],
    [
      "PAGE shop: checkout errors 9 %, burn 90x. Suspect 1: shop v42, 02:58. Ack / Roll back",
      "PAGE shop: checkout errors 9 %, burn 90x. Suspect 1: shop v42, 02:58",
    ],
    ["PAGE shop: errors 9 %, burn 90x (T-3)", "PAGE shop: errors 9 %, burn 90x (T-3)"],
    [
      "PAGE shop staging: HighErrorRate: burn 90x, errors 9.1 %, 40 % of the budget left (T-3). Suspect 1: shop v42, 02:58, by ci",
      "PAGE shop staging: HighErrorRate: burn 90x, errors 9.1 %. Suspect shop v42",
    ],
    [
      "PAGE orders-database: connections 100 % of 400, waiting 1200. Suspect 1: recommendations v2026.11.25-rc4, 02:58. 11 more services hit",
      "PAGE orders-database: connections 100 % of 400. Suspect recommendations v2026.1…",
    ],
    [`PAGE shop: ${"x".repeat(100)}, burn 90x. Suspect 1: shop v42`, `PAGE shop: ${"x".repeat(68)}…`],
  ])("%# shortens what can be missed first", (line, short) => {
    expect(headlineFor80(line)).toBe(short);
    expect(chars(short)).toBeLessThanOrEqual(80);
  });

  it("fits whatever the words are, leaves alone what fits, and is the same when shortened again", () => {
    const word = fc.string({ unit: "grapheme", maxLength: 40 });
    const sentence = fc.oneof(
      fc.array(word, { maxLength: 5 }).map((words) => words.join(", ")),
      fc.tuple(word, word).map(([what, who]) => `Suspect 1: ${what}, 02:58, by ${who} (@x)`),
      fc.nat(99).map((n) => `${n} more services hit`),
    );
    fc.assert(
      fc.property(
        fc.array(sentence, { maxLength: 6 }),
        fc.integer({ min: 10, max: 90 }),
        (sentences, max) => {
          const line = sentences.join(". ");
          const short = headlineFor80(line, max);
          expect(chars(short)).toBeLessThanOrEqual(max);
          expect(headlineFor80(short, max)).toBe(short);
          const whole = line.replace(/\s+/g, " ").trim();
          if (chars(whole) <= max) expect(short).toBe(whole);
        },
      ),
    );
  });
});

it("turns a line of markup back into the words it was made of", () => {
  const words = 'PAGE a_b*c: <!channel> & "x" > 5 ~ `y`';
  expect(plainLine(escapeText(words))).toBe(words);
  expect(plainLine("PAGE shop (by <@U0DEV>) at <!date^1^{time}|10:00 UTC>")).toBe(
    "PAGE shop (by @U0DEV) at 10:00 UTC",
  );
});
