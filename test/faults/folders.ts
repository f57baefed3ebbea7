import { chmodSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A temporary folder that outlives one test; as root, Postgres' own account may enter it. */
export async function removedFolder(mode = 0o755): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "quarterdeck-faults-"));
  chmodSync(path, mode);
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}
