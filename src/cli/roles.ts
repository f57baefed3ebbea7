import { type App, createApp } from "../app.ts";
import { environment, readSettings, type Settings } from "../config/config.ts";
import { createLog } from "../platform/log.ts";
import { startAdmin, startWeb, startWorker } from "../roles.ts";
import { followCatalog } from "../start/follow-catalog.ts";
import { untilAsked } from "./stopping.ts";

const say = (line: string) => void process.stdout.write(`${line}\n`);

/** A role of an installation needs what `start` makes by itself; the error names the variable. */
function required<Name extends keyof Settings>(
  settings: Settings,
  name: Name,
  what: string,
): NonNullable<Settings[Name]> {
  const value = settings[name];
  if (value === undefined) throw Object.assign(new Error(`${name} is not set.`), { hint: what });
  return value;
}

async function appOf(settings: Settings, role: string): Promise<App> {
  const env = environment();
  return createApp({
    settings,
    log: createLog(settings.LOG_LEVEL, { role }),
    env: (name) => env[name],
    databaseUrl: required(
      settings,
      "DATABASE_URL",
      "Give the app role's connection string; run `quarterdeck migrate` first.",
    ),
    encryptionKey: required(
      settings,
      "ENCRYPTION_KEY",
      "Make one with: openssl rand -hex 32. All roles share it.",
    ),
    slack: {
      token: required(
        settings,
        "SLACK_BOT_TOKEN",
        "It is the bot token of your Slack app (xoxb-…); README.md says how to make one.",
      ),
    },
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

export async function runWeb(): Promise<void> {
  const settings = readSettings();
  const signingSecret = settings.SLACK_APP_TOKEN
    ? (settings.SLACK_SIGNING_SECRET ?? "")
    : required(
        settings,
        "SLACK_SIGNING_SECRET",
        "It stands under Basic Information of your Slack app. With SLACK_APP_TOKEN (Socket Mode) it is not needed.",
      );
  const app = await appOf(settings, "web");
  const catalog = await givenCatalog(app);
  const [admin, web] = [
    await startAdmin(app),
    await startWeb(app, {
      signingSecret,
      botToken: settings.SLACK_BOT_TOKEN as string,
      appToken: settings.SLACK_APP_TOKEN,
    }),
  ];
  say(`web: listening on ${settings.HOST}:${web.port}, admin on ${admin.port}`);
  await untilAsked(async () => {
    catalog.close();
    await web.stop();
    await admin.close();
    await app.close();
  }, say);
  process.exit(0);
}

export async function runWorker(): Promise<void> {
  const settings = readSettings();
  const app = await appOf(settings, "worker");
  const catalog = await givenCatalog(app);
  const [admin, worker] = [await startAdmin(app), await startWorker(app)];
  say(`worker: running, admin on ${admin.port}`);
  await untilAsked(async () => {
    catalog.close();
    await worker.stop();
    await admin.close();
    await app.close();
  }, say);
  process.exit(0);
}
