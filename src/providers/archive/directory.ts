import { randomBytes } from "node:crypto";
import { link, mkdir, open, readdir, readFile, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type Archive, ArchiveError } from "../../platform/audit/archive.ts";

/**
 * A folder in which files are written once: to the disk under another name, then linked to theirs, which fails where
 * something stands already. Read-only files (0444); nothing here changes or removes one. What it is worth: it stops
 * whoever cannot become this account, or root, on this machine. Retention is the folder's owner's to keep.
 */
export function createDirectoryArchive(folder: string): Archive {
  const root = resolve(folder);
  const pathOf = (name: string): string => {
    if (!/^[a-z0-9][a-z0-9./_-]*$/i.test(name) || name.split("/").includes(".."))
      throw new RangeError(`no name for a file of the archive: ${name}`);
    return join(root, name);
  };
  const get = (name: string): Promise<Buffer | undefined> =>
    readFile(pathOf(name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw unreachable(root, error);
    });
  return {
    place: root,
    get,
    async put(name, bytes) {
      const path = pathOf(name);
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o755 });
        await writeOnce(path, bytes);
      } catch (error) {
        throw unreachable(root, error);
      }
      const kept = await get(name);
      if (kept?.equals(bytes)) return;
      throw new ArchiveError(
        "taken",
        `${path} holds something else.`,
        "The archive has entries that this database has not: `quarterdeck audit verify` says more.",
      );
    },
    async *list(prefix, after = "") {
      const base = dirname(`${prefix}x`);
      for await (const name of walk(root, base === "." ? "" : `${base}/`, after))
        if (name.startsWith(prefix) && name > after) yield name;
    },
    close: async () => undefined,
  };
}

const unreachable = (root: string, cause: unknown): ArchiveError =>
  new ArchiveError(
    "unreachable",
    `The archive ${root} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
    "Check AUDIT_ARCHIVE, and that this account may write there.",
    cause,
  );

async function writeOnce(path: string, bytes: Buffer): Promise<void> {
  const draft = join(dirname(path), `.${randomBytes(8).toString("hex")}.draft`);
  // `wx` is O_CREAT with O_EXCL: nothing that stands there, a link included, is written through.
  const file = await open(draft, "wx", 0o444);
  try {
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await unlink(draft);
  }
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Names below `folder` ("" or ending with a slash), ascending; folders that end before `after` are not read. */
async function* walk(root: string, folder: string, after: string): AsyncIterable<string> {
  const found = await readdir(join(root, folder), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw unreachable(root, error);
    },
  );
  const entries = found
    .filter(({ name }) => !name.startsWith("."))
    .map((entry) => ({
      isFolder: entry.isDirectory(),
      name: `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { isFolder, name } of entries) {
    if (!isFolder) yield name;
    else if (`${name}\u{10FFFF}` > after) yield* walk(root, name, after);
  }
}
