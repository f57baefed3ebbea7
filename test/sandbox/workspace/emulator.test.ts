import { expect, it } from "vitest";
import { Bearer, dmIdOf } from "../../../src/sandbox/workspace/emulator.ts";
import { IdMap, nextTs } from "../../../src/sandbox/workspace/ids.ts";

it("takes the next token before emulate's 5,000 calls an hour are used up, and starts over after the last", () => {
  const bearer = new Bearer("t", 2);
  const calls = Array.from({ length: 8_001 }, () => bearer.take());
  expect(calls.filter((token) => token === "t-0").length).toBeLessThan(5_000);
  expect(new Set(calls.slice(0, 4_000))).toEqual(new Set(["t-0"]));
  expect(calls[4_000]).toBe("t-1");
  expect(calls[8_000]).toBe("t-0");
});

it("gives the same two people the same direct messages, whoever asks", () => {
  expect(dmIdOf("U0ADA", "U0BOT")).toBe(dmIdOf("U0BOT", "U0ADA"));
  expect(dmIdOf("U0ADA", "U0BOT")).not.toBe(dmIdOf("U0LEA", "U0BOT"));
  expect(dmIdOf("U0ADA", "U0BOT")).toMatch(/^D[A-Z0-9]{9}$/);
});

it("translates ids both ways wherever they stand, and leaves longer words alone", () => {
  const ids = new IdMap();
  ids.pair("U0ADA", "UABCDEF123");
  ids.pair("C0OPS", "CABCDEF123");
  const outer = '{"user":"U0ADA","text":"<@U0ADA> in <#C0OPS|ops>, U0ADAM, XU0ADA"}';
  const inner = '{"user":"UABCDEF123","text":"<@UABCDEF123> in <#CABCDEF123|ops>, U0ADAM, XU0ADA"}';
  expect(ids.toInner(outer)).toBe(inner);
  expect(ids.toOuter(inner)).toBe(outer);
  expect(() => ids.pair("U0LEA", "UABCDEF123")).toThrow(/already taken/);
});

it("moves a new time aside when an old message has it", () => {
  const ids = new IdMap();
  ids.pair("1700000000.000001", "1800000000.000001");
  expect(ids.adopt("1700000000.000001")).toBe("1700000000.000002");
  expect(ids.adopt("1700000000.000001")).toBe("1700000000.000002");
  expect(ids.adopt("1700000009.000004")).toBe("1700000009.000004");
  expect(nextTs("1700000000.999999")).toBe("1700000001.000000");
});
