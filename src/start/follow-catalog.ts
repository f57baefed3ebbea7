import type { App } from "../app.ts";
import { loadCatalog } from "../catalog/load.ts";
import { approversNeeded, waitsWhole } from "../catalog/loosening/index.ts";
import { problemText } from "../catalog/problem.ts";
import { type CatalogWatch, watchCatalog } from "../catalog/watch.ts";
import type { Offered } from "../platform/catalog-proposals.ts";
import { systemActor } from "../platform/people.ts";

/**
 * Puts the catalog in force and follows its files; an invalid one is refused and the one in force stays, and so it does
 * when the new one gives rights, until owners approved that. `isLocal`: the local workspace stands, where anybody acts
 * as anybody, so that a second person would prove nothing.
 */
export async function followCatalog(
  app: App,
  dir: string,
  vars: Record<string, string | undefined>,
  say: (line: string) => void,
  { isLocal = false }: { isLocal?: boolean } = {},
): Promise<CatalogWatch> {
  const load = async (isFirst: boolean): Promise<void> => {
    const loaded = await loadCatalog(dir, vars);
    if (loaded.ok) {
      if (isLocal) return app.catalogs.put(loaded.catalog, loaded.digest, dir, systemActor);
      const offered = await app.catalogs.offer(loaded.catalog, loaded.digest, dir, systemActor);
      if (offered.state !== "in-force") say(waitingText(dir, offered, app));
      return undefined;
    }
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

function waitingText(
  dir: string,
  { state, id, words }: Exclude<Offered, { state: "in-force" }>,
  app: App,
): string {
  const catalog = app.catalogs.current();
  const { owners, needed } = approversNeeded(catalog, undefined);
  const what = `The catalog in ${dir} gives rights that the one in force does not, so ${state === "denied" ? "it was denied" : "it waits"} and the one in force stays:\n${words.map((line) => `  ${line}`).join("\n")}\n${waitsWhole}`;
  const who = `${needed} of ${owners.join(", ")}`;
  return state === "denied"
    ? `${what}\nChange the files, or have ${who} approve it after all: /ops catalog approve ${id}`
    : `${what}\nIt comes in force once ${who} approved it: /ops catalog approve ${id}, or quarterdeck ops "catalog approve ${id}"`;
}
