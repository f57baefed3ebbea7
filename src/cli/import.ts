import { readFile, writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import { importAlertmanager } from "../catalog/import/alertmanager.ts";
import type { Imported, ImportOptions } from "../catalog/import/draft.ts";
import { importOnCall } from "../catalog/import/oncall.ts";
import { readCatalog } from "../catalog/load.ts";
import { problemText } from "../catalog/problem.ts";
import { CommandError, say, tell } from "./world.ts";

interface Options {
  slackTeam?: string;
  organisation: boolean;
  out?: string;
}

/** Configuration of another system → one file of the catalog, on stdout or in a file; all remarks go to stderr. */
const importers: Readonly<Record<string, (text: string, options: ImportOptions) => Imported>> = {
  alertmanager: importAlertmanager,
  oncall: importOnCall,
};

export async function run(system: string, file: string, options: Options): Promise<void> {
  const read = importers[system];
  if (read === undefined)
    throw new CommandError(
      `"${system}" cannot be imported.`,
      `Write one of ${Object.keys(importers).join(", ")}.`,
    );
  const text = await readFile(file, "utf8").catch((cause: Error) => {
    throw new CommandError(`${file} cannot be read: ${cause.message}.`, "Name a file.", cause);
  });
  const imported = read(text, { slackTeam: options.slackTeam, withOrganisation: options.organisation });
  const { problems, notes, fillIns } = imported;
  if (problems.length > 0)
    throw new CommandError(
      problems.map(({ field, message }) => `${field} ${message}.`).join("\n"),
      "Nothing was written.",
    );
  for (const { field, message } of notes) tell(`note: ${field} ${message}.`);
  const made = catalogText(file, imported);
  for (const problem of problemsOf(file, made, imported)) tell(`to mend: ${problem}`);
  for (const { name, what } of fillIns) tell(`to fill in: ${name}: ${what}.`);
  if (options.out === undefined) say(made.trimEnd());
  else {
    await writeFile(options.out, made);
    say(`${options.out}: written. Set what is to be filled in, then run \`quarterdeck lint\`.`);
  }
}

export function catalogText(file: string, { file: sections, fillIns }: Imported): string {
  const todo = fillIns.map(({ name, what }) => `#   ${name}: ${what}\n`).join("");
  return `# From ${file}.\n${todo === "" ? "" : `# To fill in:\n${todo}`}${stringify(sections, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** What lint would say once every variable is set. A file without an organisation is only a part of a catalog. */
export function problemsOf(file: string, text: string, { file: sections, fillIns }: Imported): string[] {
  if (!("organisation" in sections)) return [];
  const variables = Object.fromEntries(fillIns.map(({ name }, index) => [name, `C0FILLED${index}`]));
  const result = readCatalog(file, [{ file, text }], variables);
  return result.ok ? [] : result.problems.map(problemText);
}
