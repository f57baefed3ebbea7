import { execFileSync, spawnSync } from "node:child_process";
import { EmbeddedError } from "./errors.ts";

/** Who Postgres runs as; undefined means "as we do". Postgres refuses to run as root. */
export interface Account {
  uid: number;
  gid: number;
}

const accountNames = ["postgres", "quarterdeck-postgres"] as const;
const systemPath = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

export const isRoot = (): boolean => process.getuid?.() === 0;

/**
 * The account Postgres runs as.
 *
 * @param folderOwner owner of a data folder that exists already: whoever made it can read it, so it stays with them
 * @throws {EmbeddedError} `account_missing` when we are root and no account exists or can be made
 */
export function postgresAccount(folderOwner: Account | undefined): Account | undefined {
  if (!isRoot()) return undefined;
  if (folderOwner && folderOwner.uid !== 0) return folderOwner;
  for (const name of accountNames) {
    const found = lookUp(name);
    if (found) return found;
  }
  return createAccount();
}

function createAccount(): Account {
  const name = accountNames[1];
  const made = spawnSync(
    "useradd",
    [
      "--system",
      "--user-group",
      "--no-create-home",
      "--home-dir",
      "/nonexistent",
      "--shell",
      "/usr/sbin/nologin",
      name,
    ],
    { env: systemPath, encoding: "utf8" },
  );
  const account = lookUp(name);
  if (account) return account;
  throw new EmbeddedError(
    "account_missing",
    `Postgres does not run as root, and the account ${name} could not be made: ${(made.error?.message ?? made.stderr).trim()}`,
    `Create an account named ${name}, or start as a plain user, or give DATABASE_URL and DATABASE_MIGRATION_URL.`,
    made.error,
  );
}

function lookUp(name: string): Account | undefined {
  try {
    const id = (flag: string) =>
      Number(
        execFileSync("id", [flag, name], {
          env: systemPath,
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
        }),
      );
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined;
  }
}

/** Whether the account can enter and read `folder`: tried as that account, so that ACLs count as well. */
export function canEnter(account: Account | undefined, folder: string): boolean {
  const tried = spawnSync("/bin/sh", ["-c", 'test -d "$1" && test -x "$1" && test -r "$1"', "sh", folder], {
    ...account,
    cwd: "/",
    env: systemPath,
  });
  return tried.status === 0;
}
