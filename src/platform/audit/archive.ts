/**
 * The archive: where seals and what they seal are written once, outside the database. Its folders:
 *
 * - `entries/000000/0000000001.jsonl`: the bytes of the entries under seal 1, one a line, oldest first
 * - `seals/000000/0000000001.json`: seal 1, as it was signed; written after its entries, so that where a seal is they are
 * - `keys/<key id>.pem`: public keys, for strangers; who verifies trusts their own copy
 */

/** Storage that keeps what it was given. One log has one archive. */
export interface Archive {
  /** Where it is, in words for people: a path, or `s3://bucket/prefix`. */
  readonly place: string;
  /**
   * Keeps `bytes` under `name` until `until` at least, and answers once they were read back. The same bytes again are
   * fine. Throws {@link ArchiveError}: `taken` when other bytes stand there, `not-locked` when they could be changed.
   */
  put(name: string, bytes: Buffer, until: Date): Promise<void>;
  /** Undefined when there is nothing of that name. */
  get(name: string): Promise<Buffer | undefined>;
  /** Names that begin with `prefix` and come after `after`, ascending. */
  list(prefix: string, after?: string): AsyncIterable<string>;
  close(): Promise<void>;
}

export type ArchiveCode = "taken" | "not-locked" | "unreachable" | "refused";

export class ArchiveError extends Error {
  constructor(
    readonly code: ArchiveCode,
    message: string,
    readonly hint: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** Days that the archive keeps what it is given. */
export const archiveDays = 90;

const filesPerFolder = 10_000;

const numbered = (kind: string, number: number, extension: string): string =>
  `${kind}/${String(Math.floor(number / filesPerFolder)).padStart(6, "0")}/${String(number).padStart(10, "0")}.${extension}`;

export const sealsPrefix = "seals/";
export const sealName = (number: number): string => numbered("seals", number, "json");
export const entriesName = (number: number): string => numbered("entries", number, "jsonl");
export const keyName = (keyId: string): string => `keys/${keyId}.pem`;

/** Number of a seal by its name; undefined for what is none. */
export function sealNumberOf(name: string): number | undefined {
  const digits = /^seals\/\d{6}\/(\d{10})\.json$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Canonical JSON has no line breaks of its own. */
export const entriesBytes = (bodies: readonly string[]): Buffer =>
  Buffer.from(bodies.map((body) => `${body}\n`).join(""), "utf8");

export const entriesOf = (bytes: Buffer): string[] => {
  const lines = bytes.toString("utf8").split("\n");
  lines.pop();
  return lines;
};
