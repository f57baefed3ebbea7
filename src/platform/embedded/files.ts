import { randomUUID } from "node:crypto";
import { chmod, chown, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

export const isErrno = (error: unknown, code: string): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === code;

/** Whether something is there (links followed). */
export async function existsFile(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error) => {
      if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return false;
      throw error;
    },
  );
}

export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error) => {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  });
}

/** Writes beside and renames, so that a reader sees the old text or the new, never half of it. Mode 600 unless told. */
export async function writeWhole(
  path: string,
  text: string,
  mode = 0o600,
  owner?: { uid: number; gid: number },
): Promise<void> {
  const fresh = `${path}.${randomUUID()}`;
  try {
    const file = await open(fresh, "wx", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (owner) await chown(fresh, owner.uid, owner.gid);
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

/** Makes a folder that everybody may enter, whatever the umask; one that was there keeps its mode. */
export async function openFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await chmod(folder, 0o755);
}
