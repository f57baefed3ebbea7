/** Uploaded files: bytes for the page, beside the journal when one is kept, so that charts outlive a restart. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { isJson, type Json } from "./model.ts";

/** Newest files kept. */
const filesMax = 500;
const idPattern = /^F[A-Z0-9]{2,20}$/;

export class FileShelf {
  readonly #folder: string | undefined;
  readonly #bytes = new Map<string, Buffer>();
  readonly #about = new Map<string, Json>();

  constructor(folder?: string) {
    this.#folder = folder;
    if (folder !== undefined) mkdirSync(folder, { recursive: true });
  }

  keepBytes(id: string, bytes: Buffer): void {
    if (!idPattern.test(id)) return;
    if (this.#folder !== undefined) writeFileSync(join(this.#folder, id), bytes, { mode: 0o600 });
    else this.#bytes.set(id, bytes);
    this.#prune();
  }
  /** Keeps what files.info says of it. */
  describe(id: string, about: Json): void {
    if (!idPattern.test(id)) return;
    if (this.#folder !== undefined)
      writeFileSync(join(this.#folder, `${id}.json`), JSON.stringify(about), { mode: 0o600 });
    else this.#about.set(id, about);
  }
  bytes(id: string): Buffer | undefined {
    if (!idPattern.test(id)) return undefined;
    if (this.#folder === undefined) return this.#bytes.get(id);
    const path = join(this.#folder, id);
    return existsSync(path) ? readFileSync(path) : undefined;
  }
  about(id: string): Json | undefined {
    if (!idPattern.test(id)) return undefined;
    if (this.#folder === undefined) return this.#about.get(id);
    const path = join(this.#folder, `${id}.json`);
    if (!existsSync(path)) return undefined;
    const about: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isJson(about) ? about : undefined;
  }

  #prune(): void {
    if (this.#folder === undefined) {
      const [oldest] = this.#bytes.keys();
      if (this.#bytes.size > filesMax && oldest !== undefined) this.#forget(oldest);
      return;
    }
    const ids = readdirSync(this.#folder).filter((name) => idPattern.test(name));
    if (ids.length <= filesMax) return;
    const age = new Map(ids.map((id) => [id, statSync(join(this.#folder ?? "", id)).mtimeMs]));
    const byAge = ids.sort((a, b) => (age.get(a) ?? 0) - (age.get(b) ?? 0));
    for (const id of byAge.slice(0, ids.length - filesMax)) this.#forget(id);
  }
  #forget(id: string): void {
    this.#bytes.delete(id);
    this.#about.delete(id);
    if (this.#folder === undefined) return;
    for (const name of [id, `${id}.json`]) {
      const path = join(this.#folder, name);
      if (existsSync(path)) unlinkSync(path);
    }
  }
}

/** Types a browser may show in place; everything else is offered as a download. */
const shownInPlace = new Map<string, (bytes: Buffer) => boolean>([
  ["image/png", (bytes) => bytes.subarray(0, 4).toString("latin1") === "\x89PNG"],
  ["image/jpeg", (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8],
  ["image/gif", (bytes) => bytes.subarray(0, 3).toString("latin1") === "GIF"],
]);

/** The image type by its first bytes, never by what the sender said. */
export function imageTypeOf(bytes: Buffer): string | undefined {
  for (const [type, matches] of shownInPlace) if (matches(bytes)) return type;
  return undefined;
}
