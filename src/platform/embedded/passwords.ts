import { randomBytes } from "node:crypto";
import { chmod } from "node:fs/promises";
import { readIfThere, writeWhole } from "./files.ts";

/** The password kept in `path` (mode 600); made at the first call. */
export async function keptPassword(path: string): Promise<string> {
  const kept = (await readIfThere(path))?.trim();
  if (kept) {
    await chmod(path, 0o600);
    return kept;
  }
  const password = randomBytes(24).toString("hex");
  await writeWhole(path, `${password}\n`);
  return password;
}
