/** What labels in common use say. Pure. */
import type { ReadAlert } from "../model.ts";

const serviceLabels = ["service", "app_kubernetes_io_name", "app", "deployment"];
const environmentLabels = ["environment", "env", "deployment_environment", "stage"];

export const labelOf = (labels: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(labels, name) ? labels[name]?.trim() || undefined : undefined;

/** Service and environment by the names people give such labels; rules of the catalog go before. */
export function namedOf(labels: Readonly<Record<string, string>>): ReadAlert["named"] {
  const among = (names: readonly string[]) =>
    names.map((name) => labelOf(labels, name)).find((value) => value !== undefined);
  return { service: among(serviceLabels), environment: among(environmentLabels) };
}
