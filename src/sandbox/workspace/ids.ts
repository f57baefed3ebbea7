/**
 * emulate picks ids and message times at random; people and rows want ids that stay. This map translates both
 * ways, everywhere in a body at once: `outer` is what Quarterdeck sees, `inner` what emulate has.
 */
const idPattern = /\b(?:[A-Z][A-Z0-9]{2,20}|\d{10}\.\d{6})\b/g;

export class IdMap {
  readonly #inner = new Map<string, string>();
  readonly #outer = new Map<string, string>();

  /** Throws when either side already stands for something else: two things under one id would be worse. */
  pair(outer: string, inner: string): void {
    const known = this.#inner.get(outer);
    if (known === inner) return;
    if (known !== undefined || this.#outer.has(inner)) {
      throw new Error(`workspace id ${outer} ↔ ${inner} is already taken`);
    }
    this.#inner.set(outer, inner);
    this.#outer.set(inner, outer);
  }

  /**
   * A time emulate just made is kept as it is, unless an older message already has it (emulate counts from 1
   * again after a restart): then the next free one is paired with it.
   */
  adopt(innerTs: string): string {
    const known = this.#outer.get(innerTs);
    if (known !== undefined) return known;
    let outer = innerTs;
    while (this.#inner.has(outer)) outer = nextTs(outer);
    this.pair(outer, innerTs);
    return outer;
  }

  toInner(text: string): string {
    return text.replace(idPattern, (id) => this.#inner.get(id) ?? id);
  }

  toOuter(text: string): string {
    return text.replace(idPattern, (id) => this.#outer.get(id) ?? id);
  }
}

/** The next time a message can have: `1700000000.000009` → `1700000000.000010`. */
export function nextTs(ts: string): string {
  const [sec = "0", micro = "0"] = ts.split(".");
  const next = Number(micro) + 1;
  return next > 999_999
    ? `${Number(sec) + 1}.000000`
    : `${sec.padStart(10, "0")}.${String(next).padStart(6, "0")}`;
}

/** `ts` of a moment, for what emulate did not make (ephemeral answers). */
export function tsOf(now: Date): string {
  const ms = now.getTime();
  return `${Math.floor(ms / 1000)}.${String((ms % 1000) * 1000).padStart(6, "0")}`;
}
