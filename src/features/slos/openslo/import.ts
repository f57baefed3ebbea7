/**
 * OpenSLO v1 documents as SLOs of the catalog, in the form that its files have. What does not map is named by field;
 * a document against the specification is a problem, and then nothing is made. Pure.
 * Source: github.com/OpenSLO/OpenSLO, "Specification" (openslo/v1).
 */
import { parseAllDocuments } from "yaml";
import { type FieldNote, type OpenSloDocument, readDocument } from "./document.ts";
import { Documents } from "./documents.ts";
import { annotation } from "./export.ts";
import { sloEntries } from "./slo-entry.ts";

export interface ImportedSlos {
  /** Entries of the catalog's `slos`, spans as text. */
  readonly slos: readonly Readonly<Record<string, unknown>>[];
  /** What was left out or changed. */
  readonly notes: readonly FieldNote[];
  /** What refuses the file. */
  readonly problems: readonly FieldNote[];
}

/** YAML aliases are shorthand; more than this many is a bomb. */
const aliasCountMax = 100;

export function importOpenSlo(text: string): ImportedSlos {
  const problems: FieldNote[] = [];
  const notes: FieldNote[] = [];
  const read: OpenSloDocument[] = [];
  const places = new Map<string, string>();
  for (const { place, content } of contentsOf(text, problems)) {
    const found = readDocument(content, place);
    if ("problems" in found) {
      problems.push(...found.problems);
      continue;
    }
    notes.push(...found.unread);
    const { kind, metadata } = found.document;
    const key = `${kind} ${metadata.name}`;
    const earlier = places.get(key);
    if (earlier !== undefined)
      problems.push({
        field: `${place}: metadata.name`,
        message: `is ${key} again, first in ${earlier}; rename or remove one`,
      });
    places.set(key, place);
    read.push(found.document);
  }
  if (read.length === 0 && problems.length === 0)
    problems.push({ field: "document 1", message: "holds no OpenSLO document" });
  const documents = new Documents(read);
  if (problems.length === 0 && documents.of("SLO").length === 0)
    problems.push({ field: "kind", message: "no document is an SLO; there is nothing to make" });
  if (problems.length > 0) return { slos: [], notes, problems };

  const entries = documents.of("SLO").map((slo) => sloEntries(slo, documents));
  return {
    slos: entries.flatMap(({ slos }) => slos),
    notes: [...notes, ...entries.flatMap((entry) => entry.notes), ...apartNotes(documents)],
    problems: entries.flatMap((entry) => entry.problems),
  };
}

/** Documents parted by `---`, or listed in one, as tools of the project write them. */
function contentsOf(text: string, problems: FieldNote[]): { place: string; content: unknown }[] {
  return parseAllDocuments(text, { prettyErrors: false, stringKeys: true }).flatMap((document, index) => {
    const place = `document ${index + 1}`;
    const content = contentOf(document, place, problems);
    if (content === undefined || content === null) return [];
    if (!Array.isArray(content)) return [{ place, content }];
    return content.map((one: unknown, nth) => ({ place: `${place}, entry ${nth + 1}`, content: one }));
  });
}

function contentOf(
  document: { errors: readonly { message: string }[]; toJS?(options: { maxAliasCount: number }): unknown },
  place: string,
  problems: FieldNote[],
): unknown {
  const [first] = document.errors;
  if (first !== undefined) {
    problems.push({ field: place, message: `is not valid YAML: ${first.message.split("\n")[0]}` });
    return undefined;
  }
  try {
    return document.toJS?.({ maxAliasCount: aliasCountMax });
  } catch (error) {
    problems.push({ field: place, message: `cannot be read: ${(error as Error).message}` });
    return undefined;
  }
}

/** What of the other documents has no place in an SLO of the catalog. */
function apartNotes(documents: Documents): FieldNote[] {
  return [
    ...documents.of("Service").map(({ metadata }) => ({
      field: `Service ${metadata.name}:`,
      message: `the catalog declares services itself; add ${metadata.annotations?.[annotation.service] ?? metadata.name} under services with its team and DRI, if it is not there`,
    })),
    ...documents.of("DataSource").map(({ metadata }) => ({
      field: `DataSource ${metadata.name}: spec.connectionDetails`,
      message: "was not copied, it may hold secrets; declare the instance under providers.metrics",
    })),
    ...documents.of("AlertNotificationTarget").flatMap(({ metadata }) =>
      metadata.name === "quarterdeck"
        ? []
        : [
            {
              field: `AlertNotificationTarget ${metadata.name}: spec.target`,
              message: "has no place in an SLO: the service's team and channel are told",
            },
          ],
    ),
    ...(["SLI", "AlertPolicy", "AlertCondition"] as const).flatMap((kind) =>
      documents
        .of(kind)
        .filter((document) => !documents.isReferred(document))
        .map(({ metadata }) => ({ field: `${kind} ${metadata.name}:`, message: "no SLO here refers to it" })),
    ),
  ];
}
