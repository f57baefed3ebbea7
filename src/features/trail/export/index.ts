/** The audit as other systems take it: which formats there are, and the entries of a time one after the other. */
import { type Archive, entriesName, entriesOf } from "../../../platform/audit/archive.ts";
import { sealsFrom } from "../../../platform/audit/seals.ts";
import type { Db } from "../../../platform/db/database.ts";
import { csv } from "./csv.ts";
import type { EntryBody, ExportFormat } from "./entry.ts";
import { jsonl } from "./jsonl.ts";
import { ocsf } from "./ocsf.ts";

export const formats = { jsonl, csv, ocsf } as const satisfies Record<string, ExportFormat>;
export type FormatName = keyof typeof formats;

/** Entries read at once. */
const pageRows = 1_000;
const sealsAtOnce = 100;

export interface Span {
  from: Date | undefined;
  until: Date | undefined;
}

const isWithin = ({ from, until }: Span, at: Date): boolean =>
  (from === undefined || at >= from) && (until === undefined || at < until);

/**
 * Bytes of the entries of a time, oldest first, a page at a time, up to the last one that is chained when it begins.
 * What has left the database comes from the archive; without one, `missing` is told the first number that is there.
 */
export async function* entriesBetween(
  db: Db,
  archive: Archive | undefined,
  span: Span,
  missing: (first: number) => void,
): AsyncGenerator<readonly string[]> {
  const ends = await db
    .selectFrom("audit_chained")
    .select((eb) => [eb.fn.min("seq").as("first"), eb.fn.max("seq").as("last")])
    .executeTakeFirst();
  const [first, last] = [Number(ends?.first ?? 0), Number(ends?.last ?? 0)];
  if (first > 1) {
    if (archive) yield* archived(db, archive, span, first);
    else missing(first);
  }
  for (let after = first - 1; after < last; ) {
    const rows = await db
      .selectFrom("audit_chained")
      .select(["seq", "at", "body"])
      .where("seq", ">", String(after))
      .where("seq", "<=", String(last))
      .orderBy("seq")
      .limit(pageRows)
      .execute();
    const newest = rows.at(-1);
    if (!newest) return;
    after = Number(newest.seq);
    yield rows.filter(({ at }) => isWithin(span, at)).map(({ body }) => body);
  }
}

/** Entries before `first`, seal by seal. */
async function* archived(
  db: Db,
  archive: Archive,
  span: Span,
  first: number,
): AsyncGenerator<readonly string[]> {
  for (let number = 1; ; ) {
    const seals = await sealsFrom(db, number, sealsAtOnce);
    for (const { seal } of seals) {
      if (seal.seq - seal.count + 1 >= first) return;
      // A seal is younger than all it is over.
      if (seal.count === 0 || (span.from !== undefined && new Date(seal.at) < span.from)) continue;
      const bytes = await archive.get(entriesName(seal.number));
      if (bytes === undefined)
        throw Object.assign(
          new Error(`${archive.place} does not have the entries under seal ${seal.number}.`),
          {
            code: "archive",
            hint: "`quarterdeck audit verify --archive …` says what it has.",
          },
        );
      yield entriesOf(bytes).filter((body) => {
        const { seq, at } = JSON.parse(body) as EntryBody;
        return seq < first && isWithin(span, new Date(at));
      });
    }
    const newest = seals.at(-1);
    if (!newest) return;
    number = newest.seal.number + 1;
  }
}
