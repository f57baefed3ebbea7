import { distance } from "fastest-levenshtein";

/** The known word a typist probably meant; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 100) return undefined;
  const allowed = Math.max(2, Math.floor(word.length / 3));
  let best: { name: string; far: number } | undefined;
  for (const name of known) {
    const far = farBetween(word.toLowerCase(), name.toLowerCase());
    if (far <= allowed && far < word.length && (best === undefined || far < best.far)) best = { name, far };
  }
  return best?.name;
}

/** Edit distance; the same letters in another order count as one slip, since thumbs swap letters. */
function farBetween(word: string, name: string): number {
  const letters = (text: string) => [...text].sort().join("");
  const far = distance(word, name);
  return far === 2 && letters(word) === letters(name) ? 1 : far;
}

/** `Did you mean shop?`, or what there is when it is little, or nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near !== undefined) return `Did you mean ${near}?`;
  if (known.length === 0) return "";
  return known.length <= 8 ? `There is ${known.join(", ")}.` : "";
}
