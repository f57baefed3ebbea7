/** A file on its way into a draft of the catalog. */
import type { Draft } from "./draft.ts";
import type { SourcePath, Taken } from "./left-out.ts";

export interface Reading {
  readonly draft: Draft;
  readonly taken: Taken;
  /** Says something of a field and counts it as spoken about. */
  note(path: SourcePath, message: string): void;
}

/** Labels that name what an alert is about, the most telling first. */
export const aboutLabels = [
  "service",
  "service_name",
  "app",
  "application",
  "component",
  "job",
  "namespace",
  "team",
];
