import { inspect } from "node:util";

const redacted = "[redacted]";

/**
 * A value that must not be printed: text, JSON, templates and the inspector all show `[redacted]`. Only `reveal()`
 * gives it out, so every place where a secret leaves can be found by that word.
 *
 * ```ts
 * const token = new Secret("xoxb-…");
 * log.info({ token });           // {"token":"[redacted]"}
 * client.authorise(token.reveal());
 * ```
 */
export class Secret<T> {
  // A private field, not a property: spread, Object.entries and structured logging cannot reach it.
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }

  [Symbol.toPrimitive](): string {
    return redacted;
  }
}
