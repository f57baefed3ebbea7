import { randomUUID } from "node:crypto";
import { chmod, chown, type FileHandle, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
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

const logBytesMax = 10 * 1024 * 1024;

/** Opens a log to append to; one that has grown past 10 MiB becomes `<name>.1` first. The caller closes it. */
export async function openLog(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > logBytesMax) await rename(path, `${path}.1`);
  return open(path, "a", 0o600);
}

/** The last lines of a log, for an error message. */
export async function logTail(path: string): Promise<string> {
  const lines = (await readFile(path, "utf8").catch(() => "")).trimEnd().split("\n");
  return lines.slice(-8).join("\n");
}

/** Makes a folder that everybody may enter, whatever the umask; one that was there keeps its mode. */
export async function openFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await chmod(folder, 0o755);
}
