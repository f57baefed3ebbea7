/** What labels in common use say. Pure. */
import type { ReadAlert } from "../model.ts";
import { textOf } from "./texts.ts";

const serviceLabels = ["service", "app_kubernetes_io_name", "app", "deployment"];
const hintLabels = ["job"];
const environmentLabels = ["environment", "env", "deployment_environment", "stage"];

export const labelOf = (labels: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(labels, name) ? labels[name]?.trim() || undefined : undefined;

/** Service and environment by the names people give such labels; rules of the catalog go before. */
export function namedOf(labels: Readonly<Record<string, string>>): ReadAlert["named"] {
  const among = (names: readonly string[]) =>
    names.map((name) => labelOf(labels, name)).filter((value) => value !== undefined);
  const [service, ...others] = among(serviceLabels);
  // Who says outright which service it is means no other one, declared or not.
  const isOutright = labelOf(labels, "service") !== undefined;
  const hints = isOutright
    ? undefined
    : hintsOf([...others, ...among(hintLabels)].filter((hint) => hint !== service));
  return { service, hints, environment: among(environmentLabels)[0] };
}

/** Labels of a sender that has none of its own: what is blank or absent is left out. */
export function labelsFrom(pairs: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(pairs)
      .map(([name, value]) => [name, textOf(value)] as const)
      .filter((pair): pair is readonly [string, string] => pair[1] !== undefined),
  );
}

/** Words that may be a service's name; undefined when there are none. */
export function hintsOf(values: readonly unknown[]): readonly string[] | undefined {
  const hints = [...new Set(values.map(textOf).filter((hint) => hint !== undefined))];
  return hints.length > 0 ? hints : undefined;
}
