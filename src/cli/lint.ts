import { resolve } from "node:path";
import { loadCatalog } from "../catalog/load.ts";
import { problemText } from "../catalog/problem.ts";
import { environment, readSettings } from "../config/config.ts";
import { lintRunbooks } from "../features/runbooks/index.ts";
import { declaredFeatures } from "./declared.ts";
import { say } from "./world.ts";

/** Checks the catalog's folder and the runbooks; every problem is `file:line: field: what, cure`. Exit code 1 when there is one. */
export async function run(folder: string | undefined, options: { json?: boolean }): Promise<void> {
  const settings = readSettings();
  const dir = folder ?? settings.CATALOG_PATH;
  const result = await loadCatalog(dir, environment(), new Date());
  // Runbooks name what the catalog declares: they are checked once it can be read.
  const problems = result.ok
    ? await lintRunbooks(settings.RUNBOOKS_PATH, result.catalog, commandNames())
    : result.problems;
  const warnings = result.ok ? result.warnings : [];
  if (options.json) say(JSON.stringify({ ok: problems.length === 0, problems, warnings }));
  else {
    for (const problem of problems) say(problemText(problem));
    for (const warning of warnings) say(`warning: ${problemText(warning)}`);
    if (problems.length > 0) say(closing(result.ok, problems.length));
    else if (result.ok) {
      const { services, teams, people, slos, resources } = result.catalog;
      say(
        `${resolve(dir)}: well. ${services.length} services, ${teams.length} teams, ${people.length} people, ${slos.length} SLOs, ${resources.length} resources.`,
      );
    }
  }
  if (problems.length > 0) process.exitCode = 1;
}

const commandNames = (): string[] =>
  declaredFeatures().flatMap(({ commands }) =>
    (commands ?? []).flatMap(({ spec }) => [spec.name, ...(spec.aliases ?? [])]),
  );

const closing = (isCatalogWell: boolean, count: number): string =>
  isCatalogWell
    ? `${count} problem(s) with runbooks. The catalog can be used.`
    : `${count} problem(s). The catalog in force stays until they are mended.`;
