import { readFile, writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import { literalData } from "../catalog/interpolate.ts";
import { environment, readSettings } from "../config/config.ts";
import { exportOpenSlo, importOpenSlo } from "../features/slos/index.ts";
import { catalogFromFiles, chosenService } from "./catalog-files.ts";
import { CommandError, say, tell } from "./world.ts";

const yaml = { lineWidth: 0, aliasDuplicateObjects: false } as const;

/** OpenSLO v1 → the catalog's `slos`, on stdout or in a file; what did not map goes to stderr. */
export async function runImport(file: string, options: { out?: string }): Promise<void> {
  const text = await readFile(file, "utf8").catch((cause: Error) => {
    throw new CommandError(`${file} cannot be read: ${cause.message}.`, "Name an OpenSLO file.", cause);
  });
  const { slos, notes, problems } = importOpenSlo(text);
  for (const { field, message } of notes) tell(`warning: ${field} ${message}.`);
  if (problems.length > 0)
    throw new CommandError(
      problems.map(({ field, message }) => `${field} ${message}.`).join("\n"),
      "Nothing was written.",
    );
  if (slos.length === 0)
    throw new CommandError("No SLO could be carried over.", "The warnings above say why.");
  const made = `# From ${file}, OpenSLO v1.\n${stringify({ slos: literalData(slos) }, yaml)}`;
  if (options.out === undefined) say(made.trimEnd());
  else {
    await writeFile(options.out, made);
    say(`${options.out}: ${slos.length} SLO(s). Check them with \`quarterdeck lint\`.`);
  }
}

/** The catalog's SLOs as OpenSLO v1 documents. */
export async function runExport(options: { service?: string }): Promise<void> {
  const settings = readSettings();
  const catalog = await catalogFromFiles(settings.CATALOG_PATH, environment());
  const documents = exportOpenSlo(catalog, chosenService(catalog, options.service));
  if (documents.length === 0)
    throw new CommandError("There is no SLO to export.", "Declare one under `slos` in the catalog.");
  say(documents.map((document) => stringify(document, yaml).trimEnd()).join("\n---\n"));
}
