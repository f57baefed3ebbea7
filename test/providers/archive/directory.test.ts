import { mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createDirectoryArchive } from "../../../src/providers/archive/directory.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { archiveSuite } from "./suite.ts";

const until = new Date("2027-02-23T00:00:00.000Z");

archiveSuite("a folder", async () => {
  const dir = await mkdtemp(join(tmpdir(), "quarterdeck-test-"));
  return {
    archive: createDirectoryArchive(join(dir, "archive")),
    close: () => rm(dir, { recursive: true, force: true }),
  };
});

it("leaves read-only files and no drafts", async () => {
  const dir = tempDir();
  await createDirectoryArchive(dir).put("seals/1.json", Buffer.from("{}"), until);
  expect(await readdir(join(dir, "seals"))).toEqual(["1.json"]);
  expect((await stat(join(dir, "seals", "1.json"))).mode & 0o777).toBe(0o444);
});

it("does not write through a link that stands where a file should", async () => {
  const dir = tempDir();
  await writeFile(join(dir, "elsewhere"), "kept");
  await symlink(join(dir, "elsewhere"), join(dir, "1.json"));
  await expect(createDirectoryArchive(dir).put("1.json", Buffer.from("{}"), until)).rejects.toMatchObject({
    code: "taken",
  });
});

it("says where it is when it cannot be used", async () => {
  const dir = tempDir();
  await writeFile(join(dir, "file"), "");
  const archive = createDirectoryArchive(join(dir, "file"));
  await expect(archive.put("1.json", Buffer.from("{}"), until)).rejects.toMatchObject({
    code: "unreachable",
    message: expect.stringContaining(join(dir, "file")),
  });
});

it.each(["../1.json", "a/../../1.json", "/etc/passwd", ""])("has no file called %j", async (name) => {
  await expect(createDirectoryArchive(tempDir()).put(name, Buffer.from("{}"), until)).rejects.toThrow(
    RangeError,
  );
});
