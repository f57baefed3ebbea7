import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder that is removed when the test ends. Mode 755, so that another account may enter, unless told. */
export function tempDir(mode = 0o755): string {
  const dir = mkdtempSync(join(tmpdir(), "quarterdeck-test-"));
  chmodSync(dir, mode);
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
