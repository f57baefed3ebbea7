/** The files of a catalog as one, with the place each entry came from. */
import type { Problem } from "./problem.ts";
import type { Catalog, CatalogFile } from "./schema.ts";
import { policiesSchema } from "./services.ts";
import type { FieldPath, YamlFile } from "./yaml-file.ts";

export interface ReadFile {
  source: YamlFile;
  content: CatalogFile;
}

/** Lists of the catalog by the path they have in a file. */
export const sections = {
  channels: (file: CatalogFile) => file.channels,
  people: (file: CatalogFile) => file.people,
  teams: (file: CatalogFile) => file.teams,
  services: (file: CatalogFile) => file.services,
  slos: (file: CatalogFile) => file.slos,
  "providers.metrics": (file: CatalogFile) => file.providers.metrics,
  "providers.traffic": (file: CatalogFile) => file.providers.traffic,
  "providers.accessors": (file: CatalogFile) => file.providers.accessors,
  "providers.ticketing": (file: CatalogFile) => file.providers.ticketing,
  "providers.scm": (file: CatalogFile) => file.providers.scm,
  "providers.pagers": (file: CatalogFile) => file.providers.pagers,
  "providers.markers": (file: CatalogFile) => file.providers.markers,
  resources: (file: CatalogFile) => file.resources,
  hookSources: (file: CatalogFile) => file.hookSources,
  watchdogs: (file: CatalogFile) => file.watchdogs,
  freezes: (file: CatalogFile) => file.freezes,
} as const;
export type Section = keyof typeof sections;

/** Says where an entry stands: `problemAt(entry, ["dri"], "…")`. Entries are known by identity. */
export type ProblemAt = (entry: object, path: FieldPath, message: string) => Problem;

export interface Merged {
  catalog: Catalog;
  problemAt: ProblemAt;
}

/** Joins the files. Problems: a name twice (both places named), a section twice, no `organisation`. */
export function mergeFiles(files: readonly ReadFile[]): Merged | { problems: Problem[] } {
  const places = new Map<object, { source: YamlFile; path: FieldPath }>();
  const problems: Problem[] = [];
  const problemAt: ProblemAt = (entry, path, message) => {
    const place = places.get(entry);
    if (place === undefined) throw new Error("A catalog entry without a place was checked");
    const whole = [...place.path, ...path];
    return {
      file: place.source.file,
      line: place.source.lineOf(whole),
      field: place.source.fieldOf(whole),
      message,
    };
  };
  const placeText = (entry: object) => {
    const { file, line } = problemAt(entry, [], "");
    return `${file}:${line}`;
  };

  const single = <Key extends "organisation" | "policies">(
    key: Key,
  ): NonNullable<CatalogFile[Key]> | undefined => {
    let first: NonNullable<CatalogFile[Key]> | undefined;
    for (const { source, content } of files) {
      const entry = content[key];
      if (entry === undefined) continue;
      places.set(entry, { source, path: [key] });
      if (first === undefined) first = entry as NonNullable<CatalogFile[Key]>;
      else problems.push(problemAt(entry, [], `is declared twice, first at ${placeText(first)}; keep one`));
    }
    return first;
  };
  const list = <Section_ extends Section>(section: Section_): ReturnType<(typeof sections)[Section_]> => {
    const byName = new Map<string, object>();
    const entries: object[] = [];
    for (const { source, content } of files) {
      sections[section](content).forEach((entry, index) => {
        places.set(entry, { source, path: [...section.split("."), index] });
        // Names that differ in case alone would be mistaken for each other.
        const key = entryName(entry).toLowerCase();
        const earlier = byName.get(key);
        if (earlier !== undefined) {
          const message = `"${entryName(entry)}" is declared twice, first at ${placeText(earlier)}; rename or remove one`;
          problems.push(problemAt(entry, [], message));
        }
        byName.set(key, earlier ?? entry);
        entries.push(entry);
      });
    }
    // Sorted, so that moving an entry to another file does not change the digest.
    entries.sort((one, other) => (entryName(one) < entryName(other) ? -1 : 1));
    return entries as ReturnType<(typeof sections)[Section_]>;
  };

  const organisation = single("organisation");
  const policies = single("policies") ?? policiesSchema.parse({});
  const lists = {
    channels: list("channels"),
    people: list("people"),
    teams: list("teams"),
    services: list("services"),
    slos: list("slos"),
    providers: {
      metrics: list("providers.metrics"),
      traffic: list("providers.traffic"),
      accessors: list("providers.accessors"),
      ticketing: list("providers.ticketing"),
      scm: list("providers.scm"),
      pagers: list("providers.pagers"),
      markers: list("providers.markers"),
    },
    resources: list("resources"),
    hookSources: list("hookSources"),
    watchdogs: list("watchdogs"),
    freezes: list("freezes"),
  };
  if (organisation === undefined) {
    const file = files[0]?.source.file ?? "";
    problems.push({ file, line: 1, field: "organisation", message: "is declared in no file; add it to one" });
    return { problems };
  }
  if (problems.length > 0) return { problems };
  return { catalog: { organisation, policies, ...lists }, problemAt };
}

function entryName(entry: object): string {
  if ("id" in entry && typeof entry.id === "string") return entry.id;
  return "name" in entry && typeof entry.name === "string" ? entry.name : "";
}
