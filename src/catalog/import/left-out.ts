/** Which fields of a file nobody took over: the topmost of each part, so that the list stays short. Pure. */
import type { FieldNote } from "./draft.ts";

export type SourcePath = readonly (string | number)[];

const keyOf = (path: SourcePath): string => path.map(String).join("\u0000");

/** Keys whose values may be secrets, whatever stands in them. */
const secretKey =
  /(secret|token|password|passwd|credential|private|api_key|routing_key|service_key|_key|url|link)s?(_file)?$/i;

export class Taken {
  readonly #whole = new Set<string>();
  readonly #within = new Set<string>([""]);

  /** Marks a field, with all that stands in it, as carried over or spoken about. */
  take(path: SourcePath, ...keys: string[]): void {
    for (const each of keys.length === 0 ? [path] : keys.map((key) => [...path, key])) {
      this.#whole.add(keyOf(each));
      for (let length = 1; length < each.length; length += 1) this.#within.add(keyOf(each.slice(0, length)));
    }
  }

  /** Has the fields in it named one by one. */
  open(path: SourcePath): void {
    this.#within.add(keyOf(path));
  }

  /** What is left of the file, as notes. `say` may word a field's note itself. */
  rest(content: unknown, say: (path: SourcePath) => string | undefined = () => undefined): FieldNote[] {
    const walk = (value: unknown, path: SourcePath): FieldNote[] => {
      if (value === null || value === undefined || this.#whole.has(keyOf(path))) return [];
      if (typeof value === "object" && (path.length === 0 || this.#within.has(keyOf(path))))
        return Object.entries(value).flatMap(([key, inner]) =>
          walk(inner, [...path, Array.isArray(value) ? Number(key) : key]),
        );
      if (isEmpty(value)) return [];
      return [{ field: fieldOf(content, path), message: say(path) ?? leftOut(value, String(path.at(-1))) }];
    };
    return walk(content, []);
  }
}

const isEmpty = (value: unknown): boolean =>
  value === "" ||
  (typeof value === "object" &&
    value !== null &&
    Object.values(value).every((inner) => inner === null || isEmpty(inner)));

function leftOut(value: unknown, key: string): string {
  if (typeof value !== "object")
    return secretKey.test(key) ? "may be a secret, and was not copied" : "has no place in the catalog";
  return hasSecret(value)
    ? "has no place in the catalog; secrets in it were not copied"
    : "has no place in the catalog";
}

const hasSecret = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(value).some(([key, inner]) =>
    typeof inner === "object"
      ? hasSecret(inner)
      : inner !== "" && !Array.isArray(value) && secretKey.test(key),
  );

/** The path as people read it: entries of lists by their name or id. */
export function fieldOf(content: unknown, path: SourcePath): string {
  let value = content;
  return path
    .map((step) => {
      const isEntry = Array.isArray(value);
      value =
        typeof value === "object" && value !== null
          ? (value as Record<string, unknown>)[String(step)]
          : undefined;
      const { name, id } = (typeof value === "object" && value !== null ? value : {}) as {
        name?: unknown;
        id?: unknown;
      };
      const own = typeof name === "string" && name !== "" ? name : id;
      return isEntry && typeof own === "string" ? own : String(step);
    })
    .join(".");
}
