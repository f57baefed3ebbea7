import { execFile } from "node:child_process";
import { chown, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Binaries } from "./binaries.ts";
import { EmbeddedError } from "./errors.ts";
import { existsFile, readIfThere, writeWhole } from "./files.ts";
import type { Placement } from "./placement.ts";

/** The superuser of every embedded cluster. */
export const superuser = "postgres";

/** Environment of the Postgres programs: ours holds secrets they have no business with. */
export const postgresEnv = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

/**
 * Makes the data folder unless it is there. Made beside and renamed, so that an interrupted start leaves nothing
 * that looks like a cluster.
 *
 * @throws {EmbeddedError} `data_other_major`, `data_folder_damaged`, `initdb_failed`
 */
export async function ensureDataFolder(
  placement: Placement,
  binaries: Binaries,
  password: string,
  options: readonly string[],
): Promise<void> {
  const { dataDir, account } = placement;
  if (await existsFile(dataDir)) return assertMajor(dataDir, binaries.major);
  const parent = dirname(dataDir);
  const fresh = `${dataDir}.new`;
  const passwordFile = join(parent, "initdb-password");
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  if (account) await chown(fresh, account.uid, account.gid);
  await writeWhole(passwordFile, `${password}\n`, 0o600, account);
  const args = [
    `--pgdata=${fresh}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    ...options,
  ];
  try {
    await promisify(execFile)(binaries.initdb, args, { ...account, cwd: parent, env: postgresEnv });
    await rename(fresh, dataDir);
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    const said = (cause as { stderr?: string }).stderr?.trim() || (cause as Error).message;
    throw new EmbeddedError(
      "initdb_failed",
      `Postgres could not make its data folder ${dataDir}: ${said}`,
      "Mend the cause (free space, rights of the folder) and start again.",
      cause,
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function assertMajor(dataDir: string, major: number): Promise<void> {
  const found = (await readIfThere(join(dataDir, "PG_VERSION")))?.trim();
  if (found === String(major)) return;
  if (!found)
    throw new EmbeddedError(
      "data_folder_damaged",
      `${dataDir} is not a Postgres data folder: it has no PG_VERSION.`,
      `Move it away (mv ${dataDir} ${dataDir}.old) to start with an empty one, or restore it from a backup.`,
    );
  throw new EmbeddedError(
    "data_other_major",
    `The data folder ${dataDir} was made by Postgres ${found}; this is Postgres ${major}, which cannot read it.`,
    moveHint(dataDir, found, major),
  );
}

/** How data get from one major version to the next: dumped by programs of the old, restored into the new. */
function moveHint(dataDir: string, from: string, to: number): string {
  const old = `${dataDir}-${from}`;
  return [
    "Nothing was changed. To move the data:",
    `  1. mv ${dataDir} ${old}`,
    `  2. with the programs of Postgres ${from}: pg_ctl -D ${old} -o "-p 5499 -c listen_addresses=127.0.0.1" -w start`,
    `  3. pg_dumpall -h 127.0.0.1 -p 5499 -U ${superuser} > dump-${from}.sql   (password: ${join(dirname(dataDir), "superuser-password")})`,
    `  4. pg_ctl -D ${old} stop; start Quarterdeck once, so that Postgres ${to} makes an empty folder, and stop it`,
    `  5. with the programs of Postgres ${to}: start ${dataDir} the same way, then psql -h 127.0.0.1 -p 5499 -U ${superuser} -f dump-${from}.sql postgres`,
    `To go on without the old data, step 1 is enough. To go back, use the release that brought Postgres ${from}.`,
  ].join("\n");
}
