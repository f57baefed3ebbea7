/**
 * Questions asked in the same moment about the same time, as one: hundreds of SLOs in a list would cost a request each,
 * which is most of what they cost us. One that Prometheus refuses spoils no other: then each is asked alone.
 */
import { ProviderError } from "../errors.ts";
import type { PromAnswer, PrometheusApi } from "./prometheus-api.ts";
import { keyLabel } from "./prometheus-spans.ts";

/** Questions in one at most: they run one after the other there, and share one deadline. */
const questionsMax = 10;

interface Question {
  /** The expression, with this before the key of each of its parts. */
  textOf: (prefix: string) => string;
  end: Date;
  resolve: (answer: PromAnswer) => void;
  reject: (error: unknown) => void;
}

export class PrometheusBatch {
  #waiting: Question[] = [];

  constructor(private readonly api: PrometheusApi) {}

  /** Answers as the question alone would have been: its own series, their keys without the prefix. */
  ask(end: Date, textOf: (prefix: string) => string): Promise<PromAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ textOf, end, resolve, reject });
    });
  }

  #flush(): void {
    const byEnd = new Map<number, Question[]>();
    for (const question of this.#waiting) {
      const same = byEnd.get(question.end.getTime()) ?? [];
      same.push(question);
      byEnd.set(question.end.getTime(), same);
    }
    this.#waiting = [];
    for (const same of byEnd.values())
      for (let at = 0; at < same.length; at += questionsMax)
        void this.#askAll(same.slice(at, at + questionsMax));
  }

  async #askAll(questions: readonly Question[]): Promise<void> {
    const [first] = questions;
    if (!first) return;
    const text = questions.map(({ textOf }, index) => textOf(prefixOf(index))).join(" or ");
    try {
      const answer = await this.api.query(text, first.end, undefined, { isBrief: true });
      for (const [index, { resolve }] of questions.entries()) resolve(ownOf(answer, prefixOf(index)));
    } catch (error) {
      const isRefused = error instanceof ProviderError && error.code === "rejected";
      if (questions.length === 1 || !isRefused) for (const { reject } of questions) reject(error);
      else for (const question of questions) void this.#askAll([question]);
    }
  }
}

const prefixOf = (index: number): string => `${index}:`;

function ownOf({ series, warnings }: PromAnswer, prefix: string): PromAnswer {
  return {
    warnings,
    series: series.flatMap(({ labels, points }) => {
      const key = labels[keyLabel];
      return key?.startsWith(prefix)
        ? [{ labels: { ...labels, [keyLabel]: key.slice(prefix.length) }, points }]
        : [];
    }),
  };
}
