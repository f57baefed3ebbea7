import type { LabelMatcher, LabelMatchers } from "./contract.ts";

/** Whether a series' labels fit; a label that is not there is the empty string, as in Prometheus. */
export function matcherOf(matchers: LabelMatchers): (labels: Readonly<Record<string, string>>) => boolean {
  const tests = Object.entries(matchers).map(([name, matcher]) => ({ name, fits: testOf(matcher) }));
  return (labels) => tests.every(({ name, fits }) => fits(labels[name] ?? ""));
}

function testOf(matcher: LabelMatcher): (value: string) => boolean {
  if (typeof matcher === "string") return (value) => value === matcher;
  if ("not" in matcher) return (value) => value !== matcher.not;
  if ("matches" in matcher) {
    const pattern = anchored(matcher.matches);
    return (value) => pattern.test(value);
  }
  const pattern = anchored(matcher.notMatches);
  return (value) => !pattern.test(value);
}

const anchored = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`, "su");
