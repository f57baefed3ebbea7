import { expect, it } from "vitest";
import { Gate } from "../../src/platform/gate.ts";

it("lets so many run at once, the others in their order, and one that fails holds nobody up", async () => {
  const gate = new Gate(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const work = (name: number) =>
    gate.pass(async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (name === 1) throw new Error("no");
      return name;
    });
  const all = Promise.allSettled([1, 2, 3, 4, 5].map(work));
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  await settle();
  expect(begun).toEqual([1, 2]);
  ends[0]?.();
  await settle();
  expect(begun).toEqual([1, 2, 3]);
  for (let at = 1; at < 5; at += 1) {
    ends[at]?.();
    await settle();
  }
  expect(begun).toEqual([1, 2, 3, 4, 5]);
  expect((await all).map(({ status }) => status)).toEqual(["rejected", ...Array(4).fill("fulfilled")]);
  expect(await gate.pass(async () => "free again")).toBe("free again");
});
