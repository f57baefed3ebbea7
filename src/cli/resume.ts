/** `quarterdeck resume --after-restore`: what differs, and on with it. */
import { readSettings } from "../config/config.ts";
import { readPublicKeys } from "../platform/audit/keys.ts";
import { type Resumption, resumeAfterRestore } from "../platform/audit/resume.ts";
import { refusalText } from "../platform/refusal.ts";
import { openArchive } from "../providers/archive/index.ts";
import { auditPlaces } from "./audit.ts";
import { CommandError, say, shellActor, withDatabase } from "./world.ts";

/** Things that are listed one by one. */
const thingsMax = 100;

export async function run(options: {
  afterRestore?: boolean;
  dryRun?: boolean;
  json?: boolean;
}): Promise<void> {
  if (!options.afterRestore)
    throw new CommandError("There is one thing to resume.", "Say `quarterdeck resume --after-restore`.");
  const settings = readSettings();
  const places = await auditPlaces(settings);
  const archive = await openArchive(settings, places.archive);
  if (!archive)
    throw new CommandError(
      "AUDIT_ARCHIVE is not set, so there is nothing to compare the database with.",
      "Set it to what the worker uses.",
    );
  try {
    const keys = await readPublicKeys({ signingKeyFile: places.signingKeyFile, folder: places.publicKeys });
    const isDryRun = options.dryRun ?? false;
    const decision = await withDatabase(settings, ({ database, now }) =>
      resumeAfterRestore({ database, archive, keys, actor: shellActor(), now: now(), isDryRun }),
    );
    if (!decision.ok) throw new CommandError(refusalText(decision.refusal), "");
    if (options.json) say(JSON.stringify(decision.value));
    else for (const line of resumptionLines(decision.value, isDryRun)) say(line);
  } finally {
    await archive.close();
  }
}

const counted = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;

/** The fact first, then thing by thing what the database does not know of, then what happens now. */
export function resumptionLines(found: Resumption, isDryRun: boolean): readonly string[] {
  const { entries, from, upTo, seals, writtenSince, lost } = found;
  const head =
    entries === 0
      ? "The archive has no entry that this database has not."
      : `This database did not know ${counted(entries, "entry", "entries")} (${from} to ${upTo}, ${counted(seals, "seal", "seals")}) that the archive has.`;
  const things = lost
    .slice(0, thingsMax)
    .map(({ subject, actions, lastAt }) => `  ${subject}  ${actions.join(", ")}  (last ${lastAt})`);
  const more = lost.length > thingsMax ? [`  … and ${lost.length - thingsMax} more`] : [];
  const since =
    writtenSince > 0
      ? [`Since then ${counted(writtenSince, "entry was", "entries were")} written, and stand behind them.`]
      : [];
  const end = isDryRun
    ? "Nothing was changed. Without --dry-run the entries come back and everything runs again."
    : "The entries are back in the chain; what they did is not: look at each thing above. Grants without a record are taken away by the reconciler; rollouts stand where their traffic stands. Everything runs again.";
  return [head, ...(things.length > 0 ? ["What they were about:", ...things, ...more] : []), ...since, end];
}
