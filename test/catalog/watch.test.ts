import { writeFileSync } from "node:fs";
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

it("waits until files that are still being written hold still", async () => {
  const dir = await mkdtemp(join(tmpdir(), "catalog-watch-"));
  const told: number[] = [];
  let looks = 0;
  const onLook = () => {
    looks += 1;
    // Grows between every two of the first ten looks.
    if (looks <= 10) writeFileSync(join(dir, "a.yaml"), "#".repeat(looks));
  };
  const watch = watchCatalog(dir, () => told.push(looks), { pollMs: 5, onLook });
  try {
    await vi.waitFor(() => expect(looks).toBeGreaterThan(15), patience);
    // Look 11 sees the last write, look 12 sees it again; it is told before that look is counted.
    expect(told).toEqual([11]);
  } finally {
    watch.close();
    await rm(dir, { recursive: true, force: true });
  }
});
