/**
 * Which of our SLOs an alert is about, by the labels that generators of burn-rate alerts put on theirs. Pure. An
 * alert that is bound has its burn computed anew here; its own severity only says what its rules thought.
 * Sources of the labels: sloth.dev, "Introduction"; pyrra.dev, the rules its operator writes.
 */
import type { Catalog, Slo } from "../../catalog/schema.ts";
import { sloLabel } from "./rules/names.ts";

/** Undefined when the alert is about none, or about one that the catalog does not declare. */
export function sloOfAlert(catalog: Catalog, labels: Readonly<Record<string, string>>): Slo | undefined {
  const label = (name: string): string => (Object.hasOwn(labels, name) ? (labels[name] ?? "") : "");
  const named = (name: string, service?: string): Slo | undefined =>
    catalog.slos.find((slo) => slo.name === name && (service === undefined || slo.service === service));

  const ours = label(sloLabel);
  if (ours !== "") return named(ours);

  // Sloth's id is the service and the name joined; the name may hold dashes too, so both are compared whole.
  const [id, service, name] = [label("sloth_id"), label("sloth_service"), label("sloth_slo")];
  if (id !== "" || (service !== "" && name !== "")) {
    const whole = id || `${service}-${name}`;
    const joined = catalog.slos.filter((slo) => `${slo.service}-${slo.name}` === whole);
    return named(name, service) ?? (joined.length === 1 ? joined[0] : undefined) ?? named(whole);
  }

  // `slo` alone is a common word; Pyrra's burn alerts say their windows too.
  const pyrra = label("slo");
  const isBurn = label("exhaustion") !== "" || (label("long") !== "" && label("short") !== "");
  return pyrra !== "" && isBurn ? named(pyrra) : undefined;
}
