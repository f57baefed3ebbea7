import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { watchCatalog } from "../../src/catalog/watch.ts";

const patience = { timeout: 10_000, interval: 5 };

it("tells once of a file written, added and removed, and nothing after it is closed", async () => {
  const dir = await mkdtemp(join(tmpdir(), "catalog-watch-"));
  const file = join(dir, "a.yaml");
  await writeFile(file, "teams: []\n");
  let changes = 0;
  let looks = 0;
  const watch = watchCatalog(
    dir,
    () => {
      changes += 1;
    },
    {
      pollMs: 10,
      onLook: () => {
        looks += 1;
      },
    },
  );
  const told = (count: number) => vi.waitFor(() => expect(changes).toBe(count), patience);
  const moreLooks = async (count: number) => {
    const until = looks + count;
    await vi.waitFor(() => expect(looks).toBeGreaterThanOrEqual(until), patience);
  };
  try {
    await moreLooks(2);
    expect(changes).toBe(0);
    await writeFile(file, "teams: [] # one\n");
    await told(1);
    await writeFile(join(dir, "b.yaml"), "people: []\n");
    await told(2);
    await rm(file);
    await told(3);
    await writeFile(join(dir, "notes.txt"), "not of the catalog");
    await moreLooks(4);
    expect(changes).toBe(3);
    await rm(dir, { recursive: true });
    await told(4);
  } finally {
    watch.close();
    await rm(dir, { recursive: true, force: true });
  }
});
