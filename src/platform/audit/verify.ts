/**
 * Walks the audit from end to end: the chain over stored bytes, the columns beside them, the seals over them, and what
 * the archive knows. Names the first bad entry. Memory does not grow with the audit.
 */
import type { KeyObject } from "node:crypto";
import { sql } from "kysely";
import type { Db, Trx } from "../db/database.ts";
import { type Archive, entriesName, entriesOf } from "./archive.ts";
import { beginningOf } from "./beginning.ts";
import { type ChainFault, ChainVerifier } from "./chain.ts";
import { columnsFault, type EntryRow } from "./columns.ts";
import { leafHash, MerkleRoot } from "./merkle.ts";
import { clockNote, type Seal, signatureFault, successionFault } from "./seal.ts";
import { type SealStep, SealsToCheck, type SealToCheck } from "./seals-to-check.ts";

/** Entries read at once. */
const pageRows = 2_000;
/** How long a transaction may be under way: an entry is of the moment in which its transaction began. */
const overlapMs = 10 * 60_000;
/** No part leaves while its last seal is younger; `audit_drop_part` sees to it. */
const leastKeptMs = 30 * 86_400_000;
/** How long an entry may be without a seal before that is odd. */
const unsealedMs = 15 * 60_000;

export interface AuditReport {
  ok: boolean;
  /** Entries that are as they were written. */
  entries: number;
  /** SHA-256 of the last good entry, in hex. Kept elsewhere, it proves later that nothing before it was rewritten. */
  head: string;
  /** First entry that was looked at: 1, or behind what left for the archive, or behind the seal before the one asked for. */
  from: number;
  /** Last entry under a seal that holds; 0 where nothing is sealed. */
  sealed: number;
  /** Entries that are committed and not chained yet. */
  waiting: number;
  fault?: ChainFault;
  /** What is odd and breaks nothing: a clock that went back, entries without a seal. */
  notes: readonly string[];
}

export interface VerifyParts {
  db: Db;
  /** Public keys that count, by id; none: signatures are not looked at. */
  keys: ReadonlyMap<string, KeyObject>;
  archive?: Archive | undefined;
  now: Date;
  /** Begins behind the last seal before this entry. */
  from?: number | undefined;
}

/** One snapshot throughout, so that what is written meanwhile does not look cut off. */
export function verifyAudit(parts: VerifyParts): Promise<AuditReport> {
  return parts.db
    .transaction()
    .setIsolationLevel("repeatable read")
    .execute((trx) => verifyIn(parts, trx));
}

async function verifyIn(parts: VerifyParts, trx: Trx): Promise<AuditReport> {
  const begin = await beginningOf(trx, parts.keys, parts.from);
  const walk = new Walk(parts, trx, begin);
  const fault = begin.fault ?? (await walk.run());
  const { waiting } = await trx
    .selectFrom("audit_pending")
    .select((eb) => eb.fn.countAll<string>().as("waiting"))
    .executeTakeFirstOrThrow();
  return {
    ok: fault === undefined,
    entries: walk.chain.seq - begin.seq,
    head: walk.chain.hash.toString("hex"),
    from: begin.seq + 1,
    sealed: walk.sealed,
    waiting: Number(waiting),
    notes: walk.notes,
    ...(fault ? { fault } : {}),
  };
}

class Walk {
  readonly notes: string[] = [];
  readonly chain: ChainVerifier;
  sealed: number;
  readonly #seals: SealsToCheck;
  #next: SealStep = { is: "end" };
  #before: { seal: Seal; text: string } | undefined;
  /** Of the entries since the last seal. */
  #root = new MerkleRoot();
  /** Times as entries write them sort as text does. */
  #newest = "";
  /** Whether what is missing before the beginning is said to have left. */
  #isToldOf: boolean;

  constructor(
    private readonly parts: VerifyParts,
    private readonly trx: Trx,
    private readonly begin: Awaited<ReturnType<typeof beginningOf>>,
  ) {
    this.chain = new ChainVerifier(begin.seq, begin.hash);
    this.#seals = new SealsToCheck(trx, parts.archive, parts.now, begin.seal?.seal.number ?? 0);
    this.#before = begin.seal;
    this.sealed = begin.seal?.seal.seq ?? 0;
    this.#isToldOf = !begin.isAfterGap;
  }

  async run(): Promise<ChainFault | undefined> {
    const early = (await this.#step()) ?? (await this.#passSeals());
    if (early) return early;
    let reading = this.#page(this.chain.seq);
    for (;;) {
      const rows = await reading;
      const last = rows.at(-1);
      // The next page is read while this one is looked at.
      if (last) reading = this.#page(Number(last.seq));
      reading.catch(() => undefined);
      for (const row of rows) {
        const fault = this.#take(row) ?? (this.#isSealDue() ? await this.#passSeals() : undefined);
        if (fault) return fault;
      }
      if (rows.length < pageRows) return this.#end();
    }
  }

  #page(after: number): Promise<EntryRow[]> {
    return this.trx
      .selectFrom("audit_chained")
      .select(["seq", "body", "hash", "team", "person", "action", "subject", "service"])
      .select(sql<string>`to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`.as("at"))
      .where("seq", ">", String(after))
      .orderBy("seq")
      .limit(pageRows)
      .execute();
  }

  #isSealDue(): boolean {
    return this.#next.is === "seal" && this.#next.found.seal.seq <= this.chain.seq;
  }

  #take(row: EntryRow): ChainFault | undefined {
    const seq = Number(row.seq);
    const fault = this.chain.take({ seq, body: row.body, hash: row.hash }) ?? columnsFault(seq, row);
    if (fault) return fault;
    this.#root.add(leafHash(row.body));
    if (row.at >= this.#newest) this.#newest = row.at;
    else if (Date.parse(row.at) < Date.parse(this.#newest) - overlapMs) {
      this.notes.push(
        `Entry ${seq}: the clock went back; it is of ${row.at}, one before it of ${this.#newest}.`,
      );
      this.#newest = row.at;
    }
    if (row.action === "audit.part-left" && upToOf(row.body) === this.begin.seq) this.#isToldOf = true;
    return undefined;
  }

  async #step(): Promise<ChainFault | undefined> {
    this.#next = await this.#seals.next();
    if (this.#next.is !== "trouble") return undefined;
    const { kind, detail, seq } = this.#next.trouble;
    return { seq: seq ?? this.sealed + 1, fault: kind, detail };
  }

  /** Looks at every seal that ends with the entry taken last. */
  async #passSeals(): Promise<ChainFault | undefined> {
    while (this.#next.is === "seal" && this.#next.found.seal.seq <= this.chain.seq) {
      const { found } = this.#next;
      const fault = (await this.#sealFault(found)) ?? (await this.#pass(found));
      if (fault) return fault;
    }
    return undefined;
  }

  #pass(found: SealToCheck): Promise<ChainFault | undefined> {
    if (found.seal.count > 0) this.#root = new MerkleRoot();
    this.sealed = found.seal.seq;
    this.#before = found;
    return this.#step();
  }

  async #sealFault({ seal, isInDatabase }: SealToCheck): Promise<ChainFault | undefined> {
    const first = seal.seq - seal.count + 1;
    const { keys } = this.parts;
    const wrong =
      (keys.size > 0 ? signatureFault(seal, keys) : undefined) ?? successionFault(this.#before, seal);
    if (wrong) return { seq: Math.max(1, first), fault: "seal", detail: wrong };
    const note = clockNote(this.#before, seal);
    if (note !== undefined) this.notes.push(`Entry ${first}: ${note}.`);
    const isOver = this.#root.size === seal.count || seal.count === 0;
    const isRoot = seal.count === 0 || this.#root.root().toString("hex") === seal.root;
    if (!isOver || !isRoot || seal.head !== this.chain.hash.toString("hex"))
      return this.#firstDifferent(seal, first);
    if (isInDatabase) return undefined;
    // What only the archive has follows what the database has: the entries are there, their seal is not.
    const detail = `the archive has seal ${seal.number} and this database has not: it was restored to an older state, or its seals were taken away`;
    return { seq: Math.max(1, first), fault: "restored", detail };
  }

  /** Which entry under a seal is not what was sealed: the archive's bytes tell; without them, only between which it is. */
  async #firstDifferent(seal: Seal, first: number): Promise<ChainFault> {
    const different = await this.#differentInArchive(seal, first);
    const range = seal.count > 1 ? `one of entries ${first} to ${seal.seq} is` : `entry ${seal.seq} is`;
    const unknown: ChainFault = {
      seq: Math.max(1, first),
      fault: "seal",
      detail: `${range} not what seal ${seal.number} was signed over`,
    };
    if (different === undefined) return unknown;
    return {
      seq: different,
      fault: "archive",
      detail: `the archive has other bytes, under seal ${seal.number}`,
    };
  }

  /** First entry under a seal that is missing here, or has other bytes than in the archive. */
  async #differentInArchive(seal: Seal, first: number): Promise<number | undefined> {
    const bytes = seal.count > 0 ? await this.parts.archive?.get(entriesName(seal.number)) : undefined;
    if (!bytes) return undefined;
    const rows = await this.trx
      .selectFrom("audit_chained")
      .select("body")
      .where("seq", ">=", String(first))
      .where("seq", "<=", String(seal.seq))
      .orderBy("seq")
      .execute();
    const index = entriesOf(bytes).findIndex((body, at) => rows[at]?.body !== body);
    return index < 0 ? undefined : first + index;
  }

  async #end(): Promise<ChainFault | undefined> {
    if (this.#next.is === "seal") return this.#beyond(this.#next.found);
    const head = await this.trx.selectFrom("audit_head").select(["seq", "hash"]).executeTakeFirstOrThrow();
    const fault = this.chain.finish({ seq: Number(head.seq), hash: head.hash });
    if (fault) return fault;
    if (!this.#isToldOf) {
      const detail = `entries 1 to ${this.begin.seq} are gone, and no entry says that they left for the archive`;
      return { seq: 1, fault: "gap", detail };
    }
    const { sealedAt, isAfterGap } = this.begin;
    if (isAfterGap && sealedAt && this.parts.now.getTime() - sealedAt.getTime() < leastKeptMs) {
      const detail = `entries 1 to ${this.begin.seq} are gone, younger than any that Quarterdeck lets go: they were sealed ${sealedAt.toISOString()}`;
      return { seq: 1, fault: "gap", detail };
    }
    this.#noteUnsealed();
    return undefined;
  }

  /** A seal beyond the last entry: what it sealed was cut off, or never came back from a restore. */
  async #beyond({ seal, isInDatabase }: SealToCheck): Promise<ChainFault> {
    const { number } = seal;
    const different = await this.#differentInArchive(seal, seal.seq - seal.count + 1);
    const seq = Math.min(different ?? Number.POSITIVE_INFINITY, this.chain.seq + 1);
    if (isInDatabase)
      return {
        seq,
        fault: "tail",
        detail: `seal ${number} is over entries up to ${seal.seq}: the tail was cut`,
      };
    const detail = `the archive has seal ${number} over entries up to ${seal.seq}: this database was restored to an older state, or its tail was cut`;
    return { seq, fault: "restored", detail };
  }

  #noteUnsealed(): void {
    const { keys, now } = this.parts;
    if (this.sealed >= this.chain.seq || keys.size === 0) return;
    if (this.#before && now.getTime() - Date.parse(this.#before.seal.at) < unsealedMs) return;
    this.notes.push(
      `Entries ${this.sealed + 1} to ${this.chain.seq} have no seal: does a worker run, with AUDIT_SIGNING_KEY_FILE?`,
    );
  }
}

const upToOf = (body: string): number | undefined =>
  (JSON.parse(body) as { detail?: { upTo?: number } }).detail?.upTo;
