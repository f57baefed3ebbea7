/** `quarterdeck audit erase-person`: takes a person's name out of what Quarterdeck keeps beside the audit. */
import { readSettings } from "../config/config.ts";
import { eraseFromOldCatalogs, eraseName } from "../platform/audit/names.ts";
import { CommandError, say, shellActor, tell, withDatabase } from "./world.ts";

export async function erase(team: string, person: string): Promise<void> {
  await withDatabase(readSettings(), async ({ database }) => {
    const done = await database.tx(async (tx) => ({
      catalogs: await eraseFromOldCatalogs(tx, { team, person }),
      name: await eraseName(tx, shellActor(), { team, person }),
    }));
    if (!done.name && done.catalogs.changed === 0)
      throw new CommandError(
        `No name is kept of ${person} of ${team}.`,
        "Both are Slack's ids, as the audit shows them: quarterdeck audit erase-person T0123456789 U0123456789.",
      );
    say(
      `${person} of ${team} has no name any more${done.catalogs.changed > 0 ? `, nor in ${done.catalogs.changed} catalogs that were in force before` : ""}. The audit is unchanged; that this was done is an entry.`,
    );
    if (done.catalogs.isNamedNow)
      tell(
        "The catalog in force still names them: take them out of its files, then run this once more for the catalog of today.",
      );
  });
}
