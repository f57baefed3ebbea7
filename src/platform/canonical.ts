import canonicalize from "canonicalize";

// The package is one function; its types describe it as a default export, which it is not for a CommonJS module.
const serialise = canonicalize as unknown as (value: unknown) => string | undefined;

/**
 * Canonical JSON (RFC 8785). Throws a TypeError on what has no canonical form: NaN, infinities, lone surrogates,
 * integers past 2^53 (write those as text).
 */
export function canonicalJson(value: unknown): string {
  assertCanonical(value, "$");
  const text = serialise(value);
  if (text === undefined) throw new TypeError("canonical JSON: nothing to write at $");
  return text;
}

/**
 * Reads canonical JSON. Throws a TypeError on text that is not exactly what {@link canonicalJson} writes: keys given
 * twice or out of order, other spellings of a number, spaces.
 */
export function readCanonicalJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (canonicalJson(value) !== text)
    throw new TypeError("not canonical JSON: a key is given twice, or something is written another way");
  return value;
}

/** A whole number at or past this is written by its exponent, as ECMAScript does. */
const exponentFrom = 1e20;

function assertCanonical(value: unknown, path: string): void {
  if (typeof value === "number" && !isExact(value))
    throw new TypeError(`canonical JSON: ${value} at ${path} cannot be written exactly; write it as text`);
  if (typeof value === "string" && !value.isWellFormed())
    throw new TypeError(`canonical JSON: lone surrogate at ${path}`);
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) assertCanonical(item, `${path}[${index}]`);
  else if (value !== null && typeof value === "object")
    for (const [key, item] of Object.entries(value)) {
      if (!key.isWellFormed()) throw new TypeError(`canonical JSON: lone surrogate in a key at ${path}`);
      assertCanonical(item, `${path}.${key}`);
    }
}

const isExact = (value: number): boolean =>
  Number.isFinite(value) &&
  (!Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= exponentFrom);
