/** `web` and `worker`: what they need is looked at before anything of them is loaded. */
import { readSettings, type Settings } from "../config/config.ts";

/** What an installation gives and `start` makes by itself. */
export interface Needs {
  databaseUrl: string;
  encryptionKey: string;
  botToken: string;
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
  const needs = needsOf(settings);
  await (await import("./role-running.ts")).web(settings, { ...needs, signingSecret });
}

export async function runWorker(): Promise<void> {
  const settings = readSettings();
  const needs = needsOf(settings);
  await (await import("./role-running.ts")).worker(settings, needs);
}

const needsOf = (settings: Settings): Needs => ({
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
  botToken: required(
    settings,
    "SLACK_BOT_TOKEN",
    "It is the bot token of your Slack app (xoxb-…); README.md says how to make one.",
  ),
});

/** The error names the variable. */
function required<Name extends keyof Settings>(
  settings: Settings,
  name: Name,
  what: string,
): NonNullable<Settings[Name]> {
  const value = settings[name];
  if (value === undefined) throw Object.assign(new Error(`${name} is not set.`), { hint: what });
  return value;
}
