import { expect, it } from "vitest";
import { parseBodyPath, valueAt } from "../../src/catalog/body-path.ts";

const alert = {
  name: "a",
  tags: ["x", { deep: 1 }],
  labels: { "app.kubernetes.io/name": "shop" },
  "": "blank",
};
const body = { sender: "s", alerts: [alert], list: [1] };
const at = (text: string): unknown => {
  const path = parseBodyPath(text);
  return path === undefined ? "no path" : valueAt(path, body, alert);
};

it.each([
  ["name", "a"],
  ["tags[0]", "x"],
  ["tags[1].deep", 1],
  ["labels['app.kubernetes.io/name']", "shop"],
  ['labels["app.kubernetes.io/name"]', "shop"],
  ["$.sender", "s"],
  ["$.alerts[0].name", "a"],
  ["$", body],
  ["$['list'][0]", 1],
  ["missing.below", undefined],
  ["tags[7]", undefined],
  ["name.length", undefined],
  ["tags.length", 2],
  ["constructor", undefined],
  ["__proto__", undefined],
])("reads %s", (text, value) => {
  expect(at(text)).toEqual(value);
});

it.each([
  "",
  ".",
  "a..b",
  "a.",
  "a[",
  "a[x]",
  "a[*]",
  "a[?(@.b)]",
  "..a",
  "a b",
  "a[-1]",
  `a${".b".repeat(30)}`,
  "x".repeat(400),
])("knows no path %j", (text) => {
  expect(at(text)).toBe("no path");
});
