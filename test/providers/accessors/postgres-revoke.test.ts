import { expect, it } from "vitest";
import { seenText } from "../../../src/providers/accessors/postgres-revoke.ts";

const at = (minute: number, application: string) => ({
  since: new Date(Date.UTC(2026, 10, 25, 16, minute)),
  application,
});

it("tells the oldest three sessions and counts the rest", () => {
  const ended = [
    at(20, "DBeaver"),
    at(8, "psql"),
    at(30, "\u0000\u001b[31m"),
    at(9, ""),
    at(40, "x".repeat(60)),
  ];
  expect(seenText(ended)).toBe(
    "5 sessions were open at its end: psql since 2026-11-25 16:08 UTC, a client without a name since 2026-11-25 16:09 UTC, DBeaver since 2026-11-25 16:20 UTC, and 2 more",
  );
  expect(seenText([at(1, "x".repeat(60))])).toContain(`${"x".repeat(30)} since`);
  expect(seenText([{ since: null, application: "" }])).toBe("1 session was open at its end");
  expect(seenText([])).toBe("no session was open at its end");
  expect(seenText([], true)).toContain("its end came late");
  expect(seenText([{ since: null, application: "" }], true)).toBe("1 session was open at its end");
});
