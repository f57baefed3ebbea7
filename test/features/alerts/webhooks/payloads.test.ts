import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { payloads, readAs } from "./payloads.ts";

it.each(payloads)("$file is read as its expected file says", ({ kind, body, headers, expected, file }) => {
  expect(expected, `write test/fixtures/payloads/expected/${file}`).toBeDefined();
  expect(readAs(kind, body, headers)).toEqual(expected?.read);
});

it("every expected file belongs to a payload", () => {
  expect(readdirSync("test/fixtures/payloads/expected").sort()).toEqual(
    payloads.map(({ file }) => file).sort(),
  );
});
