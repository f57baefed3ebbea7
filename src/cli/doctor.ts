import { type App, createApp } from "../app.ts";
import { loadCatalog } from "../catalog/load.ts";
import { problemText } from "../catalog/problem.ts";
import type { Catalog } from "../catalog/schema.ts";
import { environment, readSettings, type Settings } from "../config/config.ts";
import { createLog } from "../platform/log.ts";
import { checkCard } from "./doctor/card.ts";
import { type Finding, failed, findingText, notProven, notSet, ok } from "./doctor/finding.ts";
import { checkPostgres } from "./doctor/postgres.ts";
import { checkProviders } from "./doctor/providers.ts";
import { checkQueue, checkRedis, checkWork } from "./doctor/queue.ts";
import { checkSignIn } from "./doctor/sign-in.ts";
import { checkSlack } from "./doctor/slack.ts";
import { appDatabaseUrl, encryptionKey, localSecrets, reasonOf, say, startedUrl } from "./world.ts";

export interface DoctorOptions {
  /** Post the test card and wait for a press. */
  wait: boolean;
  channel?: string | undefined;
  json?: boolean | undefined;
  /** Prove a page, a revert and a grant on the running installation. */
  live?: boolean | undefined;
  /** Whom the live page goes to, what is reverted, and what is granted. */
  person?: string | undefined;
  service?: string | undefined;
  resource?: string | undefined;
  /** Slack id to act as, beside a running `start` only. */
  as?: string | undefined;
}

/** Checks what is configured, in the order it is stood upon; each finding is told as soon as it is made. */
export async function run(options: DoctorOptions): Promise<void> {
  const findings: Finding[] = [];
  const note = (more: readonly Finding[]): void => {
    findings.push(...more);
    if (!options.json) for (const finding of more) say(findingText(finding));
  };
  await examine(options, note);
  const isWell = findings.every(({ state }) => state !== "failed");
  if (options.json) say(JSON.stringify({ ok: isWell, findings }));
  else {
    const count = (state: Finding["state"]) => findings.filter((finding) => finding.state === state).length;
    say(
      `\n${count("ok")} ok, ${count("failed")} failed, ${count("not proven")} not proven, ${count("not set")} not set.`,
    );
  }
  if (!isWell) process.exitCode = 1;
}

export async function examine(
  options: DoctorOptions,
  note: (findings: readonly Finding[]) => void,
): Promise<void> {
  const settings = readSettings();
  note(await checkFiles(settings));
  const [databaseUrl, key, url] = await Promise.all([
    appDatabaseUrl(settings),
    encryptionKey(settings),
    startedUrl(settings),
  ]);
  note([
    key === undefined
      ? failed(
          "Encryption key",
          "ENCRYPTION_KEY is not set",
          "Make one with: openssl rand -hex 32. All roles share it.",
        )
      : ok("Encryption key", settings.ENCRYPTION_KEY ? "set" : "kept by start"),
  ]);
  if (databaseUrl === undefined)
    return note([
      failed(
        "Postgres",
        "DATABASE_URL is not set and `quarterdeck start` has made none here",
        "Set DATABASE_URL, or run npm start.",
      ),
    ]);
  const postgres = await checkPostgres(databaseUrl, () => new Date());
  note(postgres);
  if (postgres.some(({ state, system }) => state === "failed" && system !== "Rights" && system !== "Clock"))
    return;

  const isLocal = settings.SLACK_BOT_TOKEN === undefined && url !== undefined;
  const app = await open(settings, databaseUrl, key, isLocal);
  try {
    await examineApp(app, { options, databaseUrl, isLocal, note });
  } finally {
    await app.close();
  }
}

async function open(
  settings: Settings,
  databaseUrl: string,
  key: string | undefined,
  isLocal: boolean,
): Promise<App> {
  const secrets = { ...(await localSecrets(settings)), ...environment() };
  return createApp({
    settings,
    log: createLog("fatal"),
    env: (name) => secrets[name],
    databaseUrl,
    // Nothing is sealed or opened here.
    encryptionKey: key ?? "00".repeat(32),
    slack: isLocal
      ? { token: "xoxb-local", apiUrl: `http://127.0.0.1:${settings.SLACK_API_PORT}/api/` }
      : { token: settings.SLACK_BOT_TOKEN ?? "" },
    poolMax: 4,
  });
}

interface Examination {
  options: DoctorOptions;
  databaseUrl: string;
  isLocal: boolean;
  note: (findings: readonly Finding[]) => void;
}

async function examineApp(app: App, { options, databaseUrl, isLocal, note }: Examination): Promise<void> {
  note([await checkRedis(app.settings.REDIS_URL), await checkQueue(app, databaseUrl)]);
  note(await checkWork(app));
  const catalog: Catalog | undefined = app.catalogs.digest() === "none" ? undefined : app.catalogs.current();
  note([
    catalog
      ? ok("Catalog in force", `${app.catalogs.digest().slice(0, 12)}, ${catalog.services.length} services`)
      : failed(
          "Catalog in force",
          "there is none",
          "Start a worker with CATALOG_PATH set to your catalog's folder.",
        ),
  ]);
  const hasSlack = isLocal || app.settings.SLACK_BOT_TOKEN !== undefined;
  if (hasSlack) note(await checkSlack({ slack: app.slack, settings: app.settings, catalog, isLocal }));
  else note([notSet("Slack token", "SLACK_BOT_TOKEN is not set", "README.md says how to make a Slack app.")]);
  if (!catalog) return;
  note([await checkSignIn(app.identity, catalog, isLocal)]);
  note(await checkProviders(app, catalog));
  if (options.live) return checkLiveHere({ app, catalog, options, isLocal, note });
  if (!hasSlack) return;
  if (!options.wait)
    return note([notProven("Press", "left out (--no-wait): that a press in Slack comes through")]);
  note(
    await checkCard({
      app,
      catalog,
      channel: options.channel,
      say: (line) => void process.stderr.write(`${line}\n`),
    }).catch((error: unknown) => [
      failed("Test card", reasonOf(error), "Mend what failed above, then try again."),
    ]),
  );
}

/** Whoever runs it is known by their terminal's token; beside `start` it is who is on call, or `--as`. */
async function checkLiveHere(parts: {
  app: App;
  catalog: Catalog;
  options: DoctorOptions;
  isLocal: boolean;
  note: (findings: readonly Finding[]) => void;
}): Promise<void> {
  const { app, catalog, options, isLocal, note } = parts;
  const [{ accessOf, ask }, { checkLive, runnerOf }] = await Promise.all([
    import("./ops.ts"),
    import("./doctor/live.ts"),
  ]);
  const as = (slackUser: string) => accessOf(app.settings, isLocal ? { as: slackUser } : {});
  const runner = await runnerOf({
    app,
    catalog,
    as: options.as,
    token: isLocal ? undefined : (await as("")).token,
  });
  if (!runner)
    return note([
      failed(
        "Live",
        "nobody is known to run it",
        isLocal
          ? "Name a person of the local workspace: --as U0ONCALL"
          : "Sign this terminal in as somebody of the catalog: quarterdeck token create ops --person <Slack id>; quarterdeck ops --token <it>",
      ),
    ]);
  const url = (await as(runner.slackUser)).url;
  await checkLive(
    {
      app,
      catalog,
      options,
      runner,
      actsForPeople: isLocal,
      mayWait: options.wait,
      ask: async (slackUser, line) => ask(await as(slackUser), line),
      url,
      say: (line) => void process.stderr.write(`${line}\n`),
      grantSec: 30,
    },
    note,
  );
}

async function checkFiles(settings: Settings): Promise<Finding[]> {
  const loaded = await loadCatalog(settings.CATALOG_PATH, environment());
  return [
    loaded.ok
      ? ok("Catalog files", `${settings.CATALOG_PATH} can be used`)
      : failed(
          "Catalog files",
          `${loaded.problems.length} problem(s), first ${loaded.problems[0] ? problemText(loaded.problems[0]) : ""}`,
          "quarterdeck lint",
        ),
  ];
}
