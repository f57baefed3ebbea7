/** What reading a position answers, and how it refuses a word. */
import { allow, type Decision, refuse } from "../refusal.ts";
import { plainText } from "./tokens.ts";

export interface FoundValue {
  value: unknown;
  /** Words it took, at least one. */
  wordCount: number;
  /** What was filled in for the typist. */
  echo: readonly string[];
}

export type Found = Decision<FoundValue>;
/** One word read as a value. */
export const one = (value: unknown, ...echo: string[]): Found => allow({ value, wordCount: 1, echo });

export function refuseWord(rule: string, word: string, problem: string, hint: string) {
  return refuse({ rule, message: `"${shown(word)}" ${problem}.`, hint });
}

/** A word as it may be repeated in an answer: short, and without what cannot be seen. */
export const shown = (word: string) => {
  const plain = plainText([{ text: word, raw: word, isQuoted: true }]);
  return plain.length > 60 ? `${[...plain].slice(0, 57).join("")}…` : plain;
};
