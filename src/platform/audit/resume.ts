/**
 * After a restore: brings the entries that the archive has and the database lost back into the chain, says what they
 * were about, and lets everything run again. What they did is not done again: entries come back, states do not.
 */
import type { KeyObject } from "node:crypto";
import { sql } from "kysely";
import type { Database, Db, Trx } from "../db/database.ts";
import { type IdKind, parseId } from "../ids.ts";
import type { Actor } from "../people.ts";
import { allow, type Decision, refuse } from "../refusal.ts";
import { type Archive, entriesName, entriesOf, sealName } from "./archive.ts";
import { bytesFault } from "./batch.ts";
import { compareWithArchive } from "./compare.ts";
import { readSeal, type Seal, signatureFault, successionFault } from "./seal.ts";
import { bodiesOf, newestSeal, sealsFrom } from "./seals.ts";

/** What the lost entries say of one thing, oldest first. */
export interface LostThing {
  subject: string;
  actions: readonly string[];
  lastAt: string;
}

export interface Resumption {
  /** Entries that came back from the archive: from the first one to the last. */
  entries: number;
  from: number;
  upTo: number;
  seals: number;
  /** Entries written since the restore; they stand behind those that came back. */
  writtenSince: number;
  /** By thing, those with an id (`G-12`, `R-3`) first. */
  lost: readonly LostThing[];
}

export interface ResumeParts {
  database: Database;
  archive: Archive;
  keys: ReadonlyMap<string, KeyObject>;
  actor: Actor;
  now: Date;
  /** Lists only. */
  isDryRun: boolean;
}

/** Nothing is changed unless every archived seal and entry behind the restored state holds. */
export async function resumeAfterRestore(parts: ResumeParts): Promise<Decision<Resumption>> {
  const { database, archive, keys } = parts;
  const { db } = database;
  const found = await compareWithArchive(db, archive, parts.now);
  const { held_at } = await db.selectFrom("audit_log").select("held_at").executeTakeFirstOrThrow();
  if (found.is === "lost")
    return refuse({
      rule: "archive-lost-a-seal",
      message: `The archive ${archive.place} lost seal ${found.seal}.`,
      hint: "Check that AUDIT_ARCHIVE is the right one; `quarterdeck audit verify` says more.",
    });
  if (found.is === "foreign")
    return refuse({
      rule: "archive-of-another",
      message: `The archive ${archive.place} belongs to another installation (log ${found.log}).`,
      hint: "Set AUDIT_ARCHIVE to this installation's.",
    });
  if (found.is === "same" && !held_at)
    return refuse({
      rule: "nothing-to-resume",
      message: `The database and the archive ${archive.place} agree; nothing is held.`,
    });
  if (keys.size === 0)
    return refuse({
      rule: "no-key",
      message: "No public key is known here, so the archive's seals cannot be checked.",
      hint: "Set AUDIT_SIGNING_KEY_FILE or AUDIT_PUBLIC_KEYS.",
    });
  return database.tx(async (tx): Promise<Decision<Resumption>> => {
    await tx.trx
      .selectFrom("audit_head")
      .select("seq")
      .where("id", "=", 1)
      .forUpdate()
      .executeTakeFirstOrThrow();
    const common = await lastInCommon(tx.trx, archive);
    const agreed = await agreedUpTo(tx.trx, archive, common?.seal);
    const walk = new ArchiveWalk(parts, common, agreed);
    // Looked through once before anything is changed, and once more to take over: memory stays flat.
    for await (const _ of walk.batches()) walk.note();
    if (walk.fault !== undefined)
      return refuse({
        rule: "archive-does-not-hold",
        message: `The archive ${archive.place} cannot be followed: ${walk.fault}.`,
        hint: "Nothing was changed. Check AUDIT_ARCHIVE and the keys; `quarterdeck audit verify` says more.",
      });
    // Taken over in part, it would be held again at once, without a word of why.
    if (found.is !== "same" && walk.lastSeal < found.archived)
      return refuse({
        rule: "archive-has-a-hole",
        message: `The archive ${archive.place} has seal ${found.archived} and not seal ${walk.lastSeal + 1}.`,
        hint: "Nothing was changed. Bring the missing seal and its entries back from a copy of the archive; `quarterdeck audit verify` says more.",
      });
    const { rows } = await sql<{ n: string }>`select
      (select count(*) from audit_chained where seq > ${agreed}) + (select count(*) from audit_pending) as n`.execute(
      tx.trx,
    );
    const result: Resumption = {
      entries: walk.upTo - agreed,
      from: agreed + 1,
      upTo: walk.upTo,
      seals: walk.seals,
      writtenSince: Number(rows[0]?.n ?? 0),
      lost: walk.lost(),
    };
    if (parts.isDryRun) return allow(result);
    await sql`select audit_unchain(${agreed}, ${common?.seal.number ?? 0})`.execute(tx.trx);
    for await (const { seal, text, bodies } of new ArchiveWalk(parts, common, agreed).batches())
      await takeOver(tx.trx, seal, text, bodies, tx.now);
    await keepIdsAhead(tx.trx, walk.highestIds());
    if (walk.log !== undefined)
      await sql`update audit_log set log = ${walk.log} where log <> ${walk.log}`.execute(tx.trx);
    await sql`update audit_log set held_at = null, held_why = null, compared_at = ${tx.now}`.execute(tx.trx);
    const { lost: _, ...detail } = result;
    tx.audit({ actor: parts.actor, action: "audit.resumed", subject: "audit", detail });
    return allow(result);
  });
}

async function takeOver(
  trx: Trx,
  seal: Seal,
  text: string,
  bodies: readonly string[],
  now: Date,
): Promise<void> {
  if (bodies.length > 0) await sql`select audit_adopt(${[...bodies]}::text[])`.execute(trx);
  await trx
    .insertInto("audit_seals")
    .values({
      number: String(seal.number),
      seq: String(seal.seq),
      count: seal.count,
      at: seal.at,
      body: text,
      archived_at: now,
    })
    .execute();
}

/** Numbers given out in the time that was lost are not given out again. */
async function keepIdsAhead(trx: Trx, highest: ReadonlyMap<IdKind, number>): Promise<void> {
  for (const [kind, last] of highest)
    await trx
      .insertInto("public_ids")
      .values({ kind, last })
      .onConflict((conflict) =>
        conflict.column("kind").doUpdateSet({ last: sql`greatest(public_ids.last, ${last})` }),
      )
      .execute();
}

/** The last seal that database and archive have in common. */
async function lastInCommon(
  db: Db | Trx,
  archive: Archive,
): Promise<{ seal: Seal; text: string } | undefined> {
  for (let number = (await newestSeal(db))?.seal.number ?? 0; number > 0; number -= 1) {
    const [kept] = await sealsFrom(db, number, 1);
    if (kept?.seal.number !== number) continue;
    if ((await archive.get(sealName(number)))?.toString("utf8") === kept.text) return kept;
  }
  return undefined;
}

/** The last entry, behind the common seal, that is the archive's too: chained when the copy was made, sealed later. */
async function agreedUpTo(trx: Trx, archive: Archive, common: Seal | undefined): Promise<number> {
  let agreed = common?.seq ?? 0;
  for (let number = (common?.number ?? 0) + 1; ; number += 1) {
    const bytes = await archive.get(entriesName(number));
    const text = bytes ? undefined : await archive.get(sealName(number));
    if (!bytes && !text) return agreed;
    if (!bytes) continue;
    const archived = entriesOf(bytes);
    const ours = await bodiesOf(trx, agreed + 1, agreed + archived.length);
    const different = archived.findIndex((body, index) => ours[index] !== body);
    if (different >= 0) return agreed + different;
    agreed += archived.length;
  }
}

interface Batch {
  seal: Seal;
  text: string;
  /** Entries under it that the database has not. */
  bodies: readonly string[];
}

/** The archive's seals and entries behind a common one, each checked before it is answered. */
class ArchiveWalk {
  fault: string | undefined;
  upTo: number;
  seals = 0;
  /** Number of the last one that was followed. */
  lastSeal: number;
  log: string | undefined;
  #bodies: readonly string[] = [];
  readonly #things = new Map<string, { actions: string[]; lastAt: string }>();

  constructor(
    private readonly parts: ResumeParts,
    private readonly common: { seal: Seal; text: string } | undefined,
    private readonly agreed: number,
  ) {
    this.upTo = agreed;
    this.lastSeal = common?.seal.number ?? 0;
  }

  async *batches(): AsyncGenerator<Batch> {
    const { archive, keys } = this.parts;
    let before = this.common;
    for (let number = (this.common?.seal.number ?? 0) + 1; ; number += 1) {
      const text = (await archive.get(sealName(number)))?.toString("utf8");
      if (text === undefined) return;
      const seal = readSeal(text);
      const bytes = seal.count > 0 ? await archive.get(entriesName(number)) : Buffer.alloc(0);
      const bodies = bytes ? entriesOf(bytes) : [];
      this.fault = signatureFault(seal, keys) ?? successionFault(before, seal) ?? bytesFault(seal, bodies);
      if (this.fault !== undefined) return;
      before = { seal, text };
      this.upTo = Math.max(this.upTo, seal.seq);
      this.seals += 1;
      this.lastSeal = number;
      this.log = seal.log;
      this.#bodies = bodies.slice(Math.max(0, this.agreed - (seal.seq - seal.count)));
      yield { seal, text, bodies: this.#bodies };
    }
  }

  /** Remembers what the batch just answered is about. */
  note(): void {
    for (const body of this.#bodies) {
      const { subject, action, at } = JSON.parse(body) as { subject: string; action: string; at: string };
      const thing = this.#things.get(subject) ?? { actions: [], lastAt: at };
      thing.actions.push(action);
      thing.lastAt = at;
      this.#things.set(subject, thing);
    }
  }

  lost(): LostThing[] {
    return [...this.#things]
      .map(([subject, thing]) => ({ subject, ...thing }))
      .sort((a, b) => Number(parseId(b.subject) !== undefined) - Number(parseId(a.subject) !== undefined));
  }

  highestIds(): ReadonlyMap<IdKind, number> {
    const highest = new Map<IdKind, number>();
    for (const subject of this.#things.keys()) {
      const id = parseId(subject);
      if (id) highest.set(id.kind, Math.max(highest.get(id.kind) ?? 0, id.number));
    }
    return highest;
  }
}
