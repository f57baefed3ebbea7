import type { App } from "../app.ts";
import { loadCatalog } from "../catalog/load.ts";
import { problemText } from "../catalog/problem.ts";
import { type CatalogWatch, watchCatalog } from "../catalog/watch.ts";
import { systemActor } from "../platform/people.ts";

/** Puts the catalog in force and follows its files; an invalid one is refused and the one in force stays. */
export async function followCatalog(
  app: App,
  dir: string,
  vars: Record<string, string | undefined>,
  say: (line: string) => void,
): Promise<CatalogWatch> {
  const load = async (isFirst: boolean): Promise<void> => {
    const loaded = await loadCatalog(dir, vars);
    if (loaded.ok) return app.catalogs.put(loaded.catalog, loaded.digest, dir, systemActor);
    const text = loaded.problems.map((problem) => `  ${problemText(problem)}`).join("\n");
    if (isFirst && app.catalogs.digest() === "none")
      throw Object.assign(new Error(`The catalog in ${dir} cannot be used:\n${text}`), {
        hint: "Mend it; `quarterdeck lint` checks it.",
      });
    say(`The catalog in ${dir} cannot be used; the one in force stays:\n${text}`);
    return undefined;
  };
  await load(true);
  return watchCatalog(
    dir,
    () =>
      void load(false).catch((error: unknown) =>
        app.log.error({ err: error }, "the changed catalog could not be put in force"),
      ),
  );
}
