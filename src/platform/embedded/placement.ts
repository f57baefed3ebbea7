import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Account, canEnter, isRoot, postgresAccount } from "./account.ts";
import { EmbeddedError } from "./errors.ts";
import { isErrno, openFolder, readIfThere, writeWhole } from "./files.ts";
import { stopPostmaster } from "./postmaster.ts";

/** Where a cluster's data folder is, and who owns it. */
export interface Placement {
  dataDir: string;
  account: Account | undefined;
}

/** Kept as `dir/elsewhere.json` when the data could not stay in `dir`. */
interface Pointer {
  dataDir: string;
  /** The folder this was written for: a copied checkout must not share the original's data. */
  writtenFor: string;
}

/**
 * Decides where the data folder is. As a plain user: in `dir`. As root, Postgres runs as an account of its own; when
 * that account cannot enter `dir` (a clone in a folder of mode 700), the data are kept under `systemDir` and `dir`
 * holds a pointer to them.
 *
 * @throws {EmbeddedError} `account_missing`, `data_other_owner`, `data_unreachable`
 */
export async function placeData(dir: string, systemDir: string): Promise<Placement> {
  await (isRoot() ? openFolder(dir) : mkdir(dir, { recursive: true }));
  const home = await realpath(dir);
  const inside = join(home, "data");
  const moved = await followPointer(home);
  const dataDir = moved ?? inside;
  const owner = await ownerOf(dataDir);
  const account = postgresAccount(owner);
  assertOwner(dataDir, owner);
  if (account === undefined) return { dataDir, account };
  if (canEnter(account, dirname(dataDir))) return { dataDir, account };
  if (moved) throw unreachable(moved, account);

  const elsewhere = join(systemDir, newFolderName(home), "data");
  await openFolder(dirname(elsewhere));
  if (!canEnter(account, dirname(elsewhere))) throw unreachable(elsewhere, account);
  if (owner) await moveFolder(inside, elsewhere);
  const pointer: Pointer = { dataDir: elsewhere, writtenFor: home };
  await writeWhole(pointerOf(home), `${JSON.stringify(pointer, null, 2)}\n`, 0o644);
  return { dataDir: elsewhere, account };
}

/** A checkout that was moved takes its data along; one that was copied gets its own. */
async function followPointer(home: string): Promise<string | undefined> {
  const text = await readIfThere(pointerOf(home));
  if (text === undefined) return undefined;
  const pointer = JSON.parse(text) as Pointer;
  if (pointer.writtenFor === home) return pointer.dataDir;
  const original = await readIfThere(pointerOf(pointer.writtenFor));
  if (original !== undefined && (JSON.parse(original) as Pointer).dataDir === pointer.dataDir)
    return undefined;
  await writeWhole(pointerOf(home), `${JSON.stringify({ ...pointer, writtenFor: home }, null, 2)}\n`, 0o644);
  return pointer.dataDir;
}

/** Never the name of an earlier folder: data whose pointer was deleted are neither taken over nor overwritten. */
const newFolderName = (home: string): string =>
  `data-${createHash("sha256").update(home).digest("hex").slice(0, 12)}-${randomBytes(3).toString("hex")}`;

const pointerOf = (home: string): string => join(home, "elsewhere.json");

async function ownerOf(dataDir: string): Promise<Account | undefined> {
  return stat(dataDir).then(
    ({ uid, gid }) => ({ uid, gid }),
    (cause) => {
      if (isErrno(cause, "ENOENT")) return undefined;
      throw new EmbeddedError(
        "data_unreachable",
        `The data folder ${dataDir} cannot be read.`,
        "Start as the user who made it, or set DATA_DIR to another folder.",
        cause,
      );
    },
  );
}

function assertOwner(dataDir: string, owner: Account | undefined): void {
  const uid = process.getuid?.();
  if (owner === undefined || uid === undefined || uid === 0 || owner.uid === uid) return;
  throw new EmbeddedError(
    "data_other_owner",
    `The data folder ${dataDir} belongs to user id ${owner.uid}; this is user id ${uid}.`,
    `Start as that user (or as root), or give the folder away: chown -R ${uid} ${dataDir}, or set DATA_DIR to another folder.`,
  );
}

function unreachable(dataDir: string, account: Account): EmbeddedError {
  return new EmbeddedError(
    "data_unreachable",
    `Postgres runs as user id ${account.uid} and cannot enter ${dirname(dataDir)}.`,
    "Set DATA_DIR to a folder that this user can enter (each folder above it needs mode o+x), or start as a plain user.",
  );
}

/** By way of a copy beside the target: the folders may lie on different file systems, and a crash keeps the original. */
async function moveFolder(from: string, to: string): Promise<void> {
  await stopPostmaster(from);
  const part = `${to}.part`;
  await rm(part, { recursive: true, force: true });
  execFileSync("cp", ["-a", from, part]);
  await rename(part, to);
  await rm(from, { recursive: true });
}
