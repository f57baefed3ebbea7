import { expect, it } from "vitest";
import { blockFaults, viewFaults } from "../../../src/sandbox/workspace/blocklimits.ts";

const text = (length: number): object => ({ type: "plain_text", text: "x".repeat(length) });
const section = (length: number): object => ({ type: "section", text: text(length) });
const button = (change: object): object => ({
  type: "actions",
  elements: [{ type: "button", action_id: "a", text: text(5), ...change }],
});
const overflow = (count: number): object => ({
  type: "section",
  text: text(1),
  accessory: {
    type: "overflow",
    options: Array.from({ length: count }, (_, i) => ({ text: text(1), value: `${i}` })),
  },
});

it.each([
  ["50 blocks", Array.from({ length: 50 }, () => ({ type: "divider" }))],
  ["a section of 3,000 characters", [section(3_000)]],
  ["a header of 150", [{ type: "header", text: text(150) }]],
  ["a button of 75", [button({ text: text(75) })]],
  ["a value of 2,000", [button({ value: "x".repeat(2_000) })]],
  ["five options in an overflow", [overflow(5)]],
  ["ten fields", [{ type: "section", fields: Array.from({ length: 10 }, () => text(2_000)) }]],
  ["12,000 characters of markdown", [{ type: "markdown", text: "x".repeat(12_000) }]],
])("takes %s", (_what, blocks) => {
  expect(blockFaults(blocks)).toEqual([]);
});

it.each([
  ["51 blocks", Array.from({ length: 51 }, () => ({ type: "divider" })), "/blocks]"],
  ["a section of 3,001 characters", [section(3_001)], "/blocks/0/text"],
  ["an empty section", [{ type: "section" }], "/blocks/0"],
  ["a header of 151", [{ type: "header", text: text(151) }], "/blocks/0/text"],
  ["a button of 76", [button({ text: text(76) })], "/blocks/0/elements/0/text"],
  ["a value of 2,001", [button({ value: "x".repeat(2_001) })], "/blocks/0/elements/0/value"],
  ["an unknown style", [button({ style: "warning" })], "/blocks/0/elements/0/style"],
  ["six options in an overflow", [overflow(6)], "/blocks/0/accessory/options"],
  [
    "eleven fields",
    [{ type: "section", fields: Array.from({ length: 11 }, () => text(1)) }],
    "/blocks/0/fields",
  ],
  [
    "markdown past 12,000 over two blocks",
    [1, 2].map(() => ({ type: "markdown", text: "x".repeat(6_001) })),
    "12000",
  ],
  ["an image without alt_text", [{ type: "image", image_url: "https://x.example/a.png" }], "alt_text"],
  ["the same block_id twice", [1, 2].map(() => ({ type: "divider", block_id: "b" })), "/blocks/1/block_id"],
  ["actions without elements", [{ type: "actions", elements: [] }], "/blocks/0/elements"],
  ["an unknown block", [{ type: "banner" }], "/blocks/0/type"],
])("refuses %s and says where", (_what, blocks, place) => {
  expect(blockFaults(blocks).join(" ")).toContain(place);
});

it("refuses a modal that asks without a way to submit, or whose title is too long", () => {
  const input = { type: "input", label: text(1), element: { type: "plain_text_input" } };
  const view = { type: "modal", title: text(24), submit: text(3), blocks: [input] };
  expect(viewFaults(view)).toEqual([]);
  expect(viewFaults({ ...view, submit: undefined }).join()).toContain("submit");
  expect(viewFaults({ ...view, title: text(25) }).join()).toContain("/title");
  expect(viewFaults({ ...view, private_metadata: "x".repeat(3_001) }).join()).toContain("/private_metadata");
});
