import { closest, distance } from "fastest-levenshtein";

/** The known word a typist probably meant; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0 || word.length > 100) return undefined;
  const lower = word.toLowerCase();
  const candidate = closest(lower, [...known]);
  const far = distance(lower, candidate.toLowerCase());
  return far <= Math.max(2, Math.floor(word.length / 3)) && far < word.length ? candidate : undefined;
}

/** ` Did you mean shop?`, or what there is when it is little, or nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near !== undefined) return `Did you mean ${near}?`;
  if (known.length === 0) return "";
  return known.length <= 8 ? `There is ${known.join(", ")}.` : "";
}
