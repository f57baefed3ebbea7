/** The catalog as commands read it from its folder, without a database. */
import { closest } from "fastest-levenshtein";
import { loadCatalog } from "../catalog/load.ts";
import { problemText } from "../catalog/problem.ts";
import type { Catalog } from "../catalog/schema.ts";
import { CommandError } from "./world.ts";

/** Throws {@link CommandError} with the first problems when the folder's catalog does not hold together. */
export async function catalogFromFiles(
  dir: string,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Catalog> {
  const result = await loadCatalog(dir, variables);
  if (result.ok) return result.catalog;
  const [first] = result.problems;
  throw new CommandError(
    `The catalog cannot be used: ${first ? problemText(first) : dir}.`,
    `Run \`quarterdeck lint ${dir}\` for all ${result.problems.length} problem(s).`,
  );
}

/** The service as the catalog spells it. Throws {@link CommandError} naming the nearest one. */
export function chosenService(catalog: Catalog, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const names = catalog.services.map((service) => service.name);
  if (names.includes(name)) return name;
  throw new CommandError(
    `The catalog has no service "${name}".`,
    names.length > 0 ? `Did you mean ${closest(name, names)}?` : "It declares none.",
  );
}
