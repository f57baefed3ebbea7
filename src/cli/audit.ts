import { join, resolve } from "node:path";
import { readSettings, type Settings } from "../config/config.ts";
import { readPublicKeys } from "../platform/audit/keys.ts";
import { type AuditReport, verifyAudit } from "../platform/audit/verify.ts";
import { openArchive } from "../providers/archive/index.ts";
import { CommandError, localFile, say, withDatabase } from "./world.ts";

export interface VerifyOptions {
  json?: boolean;
  from?: string;
  archive?: string;
}

/** What `start` keeps in DATA_DIR stands in for what is not set. */
export async function auditPlaces(settings: Settings): Promise<{
  signingKeyFile: string | undefined;
  publicKeys: string;
  archive: string | undefined;
}> {
  const dir = resolve(settings.DATA_DIR);
  return {
    signingKeyFile:
      settings.AUDIT_SIGNING_KEY_FILE ?? (await localFile(join(dir, "keys", "audit-signing.pem"))),
    publicKeys: settings.AUDIT_PUBLIC_KEYS ?? join(dir, "keys", "audit-public"),
    archive: settings.AUDIT_ARCHIVE ?? (await localFile(join(dir, "archive"))),
  };
}

export async function run(options: VerifyOptions): Promise<void> {
  const settings = readSettings();
  const from = options.from === undefined ? undefined : Number(options.from);
  if (from !== undefined && (!Number.isSafeInteger(from) || from < 1))
    throw new CommandError(`--from ${options.from} is no entry's number.`, "Give one such as 1200.");
  const places = await auditPlaces(settings);
  const [keys, archive] = await Promise.all([
    readPublicKeys({ signingKeyFile: places.signingKeyFile, folder: places.publicKeys }),
    openArchive(settings, options.archive ?? places.archive),
  ]);
  try {
    const report = await withDatabase(settings, ({ db, now }) =>
      verifyAudit({ db, keys, archive, from, now: now() }),
    );
    if (options.json) say(JSON.stringify(report));
    else for (const line of reportLines(report, { keys: keys.size, archive: archive?.place })) say(line);
    if (!report.ok) process.exitCode = 1;
  } finally {
    await archive?.close();
  }
}

/** The fact first; then what was looked at, and what was not. */
export function reportLines(
  report: AuditReport,
  against: { keys: number; archive: string | undefined },
): readonly string[] {
  const { fault, entries, head, sealed, waiting, from, notes } = report;
  const first = fault
    ? `Entry ${fault.seq} is the first bad one: ${fault.detail}. Those looked at before it (${entries}) are as they were written.`
    : `All ${entries} entries${from > 1 ? ` from ${from} on` : ""} are as they were written. Head: ${head}`;
  const lines = [first];
  if (against.keys === 0)
    lines.push("No key is known here, so signatures were not looked at (AUDIT_PUBLIC_KEYS).");
  else lines.push(sealed > 0 ? `Sealed up to entry ${sealed}.` : "Nothing is sealed yet.");
  lines.push(
    against.archive === undefined
      ? "No archive was looked at (--archive): whoever owns the database and the key could have rewritten all of it."
      : `Compared with ${against.archive}.`,
  );
  if (waiting > 0) lines.push(`${waiting} new entries wait to be chained.`);
  return [...lines, ...notes];
}
