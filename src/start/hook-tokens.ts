import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { App } from "../app.ts";
import { createHookAuth, createHookToken } from "../platform/hooktokens.ts";
import { systemActor } from "../platform/people.ts";

/** File (mode 600) in which `start` keeps the token of a hook source, so that a first webhook can be sent at once. */
export const hookTokenFile = (keysDir: string, source: string): string =>
  join(keysDir, `hook-${source}.token`);

/** Makes a token for each hook source of the catalog that has none in `keysDir` yet. */
export async function keepHookTokens(app: App, keysDir: string): Promise<void> {
  await mkdir(keysDir, { recursive: true, mode: 0o700 });
  const isValid = createHookAuth(app.database.db, () => app.clock.now());
  for (const { name, team } of app.catalogs.current().hookSources) {
    const file = hookTokenFile(keysDir, name);
    const kept = await readFile(file, "utf8").catch(() => "");
    if (kept !== "" && (await isValid(name, kept.trim()))) continue;
    const made = await createHookToken(app.database, systemActor, name, team);
    if (made.ok) await writeFile(file, `${made.value.token}\n`, { mode: 0o600 });
    else app.log.warn({ source: name, rule: made.refusal.rule }, "no token could be made for a hook source");
  }
}
