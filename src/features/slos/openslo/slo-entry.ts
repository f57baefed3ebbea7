/** One SLO document with all it refers to, as entries of the catalog's `slos`: one for each objective. Pure. */
import { sloSchema } from "../../../catalog/slos.ts";
import type { DocumentOf, FieldNote } from "./document.ts";
import type { Documents } from "./documents.ts";
import { annotation, rfc1123 } from "./export.ts";
import type { Objective, SliSpec } from "./forms.ts";
import { readIndicator } from "./indicator.ts";
import { type Annotations, keptIndicator, keptSlices, keptWindow } from "./kept.ts";
import { rowEntries, rowsOf } from "./rows.ts";
import { slicesEntry, windowEntry } from "./windows.ts";

export type Entry = Readonly<Record<string, unknown>>;
export type Note = (path: string, message: string) => void;

export interface ReadEntries {
  readonly slos: readonly Entry[];
  readonly notes: readonly FieldNote[];
  readonly problems: readonly FieldNote[];
}

/** Longest description in the catalog, in characters. */
const descriptionMax = 500;

export function sloEntries(document: DocumentOf<"SLO">, documents: Documents): ReadEntries {
  const notes: FieldNote[] = [];
  const problems: FieldNote[] = [];
  const say =
    (list: FieldNote[]): Note =>
    (path, message) =>
      list.push({ field: `SLO ${document.metadata.name}: ${path}`, message });
  const [note, problem] = [say(notes), say(problems)];
  const { spec, metadata } = document;
  const annotations = metadata.annotations ?? {};
  noteMetadata(document, note);

  const sli = indicatorSpec(document, documents, problem);
  if (sli !== undefined) checkObjectives(document, sli, problem);
  const rows = rowsOf(spec.alertPolicies ?? [], annotations, documents, { note, problem });
  if (sli === undefined || problems.length > 0) return { slos: [], notes, problems };
  if (spec.budgetingMethod === "RatioTimeslices") {
    note(
      "spec.budgetingMethod",
      "is RatioTimeslices, a mean of ratios, which the catalog does not have; this SLO was left out",
    );
    return { slos: [], notes, problems };
  }

  if (annotations[annotation.userFacing] === undefined && rows?.some(({ severity }) => severity === "page"))
    note(
      "spec.alertPolicies",
      "pages; an SLO of the catalog pages only with userFacing: true, which says that people outside feel it",
    );
  const window = keptWindow(annotations, spec.timeWindow[0]) ?? windowEntry(spec.timeWindow[0], note);
  const slos = spec.objectives.flatMap((objective, index) => {
    const at = `spec.objectives.${index}`;
    const read = readIndicatorOf(sli, objective, annotations, documents, note);
    if (read.indicator === undefined || window === undefined) {
      note(at, "was left out: what it measures cannot be carried over");
      return [];
    }
    const name = nameOf(document, index, note);
    const entry: Entry = {
      name,
      service: agreed(annotations[annotation.service], spec.service),
      ...descriptionOf(spec.description, note),
      ...optional("provider", annotations[annotation.provider] ?? read.provider),
      indicator: read.indicator,
      objective: objective.targetPercent ?? Number(((objective.target ?? 0) * 100).toPrecision(12)),
      window,
      ...(spec.budgetingMethod === "Timeslices"
        ? { slices: keptSlices(annotations, objective) ?? slicesEntry(objective) }
        : {}),
      ...ownFields(annotations),
      ...optional("alerting", rowEntries(rows, window)),
    };
    return isWell(entry, at, note) ? [entry] : [];
  });
  return { slos, notes, problems };
}

const optional = (key: string, value: unknown): Entry => (value === undefined ? {} : { [key]: value });

/** A name that OpenSLO could not hold, as long as the document still has what was made of it. */
const agreed = (kept: string | undefined, name: string): string =>
  kept !== undefined && rfc1123(kept) === name ? kept : name;

function nameOf({ metadata, spec }: DocumentOf<"SLO">, index: number, note: Note): string {
  const name = agreed(metadata.annotations?.[annotation.name], metadata.name);
  if (spec.objectives.length === 1) return name;
  const own = `${name}-${index + 1}`;
  note(`spec.objectives.${index}`, `became an SLO of its own, ${own}`);
  return own;
}

function noteMetadata({ metadata, spec }: DocumentOf<"SLO">, note: Note): void {
  if (metadata.displayName !== undefined) note("metadata.displayName", "has no place in the catalog");
  if (metadata.labels !== undefined) note("metadata.labels", "has no place in the catalog");
  const ours = new Set<string>(Object.values(annotation));
  for (const key of Object.keys(metadata.annotations ?? {}))
    if (!ours.has(key)) note(`metadata.annotations.${key}`, "has no place in the catalog");
  spec.objectives.forEach(({ displayName }, index) => {
    if (displayName !== undefined)
      note(`spec.objectives.${index}.displayName`, "has no place in the catalog");
  });
}

function indicatorSpec(
  { spec }: DocumentOf<"SLO">,
  documents: Documents,
  problem: Note,
): SliSpec | undefined {
  if (spec.indicator) return spec.indicator.spec;
  const found = documents.refer("SLI", spec.indicatorRef ?? "");
  if (found === undefined)
    problem(
      "spec.indicatorRef",
      `names SLI ${spec.indicatorRef}, which is in no document here; add it to the file`,
    );
  return found?.spec;
}

function checkObjectives({ spec }: DocumentOf<"SLO">, sli: SliSpec, problem: Note): void {
  const isThreshold = sli.thresholdMetric !== undefined;
  if (isThreshold && spec.objectives.length > 1)
    problem("spec.objectives", "has several objectives; with thresholdMetric there is one");
  spec.objectives.forEach((objective, index) => {
    const at = (field: string) => `spec.objectives.${index}.${field}`;
    for (const field of ["op", "value"] as const) {
      if (isThreshold && objective[field] === undefined)
        problem(at(field), "is missing; thresholdMetric is compared with it");
      if (!isThreshold && objective[field] !== undefined)
        problem(at(field), "is for thresholdMetric, and the indicator is a ratioMetric; remove it");
    }
    for (const field of ["timeSliceTarget", "timeSliceWindow"] as const)
      if (spec.budgetingMethod !== "Occurrences" && objective[field] === undefined)
        problem(at(field), `is missing; ${spec.budgetingMethod} needs it`);
      else if (spec.budgetingMethod === "Occurrences" && objective[field] !== undefined)
        problem(at(field), "is for Timeslices, and budgetingMethod is Occurrences; remove it");
  });
}

function readIndicatorOf(
  sli: SliSpec,
  { op, value }: Objective,
  annotations: Annotations,
  documents: Documents,
  note: Note,
) {
  const kept = keptIndicator(annotations, sli);
  if (kept !== undefined) return { indicator: kept, provider: undefined };
  if (annotations[annotation.indicator] !== undefined)
    note(
      `metadata.annotations.${annotation.indicator}`,
      "says something else than spec.indicator by now; the latter counts",
    );
  const threshold = op === undefined || value === undefined ? undefined : { op, value };
  const sources = new Map(documents.of("DataSource").map((source) => [source.metadata.name, source]));
  const read = readIndicator(sli, threshold, sources);
  for (const { path, message } of read.notes) note(`spec.indicator.spec.${path}`, message);
  if (read.provider !== undefined)
    note("spec.indicator.spec", `asks ${read.provider}; declare that instance under providers.metrics`);
  return read;
}

function descriptionOf(description: string | undefined, note: Note): Entry {
  const words = description?.trim() ?? "";
  if (words === "") return {};
  if (words.length <= descriptionMax) return { description: words };
  note("spec.description", `was cut to ${descriptionMax} characters`);
  return { description: words.slice(0, descriptionMax).trim() };
}

/** What only the catalog has: taken over from our own annotations. */
function ownFields(annotations: Annotations): Entry {
  const [owner, dependencies, policy] = [annotation.owner, annotation.dependencies, annotation.policy].map(
    (key) => annotations[key],
  );
  const minBad = Number(annotations[annotation.minBad]);
  return {
    ...optional("owner", owner),
    ...(dependencies ? { dependencies: dependencies.split(",") } : {}),
    ...(policy === undefined || policy === "enforce" ? {} : { policy }),
    ...(annotations[annotation.userFacing] === "true" ? { userFacing: true } : {}),
    ...(Number.isSafeInteger(minBad) && minBad >= 1 ? { minBad } : {}),
  };
}

/** Fields of the catalog by where they stand in the document. */
const origins: Readonly<Record<string, string>> = {
  name: "metadata.name",
  service: "spec.service",
  indicator: "spec.indicator",
  window: "spec.timeWindow.0",
  alerting: "spec.alertPolicies",
};

/** What the catalog would refuse is left out, by the field it comes from. */
function isWell(entry: Entry, at: string, note: Note): boolean {
  const checked = sloSchema.safeParse(entry);
  if (checked.success) return true;
  for (const { path, message } of checked.error.issues)
    note(
      origins[String(path[0])] ?? at,
      `cannot be in the catalog, so this SLO was left out: ${path.map(String).join(".")} ${message}`,
    );
  return false;
}
