import { afterAll, beforeAll, expect, it } from "vitest";
import { createPool, openKysely } from "../../../src/platform/db/database.ts";
import { createLock } from "../../../src/platform/db/lock.ts";
import { type FreshDatabase, freshDatabase } from "../../support/postgres.ts";

let fresh: FreshDatabase;
const opened: ReturnType<typeof openKysely>[] = [];
/** A process of its own, as far as the database can tell. */
const process = () => {
  const db = openKysely(createPool(fresh.url, 2, () => undefined));
  opened.push(db);
  return createLock({ db });
};
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  for (const db of opened) await db.destroy();
  await fresh.drop();
});

it("is one's at a time by its key over all processes, and free again after work that failed", async () => {
  const [one, other] = [process(), process()];
  const inside = one("group", async () => {
    expect(await other("group", async () => "both")).toEqual({ is: "in_use" });
    expect(await other("another", async () => "apart")).toEqual({ is: "done", value: "apart" });
    throw new Error("work failed");
  });
  await expect(inside).rejects.toThrow("work failed");
  expect(await other("group", async () => "after")).toEqual({ is: "done", value: "after" });
});

it("lets those of one process take turns, however few connections it has", async () => {
  const one = process();
  let inside = 0;
  const all = await Promise.all(
    Array.from({ length: 5 }, (_, number) =>
      one("group", async () => {
        inside += 1;
        expect(inside).toBe(1);
        await Promise.resolve();
        inside -= 1;
        return number;
      }),
    ),
  );
  expect(all.map((done) => done.is === "done" && done.value)).toEqual([0, 1, 2, 3, 4]);
});
