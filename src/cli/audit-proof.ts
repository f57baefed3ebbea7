/** `quarterdeck audit proof` and `audit check`: an entry, proven to somebody who has a public key and nothing else of ours. */
import { readFile, writeFile } from "node:fs/promises";
import { readSettings } from "../config/config.ts";
import { type Archive, entriesName, entriesOf } from "../platform/audit/archive.ts";
import { readPublicKey } from "../platform/audit/keys.ts";
import { type Checked, checkProof, type Proof, proofFormat, proveEntry } from "../platform/audit/proof.ts";
import { keyIdOf, type Seal } from "../platform/audit/seal.ts";
import { bodiesOf, sealOver } from "../platform/audit/seals.ts";
import type { Db } from "../platform/db/database.ts";
import { openArchive } from "../providers/archive/index.ts";
import { auditPlaces } from "./audit.ts";
import { CommandError, say, shellActor, tell, withDatabase } from "./world.ts";

/** Entries in one proof; more are proven by their numbers, some at a time. */
const entriesMax = 1_000;

export async function prove(id: string, options: { out?: string; archive?: string }): Promise<void> {
  const settings = readSettings();
  const places = await auditPlaces(settings);
  const archive = await openArchive(settings, options.archive ?? places.archive);
  try {
    await withDatabase(settings, async ({ db, database }) => {
      const { proof, notes } = await proofOf(db, archive, id);
      await database.tx(async (tx) =>
        tx.audit({ actor: shellActor(), action: "audit.read", subject: "audit", detail: { proof: id } }),
      );
      const text = `${JSON.stringify(proof, null, 2)}\n`;
      if (options.out === undefined) process.stdout.write(text);
      else await writeFile(options.out, text);
      for (const note of notes) tell(note);
    });
  } finally {
    await archive?.close();
  }
}

/** `id`: an entry's number, or the exact subject of entries. */
export async function proofOf(
  db: Db,
  archive: Archive | undefined,
  id: string,
): Promise<{ proof: Proof; notes: readonly string[] }> {
  const isNumber = /^[1-9][0-9]{0,14}$/.test(id);
  const numbers = isNumber ? [Number(id)] : await numbersOf(db, id);
  if (numbers.length === 0)
    throw new CommandError(
      `The audit here has no entry on ${id}.`,
      "Give an id as entries show it, such as G-3, or an entry's number. Entries that left the database are found by number.",
    );
  const seals = new Map<number, { seal: Seal; bodies: readonly string[] }>();
  const entries: Proof["entries"] = [];
  const open: number[] = [];
  for (const seq of numbers) {
    const over = (await sealOver(db, seq))?.seal;
    if (!over) {
      open.push(seq);
      continue;
    }
    const known = seals.get(over.number) ?? { seal: over, bodies: await sealed(db, archive, over) };
    seals.set(over.number, known);
    entries.push(proveEntry(over, known.bodies, seq));
  }
  if (entries.length === 0)
    throw new CommandError(
      `${isNumber ? `Entry ${id}` : `What the audit has on ${id}`} is not sealed yet.`,
      "A worker with AUDIT_SIGNING_KEY_FILE seals each minute; `quarterdeck audit verify` says how far.",
    );
  return {
    proof: { format: proofFormat, entries, seals: [...seals.values()].map(({ seal }) => seal) },
    notes: [
      `${entries.length} of ${numbers.length} entries on ${id}, under ${seals.size} ${seals.size === 1 ? "seal" : "seals"}.`,
      ...(open.length > 0 ? [`Not sealed yet, so not proven: ${open.slice(0, 20).join(", ")}.`] : []),
      ...(numbers.length === entriesMax
        ? [`The newest ${entriesMax} only; older ones by their numbers.`]
        : []),
    ],
  };
}

/** Newest last. */
async function numbersOf(db: Db, subject: string): Promise<number[]> {
  const rows = await db
    .selectFrom("audit")
    .select("seq")
    .where("subject", "=", /^[a-z]-\d+$/.test(subject) ? subject.toUpperCase() : subject)
    .orderBy("seq", "desc")
    .limit(entriesMax)
    .execute();
  return rows.map(({ seq }) => Number(seq)).reverse();
}

/** What a seal is over: from the database, else from the archive. */
async function sealed(db: Db, archive: Archive | undefined, seal: Seal): Promise<readonly string[]> {
  const bodies = await bodiesOf(db, seal.seq - seal.count + 1, seal.seq);
  if (bodies.length === seal.count) return bodies;
  const bytes = await archive?.get(entriesName(seal.number));
  if (bytes === undefined)
    throw new CommandError(
      `The entries under seal ${seal.number} left the database, and ${archive ? `${archive.place} does not have them` : "no archive is named"}.`,
      "Name it with --archive or AUDIT_ARCHIVE.",
    );
  return entriesOf(bytes);
}

export async function check(file: string, options: { key: string; json?: boolean }): Promise<void> {
  const key = await readPublicKey(options.key);
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(
      `${file} cannot be read: ${cause.message}.`,
      "Give the file that `audit proof` wrote.",
      cause,
    );
  });
  const checked = checkProof(text, new Map([[keyIdOf(key), key]]));
  if (options.json) say(JSON.stringify(checked));
  else for (const line of checkedLines(checked, keyIdOf(key))) say(line);
  if (!checked.ok) process.exitCode = 1;
}

/** What is proven, to the word, and what is not. */
export function checkedLines(checked: Checked, keyId: string): readonly string[] {
  if (!checked.ok) return [`Not proven: ${checked.fault}.`];
  const { entries } = checked;
  return [
    ...entries.map(({ body }) => body),
    `Proven: whoever holds the private half of key ${keyId.slice(0, 16)}… signed that ${entries.length === 1 ? "this entry stands" : `these ${entries.length} entries stand`}, byte for byte, in log ${entries[0]?.seal.log}:`,
    ...entries.map(
      ({ seq, seal }) => `  entry ${seq}, under seal ${seal.number}, signed at ${seal.at} by its own clock`,
    ),
    "Not proven: that there is no other entry on this, that what an entry says was true, or whose the key is: get it another way than the file.",
  ];
}
