import { expect, it } from "vitest";
import { Turns } from "../../src/platform/turns.ts";

it("runs one at a time by key, in the order asked, whatever fails before, and other keys beside it", async () => {
  const turns = new Turns();
  const said: string[] = [];
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const work =
    (name: string, until: Promise<void> = Promise.resolve()) =>
    async () => {
      said.push(`${name} begins`);
      await until;
      said.push(`${name} ends`);
      return name;
    };
  const first = turns.take("a", async () => {
    await work("first", gate)();
    throw new Error("first failed");
  });
  const second = turns.take("a", work("second"));
  const other = turns.take("b", work("other"));
  expect(await other).toBe("other");
  open();
  await expect(first).rejects.toThrow("first failed");
  expect(await second).toBe("second");
  expect(said).toEqual([
    "first begins",
    "other begins",
    "other ends",
    "first ends",
    "second begins",
    "second ends",
  ]);
});
