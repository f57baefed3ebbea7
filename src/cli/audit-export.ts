/** `quarterdeck audit export`: the audit of a time for other systems, in memory that does not grow with it. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { DateTime } from "luxon";
import { readSettings } from "../config/config.ts";
import {
  type EntryBody,
  type ExportFormat,
  entriesBetween,
  exportFormats,
  type FormatName,
} from "../features/trail/index.ts";
import { openArchive } from "../providers/archive/index.ts";
import { auditPlaces } from "./audit.ts";
import { CommandError, shellActor, tell, withDatabase } from "./world.ts";

export interface ExportOptions {
  from?: string;
  to?: string;
  format: string;
  out?: string;
  archive?: string;
}

export async function run(options: ExportOptions): Promise<void> {
  const format = formatOf(options.format);
  const span = { from: momentOf("--from", options.from), until: momentOf("--to", options.to) };
  if (span.from && span.until && span.from >= span.until)
    throw new CommandError("--to is not after --from.", "Exchange them; --to itself is left out.");
  const settings = readSettings();
  const archive = await openArchive(settings, options.archive ?? (await auditPlaces(settings)).archive);
  try {
    await withDatabase(settings, async ({ db, database }) => {
      // Told before: whoever ends it half way has read that half.
      await database.tx(async (tx) =>
        tx.audit({
          actor: shellActor(),
          action: "audit.exported",
          subject: "audit",
          detail: { format: options.format, from: options.from ?? "the first", to: options.to ?? "now" },
        }),
      );
      const pages = entriesBetween(db, archive, span, (first) =>
        tell(
          `Entries before ${first} left the database, and no archive is named (--archive): they are not here.`,
        ),
      );
      const out = options.out === undefined ? process.stdout : createWriteStream(options.out);
      const count = await writeEntries(pages, format, out);
      if (out !== process.stdout) {
        out.end();
        await finished(out);
      }
      tell(`${count} entries${options.out === undefined ? "" : ` in ${options.out}`}.`);
    });
  } finally {
    await archive?.close();
  }
}

/** Waits for whoever reads, so that no more than a page is ever held. */
export async function writeEntries(
  pages: AsyncIterable<readonly string[]>,
  format: ExportFormat,
  out: Writable,
): Promise<number> {
  let count = 0;
  const write = async (text: string): Promise<void> => {
    if (text !== "" && !out.write(text)) await once(out, "drain");
  };
  await write(format.head);
  for await (const bodies of pages) {
    count += bodies.length;
    await write(bodies.map((body) => format.line({ body, read: JSON.parse(body) as EntryBody })).join(""));
  }
  return count;
}

function formatOf(name: string): ExportFormat {
  const known = Object.keys(exportFormats);
  if (!known.includes(name))
    throw new CommandError(`"${name}" is no format.`, `Give --format ${known.join(", ")}.`);
  return exportFormats[name as FormatName];
}

/** `2026-11-25` or `2026-11-25T17:00`, UTC unless it says otherwise. */
function momentOf(option: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const moment = DateTime.fromISO(text, { zone: "utc" });
  if (!moment.isValid)
    throw new CommandError(`${option} ${text} is no time.`, "Write 2026-11-25 or 2026-11-25T17:00, in UTC.");
  return moment.toJSDate();
}
