import fc from "fast-check";
import { expect, it } from "vitest";
import {
  type IdKind,
  idNumberMax,
  letterByKind,
  numberOf,
  parseId,
  parseIdOf,
  publicId,
} from "../../src/platform/ids.ts";

const kinds = Object.keys(letterByKind) as IdKind[];

it("reads back every id it writes, however it is typed", () => {
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.integer({ min: 1, max: idNumberMax }), (kind, number) => {
      const id = publicId(kind, number);
      for (const typed of [id, id.toLowerCase(), id.replace("-", ""), id.replace("-", "").toLowerCase()]) {
        expect(parseId(typed)).toEqual({ letter: letterByKind[kind], kind, number, id });
      }
      expect(numberOf(id)).toBe(number);
    }),
  );
});

it.each([
  "",
  "R",
  "R-",
  "R-0",
  "R-012",
  "R--1",
  "R-1.5",
  "R-1e3",
  "X-1",
  "R-2147483648",
  "R-99999999999",
  "Ｒ-1",
  "R-1 ",
  "R-١",
  "RR-1",
])("does not read %s as an id", (text) => {
  expect(parseId(text)).toBeUndefined();
});

it("does not take an id of another kind", () => {
  expect(parseIdOf("grant", "G-4")).toBe("G-4");
  expect(parseIdOf("grant", "R-4")).toBeUndefined();
});

it.each([0, -1, 1.5, Number.NaN, idNumberMax + 1])("refuses to write an id with number %s", (number) => {
  expect(() => publicId("rollout", number)).toThrow(RangeError);
});
