import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import type { Opening } from "../../../src/features/runbooks/cards.ts";
import type { Gathered } from "../../../src/features/runbooks/gather.ts";
import { noVoices, ownerOf, signalsNamed, trustOf } from "../../../src/features/runbooks/model.ts";
import { type Runbook, readRunbook } from "../../../src/features/runbooks/read.ts";
import type { SignalReading } from "../../../src/features/signals/index.ts";
import { tempDir } from "../../support/temp-dir.ts";

export const at = new Date("2026-03-02T10:00:00Z");

export async function sampleCatalog(): Promise<Catalog> {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.catalog;
}

export const front = (more = ""): string => `---\ntitle: Too slow\nowner: olive\n${more}---\n`;

/** A runbook whose steps have no problem. */
export function runbookOf(text: string, name = "too-slow"): Runbook {
  const { runbook, problems } = readRunbook(`${name}.md`, name, text);
  if (!runbook || problems.length > 0) throw new Error(JSON.stringify(problems));
  return runbook;
}

/** A folder with these files. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const dir = join(tempDir(), "runbooks");
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

export function readingOf(catalog: Catalog, name: string, value: number, text: string): SignalReading {
  const [signal] = signalsNamed(catalog, "shop", name);
  if (!signal) throw new Error(`shop has no signal ${name}`);
  return { signal, at, state: "ok", value, text, isPartial: false };
}

export function gatheredOf(over: Partial<Gathered> = {}): Gathered {
  return {
    at,
    service: "shop",
    gauges: [],
    gaugesOf: new Map(),
    budget: { is: "here", value: { service: "shop", at, users: "well", readings: [] } },
    deploys: { is: "here", value: { recent: [], current: undefined } },
    series: undefined,
    markers: { is: "here", value: [] },
    ...over,
  };
}

export function openingOf(runbook: Runbook, catalog: Catalog, over: Partial<Opening> = {}): Opening {
  return {
    runbook,
    catalog,
    slackTeam: "T0LOCAL",
    gathered: gatheredOf(),
    owner: ownerOf(runbook, catalog),
    trust: trustOf(runbook, noVoices, catalog, at),
    ticket: undefined,
    since: undefined,
    url: "http://q.test/runbooks/too-slow",
    others: [],
    problem: undefined,
    variables: { service: "shop" },
    ...over,
  };
}
