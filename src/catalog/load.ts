/** A folder of YAML files → one checked catalog and its digest. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson } from "../platform/canonical.ts";
import type { Variables } from "./interpolate.ts";
import { readContent } from "./issues.ts";
import { mergeFiles, type ReadFile } from "./merge.ts";
import type { Problem } from "./problem.ts";
import { checkReferences } from "./references.ts";
import type { Catalog } from "./schema.ts";
import { readYaml } from "./yaml-file.ts";

export interface LoadedCatalog {
  ok: true;
  catalog: Catalog;
  /** SHA-256 in hex of the merged content in canonical form (RFC 8785). */
  digest: string;
  warnings: Problem[];
}

export type CatalogResult = LoadedCatalog | { ok: false; problems: Problem[] };

/** Files past this many bytes are a mistake. */
const fileBytesMax = 1_048_576;

/**
 * Reads every `.yaml` and `.yml` file under `dir`, hidden ones left out. Never throws for what the files hold
 * or for a folder that is not there: the answer is the catalog, or every problem with file and line.
 */
export async function loadCatalog(dir: string, variables: Variables, now?: Date): Promise<CatalogResult> {
  const files: { file: string; text: string }[] = [];
  try {
    for (const name of await catalogFileNames(dir)) {
      files.push({ file: join(dir, name), text: await readFile(join(dir, name), "utf8") });
    }
  } catch (cause) {
    const message = `cannot be read: ${cause instanceof Error ? cause.message : cause}; set CATALOG_PATH to the catalog's folder`;
    return { ok: false, problems: [{ file: dir, line: 1, field: "", message }] };
  }
  return readCatalog(dir, files, variables, now);
}

/**
 * As {@link loadCatalog}, from texts already read. `source` names the whole in problems. With `now`, warnings also
 * tell what comes of it in the next weeks.
 */
export function readCatalog(
  source: string,
  files: readonly { file: string; text: string }[],
  variables: Variables,
  now?: Date,
): CatalogResult {
  if (files.length === 0) {
    return {
      ok: false,
      problems: [
        {
          file: source,
          line: 1,
          field: "",
          message: "holds no .yaml file; set CATALOG_PATH to the catalog's folder",
        },
      ],
    };
  }
  const problems: Problem[] = [];
  const read: ReadFile[] = [];
  for (const { file, text } of files) {
    if (Buffer.byteLength(text) > fileBytesMax) {
      problems.push({ file, line: 1, field: "", message: `is larger than ${fileBytesMax} bytes; split it` });
      continue;
    }
    const yaml = readYaml(file, text, variables);
    if ("problems" in yaml) {
      problems.push(...yaml.problems);
      continue;
    }
    const checked = readContent(yaml);
    if ("problems" in checked) problems.push(...checked.problems);
    else read.push({ source: yaml, content: checked.content });
  }
  // References are checked only when every file was read: a name in a broken file is not a missing name.
  if (problems.length > 0) return { ok: false, problems };
  const merged = mergeFiles(read);
  if ("problems" in merged) return { ok: false, problems: merged.problems };
  const { problems: broken, warnings } = checkReferences(merged, now);
  if (broken.length > 0) return { ok: false, problems: broken };
  return { ok: true, catalog: merged.catalog, digest: digestOf(merged.catalog), warnings };
}

/** Same content, same digest, whatever file it stands in. */
export function digestOf(catalog: Catalog): string {
  return createHash("sha256").update(canonicalJson(catalog)).digest("hex");
}

/** Names of the catalog's files, relative to the folder, sorted. Throws when the folder cannot be read. */
export async function catalogFileNames(dir: string): Promise<string[]> {
  const names = await readdir(dir, { recursive: true });
  return names.filter((name) => /\.ya?ml$/.test(name) && !/(^|[\\/])\./.test(name)).sort();
}
