/** Words at one position → the value its kind stands for. */
import { allow, refuse } from "../refusal.ts";
import type { GrammarContext } from "./context.ts";
import { type Found, one, refuseWord } from "./found.ts";
import {
  findName,
  readChannel,
  readPerson,
  readResource,
  readService,
  readTeam,
  readVersion,
  readWord,
} from "./names.ts";
import { nearest } from "./nearest.ts";
import { type ArgMeta, restLengthMax } from "./spec.ts";
import { readId, readTarget } from "./targets.ts";
import { formatMoment, parseDuration, readInstant, readTimeSpan } from "./time.ts";
import { plainText, type Token } from "./tokens.ts";

/** Reads one position off the front of `tokens` (never empty), or says why it cannot be read. */
export function readValue(meta: ArgMeta, tokens: readonly Token[], context: GrammarContext): Found {
  const word = tokens[0]?.text ?? "";
  switch (meta.kind) {
    case "service":
      return readService(word, context);
    case "resource":
      return readResource(word, context);
    case "team":
      return readTeam(word, context);
    case "person":
      return readPerson(word, context);
    case "channel":
      return readChannel(word);
    case "version":
      return readVersion(word);
    case "word":
      return readWord(word);
    case "choice":
      return readChoice(word, meta.choices);
    case "time": {
      const found = readTimeSpan(texts(tokens), context.now, context.zone);
      if (!found.ok) return found;
      const { value, wordCount } = found.value;
      return allow({ value, wordCount, echo: [`until ${formatMoment(value.until, context.zone)}`] });
    }
    case "instant": {
      const found = readInstant(texts(tokens), context.now, context.zone);
      if (!found.ok) return found;
      const { value, wordCount } = found.value;
      return allow({ value, wordCount, echo: [`at ${formatMoment(value, context.zone)}`] });
    }
    case "duration": {
      const durationMs = parseDuration(word);
      return durationMs === undefined
        ? refuseWord("not-a-time", word, "is not read as a time", "Write 90s, 15m, 2h, 1d or 1h30m.")
        : one(durationMs);
    }
    case "id":
      return readId(word, [meta.letter]);
    case "target":
      return readTarget(word, meta.takes, context);
    case "count":
      return readCount(word);
    case "steps":
      return readSteps(word);
    case "rest":
      return readRest(tokens);
    case "pairs":
    case "switch":
      // Both are taken out of the line before positions are read.
      throw new Error(`A ${meta.kind} is not read from a position`);
  }
}

const texts = (tokens: readonly Token[]) => tokens.slice(0, 3).map(({ text }) => text);

function readChoice(word: string, choices: readonly string[]): Found {
  const choice = findName(word, choices);
  if (choice !== undefined) return one(choice);
  const near = nearest(word, choices);
  const hint =
    near === undefined
      ? `Write one of ${choices.join(", ")}.`
      : `Did you mean ${near}? One of ${choices.join(", ")}.`;
  return refuseWord("not-a-choice", word, "is not one of the words due here", hint);
}

function readCount(word: string): Found {
  return /^[1-9][0-9]{0,5}$/.test(word)
    ? one(Number(word))
    : refuseWord("not-a-count", word, "is not a whole number", "Write 1 to 999999.");
}

function readSteps(word: string): Found {
  const parts = word.split(",");
  const steps = parts.map((part) =>
    /^(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,3})?$/.test(part) ? Number(part) : Number.NaN,
  );
  const isRising = steps.every((step, index) => step > (steps[index - 1] ?? 0) && step <= 100);
  if (isRising && steps.length <= 20) return one(steps);
  return refuseWord(
    "not-steps",
    word,
    "is not a list of steps",
    "Write rising percentages up to 100, with commas: 1,10,50,100.",
  );
}

function readRest(tokens: readonly Token[]): Found {
  const text = plainText(tokens);
  if (text === "")
    return refuse({ rule: "empty-text", message: "The text holds nothing that can be seen.", hint: "" });
  if (text.length > restLengthMax) {
    return refuse({
      rule: "text-too-long",
      message: `The text is ${text.length} characters long; at most ${restLengthMax} are kept.`,
      hint: "Shorten it.",
    });
  }
  return allow({ value: text, wordCount: tokens.length, echo: [] });
}
