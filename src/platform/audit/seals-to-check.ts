import { z } from "zod";
import type { Db, Trx } from "../db/database.ts";
import { type Archive, archiveDays, sealName, sealNumberOf, sealsPrefix } from "./archive.ts";
import { readSeal, type Seal } from "./seal.ts";
import { type KeptSeal, sealsFrom } from "./seals.ts";

/** Seals read from the database at once, and from the archive at the same time. */
const pageRows = 1_000;
const readAhead = 16;

export interface SealToCheck {
  seal: Seal;
  text: string;
  isInDatabase: boolean;
}

/** A seal that is not where or what it should be. */
export interface SealTrouble {
  kind: "seal" | "archive";
  detail: string;
  /** First entry under it, where it is known. */
  seq?: number;
}

export type SealStep =
  | { is: "seal"; found: SealToCheck }
  | { is: "trouble"; trouble: SealTrouble }
  | { is: "end" };

/**
 * Seals in order of number, from `after` on: the database's, each the same as the archive's while that keeps it, and
 * behind them what only the archive has.
 */
export class SealsToCheck {
  #number: number;
  #page: KeptSeal[] = [];
  #isLastPage = false;
  readonly #ahead = new Map<number, Promise<Buffer | undefined>>();

  constructor(
    private readonly db: Db | Trx,
    private readonly archive: Archive | undefined,
    private readonly now: Date,
    after: number,
  ) {
    this.#number = after;
  }

  async next(): Promise<SealStep> {
    this.#number += 1;
    const number = this.#number;
    let ours: KeptSeal | undefined;
    try {
      ours = await this.#ours(number);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return trouble("seal", `seal ${number} or one behind it is no seal any more`);
    }
    const isExpired =
      ours !== undefined && this.now.getTime() - Date.parse(ours.seal.at) > archiveDays * 86_400_000;
    const there =
      this.archive && !isExpired ? (await this.#read(this.archive, number))?.toString("utf8") : undefined;
    if (ours && there !== undefined && there !== ours.text)
      return trouble("seal", `seal ${number} is another one in the archive`, ours.seal);
    if (ours && there === undefined && this.archive && !isExpired && ours.archivedAt)
      return trouble("archive", `the archive lost seal ${number}`, ours.seal);
    if (ours) return { is: "seal", found: { ...ours, isInDatabase: true } };
    if (there === undefined) return (await this.#hole(number)) ?? { is: "end" };
    let seal: Seal;
    try {
      seal = readSeal(there);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return trouble("archive", `seal ${number} of the archive is no seal`);
    }
    // Page by page they rise without gaps: what is behind is there, so this one was taken away.
    if (this.#page.length > 0) return trouble("seal", `seal ${number} is missing in the database`, seal);
    return { is: "seal", found: { seal, text: there, isInDatabase: false } };
  }

  /** The database's seal of that number; the page keeps those from it on. */
  async #ours(number: number): Promise<KeptSeal | undefined> {
    while (this.#page.length > 0 && (this.#page[0] as KeptSeal).seal.number < number) this.#page.shift();
    if (this.#page.length === 0 && !this.#isLastPage) {
      this.#page = await sealsFrom(this.db, number, pageRows);
      this.#isLastPage = this.#page.length < pageRows;
    }
    const [first] = this.#page;
    return first?.seal.number === number ? first : undefined;
  }

  #read(archive: Archive, number: number): Promise<Buffer | undefined> {
    for (let ahead = number; ahead < number + readAhead; ahead += 1)
      if (!this.#ahead.has(ahead)) {
        const reading = archive.get(sealName(ahead));
        // Whoever comes to it hears of it.
        reading.catch(() => undefined);
        this.#ahead.set(ahead, reading);
      }
    const found = this.#ahead.get(number) as Promise<Buffer | undefined>;
    this.#ahead.delete(number);
    return found;
  }

  /** Neither has that number: an end, unless one of them has a later one. */
  async #hole(number: number): Promise<SealStep | undefined> {
    const [later] = this.#page;
    if (later) return trouble("seal", `seal ${number} is missing`, later.seal);
    if (!this.archive) return undefined;
    for await (const name of this.archive.list(sealsPrefix, sealName(number))) {
      const found = sealNumberOf(name);
      if (found !== undefined)
        return trouble("archive", `the archive has seal ${found} and not seal ${number}`);
    }
    return undefined;
  }
}

/** Bytes that are not as a seal is written, told from a database or an archive that is away. */
const isUnreadable = (error: unknown): boolean =>
  error instanceof z.ZodError || error instanceof SyntaxError || error instanceof TypeError;

const trouble = (kind: SealTrouble["kind"], detail: string, seal?: Seal): SealStep => ({
  is: "trouble",
  trouble: { kind, detail, ...(seal ? { seq: Math.max(1, seal.seq - seal.count + 1) } : {}) },
});
