import { resolve } from "node:path";
import { loadCatalog } from "../catalog/load.ts";
import { problemText } from "../catalog/problem.ts";
import { environment, readSettings } from "../config/config.ts";
import { say } from "./world.ts";

/** Checks the catalog's folder; every problem is `file:line: field: what, cure`. Exit code 1 when there is one. */
export async function run(folder: string | undefined, options: { json?: boolean }): Promise<void> {
  const dir = folder ?? readSettings().CATALOG_PATH;
  const result = await loadCatalog(dir, environment());
  const problems = result.ok ? [] : result.problems;
  const warnings = result.ok ? result.warnings : [];
  if (options.json) say(JSON.stringify({ ok: problems.length === 0, problems, warnings }));
  else {
    for (const problem of problems) say(problemText(problem));
    for (const warning of warnings) say(`warning: ${problemText(warning)}`);
    if (result.ok) {
      const { services, teams, people, slos, resources } = result.catalog;
      say(
        `${resolve(dir)}: well. ${services.length} services, ${teams.length} teams, ${people.length} people, ${slos.length} SLOs, ${resources.length} resources.`,
      );
    } else say(`${problems.length} problem(s). The catalog in force stays until they are mended.`);
  }
  if (problems.length > 0) process.exitCode = 1;
}
