/** PromQL in an OpenSLO document: the plain counters and gauges in it, or the same query over any window. Pure. */
import type { LabelMatcher, Selector } from "../../../catalog/schema.ts";

const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const label = /^[a-zA-Z_][a-zA-Z0-9_]*/;

/**
 * `metric{code=~"5..",host="a"}` as a selector. Undefined for anything else, a label that is matched twice included:
 * a selector of the catalog has one matcher for each.
 */
export function selectorOf(text: string): Selector | undefined {
  const whole = text.trim();
  const metric = name.exec(whole)?.[0];
  if (metric === undefined) return undefined;
  let rest = whole.slice(metric.length).trim();
  if (rest === "") return { metric, labels: {} };
  if (!rest.startsWith("{") || !rest.endsWith("}")) return undefined;
  rest = rest.slice(1, -1).trim();
  const labels: Record<string, LabelMatcher> = {};
  while (rest !== "") {
    const key = label.exec(rest)?.[0];
    if (key === undefined || Object.hasOwn(labels, key)) return undefined;
    rest = rest.slice(key.length).trim();
    const operator = /^(=~|!~|!=|=)/.exec(rest)?.[0];
    if (operator === undefined) return undefined;
    const value = quotedAt(rest.slice(operator.length).trim());
    if (value === undefined) return undefined;
    labels[key] = matcherOf(operator, value.text);
    rest = value.rest.trim();
    if (rest.startsWith(",")) rest = rest.slice(1).trim();
    else if (rest !== "") return undefined;
  }
  return { metric, labels };
}

/** A quoted text at the beginning, and what is behind it. Source: prometheus.io, "String literals". */
function quotedAt(text: string): { text: string; rest: string } | undefined {
  const quote = text[0];
  if (quote === "`") {
    const end = text.indexOf("`", 1);
    return end < 0 ? undefined : { text: text.slice(1, end), rest: text.slice(end + 1) };
  }
  if (quote !== '"' && quote !== "'") return undefined;
  const found = (quote === '"' ? /^"((?:[^"\\\n]|\\.)*)"/ : /^'((?:[^'\\\n]|\\.)*)'/).exec(text);
  if (found === null) return undefined;
  const [whole = "", inner = ""] = found;
  try {
    const json = quote === '"' ? inner : inner.replaceAll("\\'", "'").replaceAll('"', '\\"');
    return { text: JSON.parse(`"${json}"`) as string, rest: text.slice(whole.length) };
  } catch {
    return undefined;
  }
}

function matcherOf(operator: string, text: string): LabelMatcher {
  switch (operator) {
    case "=~":
      return { matches: text };
    case "!~":
      return { notMatches: text };
    case "!=":
      return { not: text };
    default:
      return text;
  }
}

/** A counter under the functions that every tool writes around it: `sum(rate(metric{…}[5m]))`, `sum(metric{…})`. */
export function counterOf(query: string): Selector | undefined {
  const inner = within(query, "sum") ?? query.trim();
  const ranged = within(inner, "rate") ?? within(inner, "increase");
  if (ranged === undefined) return selectorOf(inner);
  const range = /^([\s\S]*?)\[[^\][]*\]$/.exec(ranged);
  return range?.[1] === undefined ? undefined : selectorOf(range[1]);
}

/** What stands in `wrapper( … )`, if its bracket is the last. */
function within(text: string, wrapper: string): string | undefined {
  const found = new RegExp(`^${wrapper}\\s*\\(([\\s\\S]*)\\)$`).exec(text.trim());
  const inner = found?.[1];
  return inner !== undefined && isBalanced(inner) ? inner.trim() : undefined;
}

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const sign of withoutQuotes(text)) {
    if (sign === "(") depth += 1;
    if (sign === ")") depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

const withoutQuotes = (text: string): string =>
  text.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g, '""');

/**
 * The query as a count of events over `$window`: every range becomes the window, rates become increases. Undefined
 * when it has no range to widen, or one that this would change the meaning of (a subquery, `offset`, `irate`).
 */
export function countedOverWindow(query: string): string | undefined {
  const bare = withoutQuotes(query);
  const ranges = bare.match(/\[[^\][]*\]/g) ?? [];
  if (ranges.length === 0 || ranges.some((range) => range.includes(":") && !range.includes("{{")))
    return undefined;
  if (
    /\b(irate|idelta|offset|predict_linear|quantile|quantile_over_time|histogram_quantile)\b/.test(bare) ||
    /@/.test(bare)
  )
    return undefined;
  // Brackets within quotes belong to a pattern and stay.
  return query
    .split(/("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)/)
    .map((part, index) =>
      index % 2 === 1
        ? part
        : part.replaceAll(/\[[^\][]*\]/g, "[$window]").replaceAll(/\brate\s*\(/g, "increase("),
    )
    .join("")
    .trim();
}
