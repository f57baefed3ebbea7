/** A role as it runs, once it has what it needs. */
import { type App, createApp } from "../app.ts";
import { environment, type Settings } from "../config/config.ts";
import { createLog } from "../platform/log.ts";
import { startAdmin, startWeb, startWorker } from "../roles.ts";
import { followCatalog } from "../start/follow-catalog.ts";
import type { Needs } from "./roles.ts";
import { untilAsked } from "./stopping.ts";

const say = (line: string) => void process.stdout.write(`${line}\n`);

function appOf(settings: Settings, needs: Needs, role: string): Promise<App> {
  const env = environment();
  return createApp({
    settings,
    log: createLog(settings.LOG_LEVEL, { role }),
    env: (name) => env[name],
    databaseUrl: needs.databaseUrl,
    encryptionKey: needs.encryptionKey,
    slack: { token: needs.botToken },
  });
}

/** An installation names its catalog: the sample must never come in force because a variable was forgotten. */
async function givenCatalog(app: App): Promise<{ close(): void }> {
  const env = environment();
  if (env.CATALOG_PATH) return followCatalog(app, env.CATALOG_PATH, env, say);
  if (app.catalogs.digest() !== "none") return { close: () => undefined };
  throw Object.assign(new Error("CATALOG_PATH is not set, and no catalog is in force yet."), {
    hint: "Set it to the folder with your catalog's YAML files; `quarterdeck lint` checks them, config/sample is an example.",
  });
}

export async function web(settings: Settings, needs: Needs & { signingSecret: string }): Promise<void> {
  const app = await appOf(settings, needs, "web");
  const catalog = await givenCatalog(app);
  const [admin, running] = [
    await startAdmin(app),
    await startWeb(app, {
      signingSecret: needs.signingSecret,
      botToken: needs.botToken,
      appToken: settings.SLACK_APP_TOKEN,
    }),
  ];
  say(`web: listening on ${settings.HOST}:${running.port}, admin on ${admin.port}`);
  await untilAsked(async () => {
    catalog.close();
    await running.stop();
    await admin.close();
    await app.close();
  }, say);
  process.exit(0);
}

export async function worker(settings: Settings, needs: Needs): Promise<void> {
  const app = await appOf(settings, needs, "worker");
  const catalog = await givenCatalog(app);
  const [admin, running] = [await startAdmin(app), await startWorker(app)];
  say(`worker: running, admin on ${admin.port}`);
  await untilAsked(async () => {
    catalog.close();
    await running.stop();
    await admin.close();
    await app.close();
  }, say);
  process.exit(0);
}
