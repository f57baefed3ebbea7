/**
 * What was signed, and what hosts must refuse: files of a folder that all workers share, since no host knows what
 * certificates there are. `issued/` holds one file per grant that stands, `revoked/` one per grant that has ended, and
 * `revoked.krl` is made of both.
 */
import { link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { ProviderError } from "../errors.ts";
import { externalNamePattern } from "./contract.ts";

const issuedSchema = z.object({
  name: z.string().regex(externalNamePattern),
  /** Of the grant call that made it. */
  key: z.string(),
  terms: z.record(z.string(), z.json()),
  /** Public; the one that works. */
  certificate: z.string(),
  serial: z.string().regex(/^\d+$/),
  until: z.iso.datetime().transform((text) => new Date(text)),
  /** Serials of earlier tries, which work no more. */
  replaced: z.array(z.string().regex(/^\d+$/)),
});
export type Issued = z.output<typeof issuedSchema>;

const revokedSchema = z.object({
  name: z.string().regex(externalNamePattern),
  /** It may be forgotten from then on: what it names has expired. */
  until: z.iso.datetime().transform((text) => new Date(text)),
});
export type RevokedEntry = z.output<typeof revokedSchema>;

/** How old a lock is before its holder is taken for dead, in milliseconds: longer than any call may last. */
const lockStaleMs = 60_000;
const lockWaitMs = 25;

export const listPathIn = (directory: string): string => join(directory, "revoked.krl");

export class Registry {
  constructor(
    private readonly directory: string,
    /** Names what this process writes before it is whole. */
    private readonly token: string,
  ) {}

  get listPath(): string {
    return listPathIn(this.directory);
  }

  issued(name: string): Promise<Issued | undefined> {
    return this.#read("issued", name, issuedSchema);
  }

  allIssued(): Promise<Issued[]> {
    return this.#readAll("issued", issuedSchema);
  }

  revoked(name: string): Promise<RevokedEntry | undefined> {
    return this.#read("revoked", name, revokedSchema);
  }

  allRevoked(): Promise<RevokedEntry[]> {
    return this.#readAll("revoked", revokedSchema);
  }

  writeIssued(issued: Issued): Promise<void> {
    return this.#write(join("issued", `${issued.name}.json`), JSON.stringify(issued));
  }

  writeRevoked(entry: RevokedEntry): Promise<void> {
    return this.#write(join("revoked", `${entry.name}.json`), JSON.stringify(entry));
  }

  removeIssued(name: string): Promise<void> {
    return rm(join(this.directory, "issued", `${name}.json`), { force: true });
  }

  removeRevoked(name: string): Promise<void> {
    return rm(join(this.directory, "revoked", `${name}.json`), { force: true });
  }

  /**
   * Hosts refuse everybody while their list is not whole: it is renamed into its place, never written there. Throws
   * `conflict` when the lock is another's by now: its list may know of more than ours.
   */
  async writeList(list: Buffer): Promise<void> {
    await this.#write("revoked.krl", list, 0o644, async () => {
      if ((await textOf(this.#lock)) === this.token) return;
      throw new ProviderError(
        "conflict",
        `${this.#lock} was taken over by another worker while the list was made`,
        "It is tried again by itself",
      );
    });
  }

  get #lock(): string {
    return join(this.directory, "lock");
  }

  /** One writer at a time, among all workers. Throws `not_found` when the folder is not there: it is never made by us. */
  async locked<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const lock = this.#lock;
    while (!(await this.#take(lock))) {
      if (signal.aborted)
        throw new ProviderError(
          "timeout",
          `Another worker holds ${lock}`,
          `Is one stuck? The lock is taken over when it is ${lockStaleMs / 1_000} s old`,
        );
      await wait(lockWaitMs);
    }
    try {
      for (const folder of ["issued", "revoked"])
        await mkdir(join(this.directory, folder), { recursive: true, mode: 0o700 });
      return await work();
    } finally {
      if ((await textOf(lock)) === this.token) await rm(lock, { force: true });
    }
  }

  async #take(lock: string): Promise<boolean> {
    try {
      const file = await open(lock, "wx", 0o600);
      await file.writeFile(this.token);
      await file.close();
      return true;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw unusable(this.directory, error);
    }
    await this.#takeFromTheDead(lock);
    return false;
  }

  async #takeFromTheDead(lock: string): Promise<void> {
    const mine = join(this.directory, `.${this.token}`);
    try {
      const held = await stat(lock);
      await writeFile(mine, "");
      // Both by the folder's own clock.
      if ((await stat(mine)).mtimeMs - held.mtimeMs <= lockStaleMs) return;
      await rename(lock, mine);
      const taken = await stat(mine);
      // Another was quicker to take it over: this one is live, and goes back unless there is a newer one.
      if (taken.ino !== held.ino || taken.mtimeMs !== held.mtimeMs) await putBack(mine, lock);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw unusable(this.directory, error);
    } finally {
      await rm(mine, { force: true });
    }
  }

  async #read<Schema extends z.ZodType>(
    folder: string,
    name: string,
    schema: Schema,
  ): Promise<z.output<Schema> | undefined> {
    const path = join(this.directory, folder, `${name}.json`);
    const text = await textOf(path);
    // A folder that is gone, or not mounted here, is not a folder without grants.
    if (text === undefined) await this.assertThere();
    return text === undefined ? undefined : parsed(path, text, schema);
  }

  async #readAll<Schema extends z.ZodType>(folder: string, schema: Schema): Promise<z.output<Schema>[]> {
    await this.assertThere();
    const path = join(this.directory, folder);
    const files = await readdir(path).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return [];
      throw unusable(this.directory, error);
    });
    const found = await Promise.all(
      files
        .filter((file) => file.endsWith(".json"))
        .map(async (file) => {
          const text = await textOf(join(path, file));
          return text === undefined ? [] : [parsed(join(path, file), text, schema)];
        }),
    );
    return found.flat();
  }

  async assertThere(): Promise<void> {
    try {
      if ((await stat(this.directory)).isDirectory()) return;
    } catch (error) {
      throw unusable(this.directory, error);
    }
    throw unusable(this.directory);
  }

  async #write(
    file: string,
    content: string | Buffer,
    mode = 0o600,
    assertMay: () => Promise<void> = async () => undefined,
  ): Promise<void> {
    const whole = join(this.directory, `.${this.token}.new`);
    try {
      await writeFile(whole, content, { mode });
      await assertMay();
      await rename(whole, join(this.directory, file));
    } catch (error) {
      await rm(whole, { force: true });
      throw error instanceof ProviderError ? error : unusable(this.directory, error);
    }
  }
}

async function putBack(taken: string, lock: string): Promise<void> {
  try {
    await link(taken, lock);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw unusable(path, error);
  }
}

function parsed<Schema extends z.ZodType>(path: string, text: string, schema: Schema): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new ProviderError(
      "rejected",
      `${path} is not as it was written`,
      "Somebody changed it: compare it with the grants on record, and remove it if nobody needs it",
      error,
    );
  }
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;

const unusable = (path: string, cause?: unknown): ProviderError =>
  new ProviderError(
    codeOf(cause) === "EACCES" ? "unauthorised" : "not_found",
    `${path} cannot be used${typeof codeOf(cause) === "string" ? ` (${String(codeOf(cause))})` : ""}`,
    "It is the accessor's directory: a folder that all workers share and may write to; make it, or mount it here",
    cause,
  );
