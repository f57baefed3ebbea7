import { expect, it } from "vitest";
import { replaced, withoutSecrets } from "../../../src/platform/audit/zero-log.ts";
import { systemActor } from "../../../src/platform/people.ts";

const entry = { actor: systemActor, action: "test.done", subject: "R-1" };

it.each([
  "the password is hunter2hunter2",
  "use ghp_0123456789abcdefghijABCDEFGHIJ please",
  "open https://ops.example.com/sign-in?token=abcDEF0123456789",
  "qdh_0123456789abcdef0123",
  "qdo_0123456789abcdef0123",
  "postgres://app:s3cr3tpw@db/orders",
  "Zx9Kq2Lm8Wv4Tb7Rn3Yc6Hd1Pf5",
])("keeps no secret given as a reason: %s", (reason) => {
  expect(withoutSecrets({ ...entry, reason }).reason).toBe(replaced);
});

it("looks into every level of the detail, and leaves digests, times and ordinary words", () => {
  const digest = "9f".repeat(32);
  const detail = {
    digest,
    until: "2026-03-02T10:00:00.000Z",
    list: ["shop", { note: "Bearer abcdefghijklmnop" }],
    empty: null,
    count: 3,
  };
  expect(withoutSecrets({ ...entry, reason: "checkout is slow, INC-42", detail })).toEqual({
    ...entry,
    reason: "checkout is slow, INC-42",
    detail: { ...detail, list: ["shop", { note: replaced }] },
  });
});
