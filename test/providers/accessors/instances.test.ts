import { expect, it } from "vitest";
import type { AccessorInstance } from "../../../src/catalog/schema.ts";
import type { Accessor } from "../../../src/providers/accessors/contract.ts";
import { createAccessors } from "../../../src/providers/accessors/instances.ts";

const instance: AccessorInstance = {
  name: "orders-postgres",
  kind: "postgres",
  urlEnv: "ORDERS_DB_URL",
  databases: ["orders"],
  leftoversOwner: "leftovers",
  connectionsMax: 3,
};

const accessorsWith = (env: (name: string) => string | undefined, wrap?: (accessor: Accessor) => Accessor) =>
  // None of these kinds asks for more of the platform.
  createAccessors({ env, clock: { now: () => new Date(0) } } as Parameters<typeof createAccessors>[0], wrap);

it("refuses an instance whose address is not in the environment, and names the variable", () => {
  expect(() => accessorsWith(() => undefined).of(instance, [{ grantRole: "app_ro" }])).toThrow(
    expect.objectContaining({ code: "unauthorised", hint: expect.stringContaining("ORDERS_DB_URL") }),
  );
});

it("reads the address at each call, and never shows it when it is no address", () => {
  let url = "postgres://manager:hidden@127.0.0.1:1/orders";
  const accessors = accessorsWith(() => url);
  expect(() => accessors.of(instance, [{ grantRole: "app_ro" }])).not.toThrow();
  url = "hidden, not a url";
  try {
    accessors.of(instance, [{ grantRole: "app_ro" }]);
    expect.unreachable();
  } catch (error) {
    expect(String(error)).not.toContain("hidden");
  }
});

it("lets a caller stand between", () => {
  const mine = {} as Accessor;
  const accessors = accessorsWith(
    () => "postgres://m:p@127.0.0.1:1/orders",
    () => mine,
  );
  expect(accessors.of(instance, [])).toBe(mine);
});
