/** Variables a catalog's text may name. Passed in; the catalog never reads the environment itself. */
export type Variables = Readonly<Record<string, string | undefined>>;

const placeholder = /\$?\$\{([^}]*)\}/g;
const inside = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Replaces `${NAME}` and `${NAME:-default}`; `$${NAME}` stays as `${NAME}`. An empty variable counts as unset.
 * Answers the text and what could not be replaced.
 */
export function interpolate(text: string, variables: Variables): { text: string; errors: string[] } {
  const errors: string[] = [];
  const replaced = text.replace(placeholder, (whole, content: string) => {
    if (whole.startsWith("$$")) return whole.slice(1);
    const [, name = "", fallback] = inside.exec(content) ?? [];
    if (name === "") {
      errors.push(`"${whole}" is not a variable; write \${NAME} or \${NAME:-default}`);
      return whole;
    }
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value !== undefined && value !== "") return value;
    if (fallback !== undefined) return fallback;
    errors.push(`variable ${name} is not set; set it or write \${${name}:-default}`);
    return whole;
  });
  return { text: replaced, errors };
}

/** A text that stays as it is when it is interpolated. */
export const literal = (text: string): string => text.replaceAll("${", () => "$${");

/** {@link literal} for every text in plain data, but for those that `isVariable` says are meant so. */
export function literalData(value: unknown, isVariable: (text: string) => boolean = () => false): unknown {
  if (typeof value === "string") return isVariable(value) ? value : literal(value);
  if (Array.isArray(value)) return value.map((item) => literalData(item, isVariable));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, literalData(inner, isVariable)]),
  );
}
