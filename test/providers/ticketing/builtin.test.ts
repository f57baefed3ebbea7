import { afterAll, beforeAll, describe } from "vitest";
import { createBuiltinTicketing } from "../../../src/providers/ticketing/builtin.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { ticketingConformance } from "./conformance.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await testDatabase();
});
afterAll(() => test.close());

describe("the built-in ticket store", () => {
  ticketingConformance(() => createBuiltinTicketing(test.db, () => test.clock.now()));
});
