import { expect, it } from "vitest";
import type { AccessorInstance } from "../../../src/catalog/schema.ts";
import { foreseeAt } from "../../../src/features/access/foresee.ts";
import type { Accessor, GrantIntent, Plan } from "../../../src/providers/accessors/contract.ts";
import { ProviderError } from "../../../src/providers/errors.ts";
import { anybody } from "../../providers/accessors/granted.ts";

const instance = { name: "orders-postgres" } as AccessorInstance;
const intent: GrantIntent = {
  externalName: "qd_dryrun",
  grantee: anybody,
  terms: { grantRole: "app_ro" },
  expiresAt: new Date("2026-11-25T12:30:00Z"),
};
const planning = (plan: () => Promise<Partial<Plan>>) => ({ of: () => ({ plan }) as unknown as Accessor });

it("tells what the system says it would do, and what is in the way", async () => {
  const words = ["Make the login qd_dryrun", "At the end: drop it"];
  expect(
    await foreseeAt(
      planning(async () => ({ words, obstacles: [] })),
      instance,
      intent,
    ),
  ).toEqual([
    "At orders-postgres it would:",
    "• Make the login qd_dryrun",
    "• At the end: drop it",
    "Nothing is in the way there.",
  ]);
  const blocked = planning(async () => ({ words, obstacles: ["app_ro is not there", "and more"] }));
  expect((await foreseeAt(blocked, instance, intent)).at(-1)).toBe(
    "In the way there: app_ro is not there; and more.",
  );
});

it("says so when the system cannot be asked, and passes on what is no answer of it", async () => {
  const away = planning(() => Promise.reject(new ProviderError("unreachable", "It is away", "Try again")));
  expect(await foreseeAt(away, instance, intent)).toEqual([
    "What would be done at orders-postgres cannot be said now: It is away. Try again.",
  ]);
  const broken = planning(() => Promise.reject(new TypeError("ours")));
  await expect(foreseeAt(broken, instance, intent)).rejects.toThrow(TypeError);
});
