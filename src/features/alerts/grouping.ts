/** Which alerts are one cause: one ticket, one card. Pure. */
import { createHash } from "node:crypto";
import { environmentsOf, serviceNamed, serviceOfAlert, servicesOfRepository } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { sloOfAlert } from "../slos/index.ts";
import { type Named, untitled } from "./model.ts";

/** Alerts of one cause. */
export interface GroupIdentity {
  /** Distinct for each cause, without state or time in it. */
  key: string;
  /** Null: no rule of the catalog matches; the default owner gets it. */
  service: string | null;
  environment: string;
  /** The rule that fires, as people call it. */
  name: string;
  /** What a reader must know of how it was filed; null when nothing. */
  note: string | null;
}

const nameLabels = ["alertname", "rule", "rulename", "__name__"];
const serviceLabels = ["service", "app", "app_kubernetes_io_name", "deployment", "job", "namespace"];
const environmentLabels = ["environment", "env", "deployment_environment", "stage"];
/** Longest name kept, in characters. */
const nameLengthMax = 120;

/**
 * Service, environment and rule an alert is about. `source` keeps apart what no service joins; `named` is what the
 * sender says of service and environment in words of its own, asked where labels and rules are silent.
 */
export function groupOf(
  catalog: Catalog,
  labels: Readonly<Record<string, string>>,
  source: string,
  named: Named = {},
): GroupIdentity {
  const name = [...(first(labels, nameLabels) ?? untitled)].slice(0, nameLengthMax).join("");
  const known =
    serviceOfAlert(catalog, labels) ??
    objectiveService(catalog, labels) ??
    namedService(catalog, named) ??
    repositoryService(catalog, labels);
  if (known !== undefined) {
    const environment = environmentOf(environmentsOf(catalog, known.name), labels, named);
    return {
      key: keyOf(["service", known.name, environment, name]),
      service: known.name,
      environment,
      name,
      note: null,
    };
  }
  // A name alone would join alerts of strangers, so what the sender says of its origin counts too.
  const origin = serviceLabels.map((label) => own(labels, label));
  if (named.service !== undefined && !origin.includes(named.service)) origin.push(named.service);
  const environment =
    first(labels, environmentLabels) ?? named.environment ?? catalog.organisation.defaultEnvironment;
  const said = first(labels, serviceLabels.slice(0, 1)) ?? named.service;
  const why =
    said === undefined
      ? "no rule of the catalog matches its labels"
      : `the catalog knows no service "${said}"`;
  return {
    key: keyOf(["source", source, environment, name, ...origin]),
    service: null,
    environment: [...environment].slice(0, nameLengthMax).join(""),
    name,
    note: `Filed with the default owner: ${why}.`,
  };
}

/** The service of the SLO whose burn an alert tells of, by the labels its rule was given. */
const objectiveService = (catalog: Catalog, labels: Readonly<Record<string, string>>) =>
  serviceNamed(catalog, sloOfAlert(catalog, labels)?.service ?? "");

/** The first of the sender's words that the catalog declares. */
const namedService = (catalog: Catalog, { service, hints = [] }: Named) =>
  [service ?? "", ...hints].map((name) => serviceNamed(catalog, name)).find((known) => known !== undefined);

/** The one service deployed from the repository an alert is about. */
function repositoryService(catalog: Catalog, labels: Readonly<Record<string, string>>) {
  const [only, ...others] = servicesOfRepository(catalog, own(labels, "repository"));
  return others.length === 0 ? only : undefined;
}

/** The declared environment a label names, whatever its case; else the service's first. */
function environmentOf(
  declared: readonly string[],
  labels: Readonly<Record<string, string>>,
  named: Named,
): string {
  const said = (first(labels, environmentLabels) ?? named.environment)?.toLowerCase();
  return declared.find((name) => name.toLowerCase() === said) ?? (declared[0] as string);
}

const own = (labels: Readonly<Record<string, string>>, label: string): string =>
  Object.hasOwn(labels, label) ? (labels[label] ?? "").trim() : "";

const first = (labels: Readonly<Record<string, string>>, names: readonly string[]): string | undefined =>
  names.map((name) => own(labels, name)).find((value) => value !== "");

const keyOf = (parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex");
