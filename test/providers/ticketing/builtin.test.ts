import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBuiltinTicketing } from "../../../src/providers/ticketing/builtin.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { ticketingConformance } from "./conformance.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await testDatabase();
});
afterAll(() => test.close());
const ticketing = () => createBuiltinTicketing(test.db, () => test.clock.now());

describe("the built-in ticket store", () => {
  ticketingConformance(() => ({ ticketing, now: () => test.clock.now() }));

  it("opens one ticket per marker, however often it is asked at once", async () => {
    const content = { title: "t", body: "b", owner: "o", severity: "s" };
    const made = await Promise.all(
      Array.from({ length: 8 }, () => ticketing().create(content, "T-500", null)),
    );
    expect(new Set(made.map(({ key }) => key)).size).toBe(1);
  });
});
