/** The documents of one file, and which of them something refers to. Pure but for that memory. */
import type { DocumentOf, Kind, OpenSloDocument } from "./document.ts";

export class Documents {
  readonly #byName = new Map<string, OpenSloDocument>();
  readonly #referred = new Set<OpenSloDocument>();

  constructor(readonly all: readonly OpenSloDocument[]) {
    for (const document of all) this.#byName.set(`${document.kind} ${document.metadata.name}`, document);
  }

  of<K extends Kind>(kind: K): DocumentOf<K>[] {
    return this.all.filter((document): document is DocumentOf<K> => document.kind === kind);
  }

  /** Undefined when the file holds no such document. */
  refer<K extends Kind>(kind: K, name: string): DocumentOf<K> | undefined {
    const found = this.#byName.get(`${kind} ${name}`);
    if (found) this.#referred.add(found);
    return found as DocumentOf<K> | undefined;
  }

  isReferred(document: OpenSloDocument): boolean {
    return this.#referred.has(document);
  }
}
