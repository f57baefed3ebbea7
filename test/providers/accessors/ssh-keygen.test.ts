import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { withKeygen } from "../../../src/providers/accessors/ssh-keygen.ts";

it("removes what one that was killed left in the temporary folder, its signing key with it", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "quarterdeck-test-"));
  const { TMPDIR } = process.env;
  process.env.TMPDIR = temporary;
  onTestFinished(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(temporary, { recursive: true, force: true });
  });
  for (const name of ["quarterdeck-ssh-killed", "quarterdeck-ssh-working", "of-another-program"]) {
    mkdirSync(join(temporary, name));
    writeFileSync(join(temporary, name, "ca"), "the key");
    if (name !== "quarterdeck-ssh-working") utimesSync(join(temporary, name), new Date(0), new Date(0));
  }
  symlinkSync(join(temporary, "of-another-program"), join(temporary, "quarterdeck-ssh-link"));
  await withKeygen({ caKey: { file: "ca" }, signal: new AbortController().signal }, async () => undefined);
  expect(readdirSync(temporary).sort()).toEqual([
    "of-another-program",
    "quarterdeck-ssh-link",
    "quarterdeck-ssh-working",
  ]);
});
