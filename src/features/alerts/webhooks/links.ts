/** Addresses a person may follow. Pure. */
import { clean, textOf } from "./texts.ts";

/** Longest address kept, in characters: Slack takes 3,000 of a button. */
const linkCharsMax = 2_000;
const linksMax = 10;
const labelCharsMax = 60;

export interface AlertLink {
  /** What is behind it, in a word or two. */
  label: string;
  /** http or https, whole. */
  url: string;
}

/** The address, if it is a whole one; placeholders such as `{app}` that nobody filled in lead nowhere. */
export function linkOf(value: unknown): string | undefined {
  if (typeof value !== "string" || value.length > linkCharsMax) return undefined;
  const text = clean(value).trim();
  if (!/^https?:\/\/[^\s<>"`\\]+$/i.test(text) || !URL.canParse(text)) return undefined;
  const beforeQuery = text.split(/[?#]/, 1)[0] ?? "";
  return /[{}]/.test(beforeQuery) ? undefined : text;
}

/** The links among pairs of label and address, each address once, in the order given. */
export function linksOf(pairs: readonly (readonly [label: string, value: unknown])[]): AlertLink[] {
  const links = new Map<string, AlertLink>();
  for (const [label, value] of pairs) {
    const url = linkOf(value);
    if (url === undefined || links.has(url) || links.size >= linksMax) continue;
    links.set(url, { label: (textOf(label) ?? "link").slice(0, labelCharsMax).toWellFormed(), url });
  }
  return [...links.values()];
}

/** Annotations that hold an address and say by their name what is behind it. */
const annotationLinks = [
  ["runbook", ["runbook_url", "runbook", "runbookUrl", "runbookURL"]],
  ["dashboard", ["dashboard_url", "dashboard", "dashboardUrl", "dashboardURL"]],
  ["graph", ["graph_url", "graph"]],
] as const;

export const linksOfAnnotations = (
  annotations: Readonly<Record<string, string>>,
): (readonly [string, unknown])[] =>
  annotationLinks.flatMap(([label, names]) =>
    names
      .filter((name) => Object.hasOwn(annotations, name))
      .map((name) => [label, annotations[name]] as const),
  );
