import { describe, expect, it } from "vitest";
import { holdsSecret, ticketsIn } from "../../../src/features/access/reason.ts";

describe("a reason", () => {
  it.each([
    "use AKIAIOSFODNN7EXAMPLE",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789 is the token",
    "xoxb-123456789-abcdefghij",
    "password: hunter22",
    "the password is hunter22",
    "api_key=abcdef123456",
    "postgres://app:s3cret@db:5432/orders",
    "-----BEGIN RSA PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    "Bearer abcdefghijklmnop",
    "log in with kX9vQ2mP7rT4wZ8bN3cL6dF1",
  ])("that holds a secret is found: %s", (text) => {
    expect(holdsSecret(text)).toBe(true);
  });

  it.each([
    "INC-42 stuck orders",
    "reset the password of a customer",
    "token refresh fails since v42",
    "commit 9f3c1e2b7a6d5c4b3a29180f7e6d5c4b3a291807 broke it",
    "see https://ci.example.com/build/1234?tab=Log&at=AbC123dEf456GhI789",
    "checkout-service-production-eu-west-1 is slow",
  ])("in plain words is left alone: %s", (text) => {
    expect(holdsSecret(text)).toBe(false);
  });

  it("names a ticket or does not", () => {
    expect(ticketsIn("INC-42 stuck, as T-7 and T-8")).toEqual({ own: ["T-7", "T-8"], elsewhere: ["INC-42"] });
    for (const none of ["inc-42 stuck", "INC- 42", "as in G-1 and R-2", ""])
      expect(ticketsIn(none), none).toEqual({ own: [], elsewhere: [] });
  });
});
