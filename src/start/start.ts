import { join, resolve } from "node:path";
import type { App } from "../app.ts";
import { publicUrl, type Settings } from "../config/config.ts";
import type { FeatureOverrides } from "../features/all.ts";
import { usageOf } from "../platform/commands/help.ts";
import { type Cluster, startCluster } from "../platform/embedded/cluster.ts";
import type { Managed } from "../platform/embedded/managed.ts";
import { assertPortFree } from "../platform/embedded/ports.ts";
import { provisionDatabase } from "../platform/embedded/provision.ts";
import { ProcessRegistry } from "../platform/embedded/registry.ts";
import { acquireRunLock } from "../platform/embedded/run-lock.ts";
import type { Log } from "../platform/log.ts";
import { scopes } from "../platform/slack/scopes.ts";
import type { Running } from "../roles.ts";
import { localPeople, tour } from "../sandbox/people.ts";
import { keptKey, keptSigningKey } from "./keys.ts";

export interface StartOptions {
  settings: Settings;
  env: Record<string, string | undefined>;
  log: Log;
  now: Date;
  say: (line: string) => void;
  overrides?: FeatureOverrides;
}

export interface Started {
  url: string;
  app: App;
  /** Ends in order: intake, jobs, Slack, demo processes, Postgres. */
  stop(): Promise<void>;
}

const database = "quarterdeck";

/** Everything that runs once the databases do. Loading it takes as long as making them: both go on beside each other. */
const loadParts = async () => ({
  ...(await import("../app.ts")),
  ...(await import("../features/all.ts")),
  ...(await import("../platform/db/migrate.ts")),
  ...(await import("../roles.ts")),
  ...(await import("./follow-catalog.ts")),
  ...(await import("./hook-tokens.ts")),
});

/** All roles on one machine, on embedded defaults. */
export async function start(options: StartOptions): Promise<Started> {
  const dataDir = resolve(options.settings.DATA_DIR);
  const lock = await acquireRunLock(dataDir, options.now);
  const ending: (() => Promise<void>)[] = [() => lock.release()];
  /** Ends what was begun, the last first; one that fails does not keep the others from ending. */
  const unwind = async () => {
    for (const end of ending.reverse())
      await end().catch((error: unknown) =>
        options.log.error({ err: error }, "something could not be stopped in order"),
      );
    ending.length = 0;
  };
  try {
    const started = await bringUp(options, dataDir, (end) => void ending.push(end));
    await lock.announce(started.url);
    return { ...started, stop: unwind };
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function bringUp(
  options: StartOptions,
  dataDir: string,
  onEnd: (end: () => Promise<void>) => void,
): Promise<Omit<Started, "stop">> {
  const { settings, log } = options;
  const registry = new ProcessRegistry(join(dataDir, "processes"));
  for (const left of await registry.stopLeftovers())
    options.say(`Stopped ${left.name} (pid ${left.pid}), left over from a start that was killed.`);
  await Promise.all([
    assertPortFree(settings.PORT, settings.HOST, "PORT"),
    assertPortFree(settings.ADMIN_PORT, settings.HOST, "ADMIN_PORT"),
    assertPortFree(settings.ROUTER_PORT, "127.0.0.1", "ROUTER_PORT"),
    assertPortFree(settings.ROUTER_ADMIN_PORT, "127.0.0.1", "ROUTER_ADMIN_PORT"),
    ...[0, 1, 2, 3, 4].map((offset) => assertPortFree(settings.SHOP_PORT + offset, "127.0.0.1", "SHOP_PORT")),
  ]);
  const encryptionKey =
    settings.ENCRYPTION_KEY ?? (await keptKey(join(dataDir, "keys", "encryption.key"), 32));
  const routerToken = settings.ROUTER_TOKEN ?? (await keptKey(join(dataDir, "keys", "router.token"), 24));
  const signingSecret =
    settings.SLACK_SIGNING_SECRET ?? (await keptKey(join(dataDir, "keys", "slack-signing.secret"), 16));

  const signingKeyFile =
    settings.AUDIT_SIGNING_KEY_FILE ?? (await keptSigningKey(join(dataDir, "keys", "audit-signing.pem")));

  const loading = loadParts();
  // Whoever needs it hears of it.
  loading.catch(() => undefined);
  const [databaseUrl, ordersUrl] = await Promise.all([
    mainDatabase(options, dataDir, onEnd, loading),
    ordersDatabase(options, dataDir, onEnd),
  ]);
  const { createApp, followCatalog, keepHookTokens, startAdmin, startWeb, startWorker } = await loading;
  const catalogVars: Record<string, string | undefined> = {
    ROUTER_ADMIN_URL: `http://127.0.0.1:${settings.ROUTER_ADMIN_PORT}`,
    ...Object.fromEntries(
      [41, 42, 43, 44].map((version, index) => [
        `SHOP_V${version}_URL`,
        `http://127.0.0.1:${settings.SHOP_PORT + index}`,
      ]),
    ),
    ...options.env,
  };
  const secrets: Record<string, string | undefined> = {
    ...options.env,
    ROUTER_TOKEN: routerToken,
    ORDERS_DB_URL: options.env.ORDERS_DB_URL ?? ordersUrl,
  };

  const { startShopFleet, startShopLoad } = await import("../sandbox/fleet.ts");
  const fleet = { registry, logDir: join(dataDir, "logs"), cwd: process.cwd(), env: options.env };
  const [router, shop] = await Promise.all([
    startRouterProcess(fleet, settings, routerToken, dataDir),
    startShopFleet(fleet, settings.SHOP_PORT),
  ]);
  const stopAll = async (all: readonly Managed[]) =>
    void (await Promise.all(all.map((managed) => managed.stop())));
  onEnd(() => stopAll([router, ...shop]));

  let app: App | undefined;
  const { startWorkspace, workspaceRefusal } = await import("../sandbox/workspace/index.ts");
  const { localSignIn } = await import("../sandbox/issuer/index.ts");
  const hasWorkspace = workspaceRefusal("start", settings.SLACK_BOT_TOKEN !== undefined) === undefined;
  // The company's own identity provider may be tried here too.
  const local =
    hasWorkspace && settings.OIDC_ISSUER === undefined
      ? await localSignIn(publicUrl(settings), () => app?.clock.now() ?? options.now)
      : undefined;
  const workspace = !hasWorkspace
    ? undefined
    : await startWorkspace({
        ...localPeople,
        tour,
        signingSecret,
        botToken: "xoxb-local",
        apiPort: settings.SLACK_API_PORT,
        // Enforced as Slack does: what the manifest forgets to ask for fails here first.
        scopes: scopes.map(({ scope }) => scope),
        eventsUrl: () => `http://127.0.0.1:${settings.PORT}/slack/events`,
        completions: () =>
          (app?.features ?? [])
            .flatMap((feature) => feature.commands ?? [])
            .map(({ spec }) => ({
              usage: `/ops ${usageOf(spec).split(" [--")[0]}`.trim(),
              help: spec.summary,
            })),
        issuer: local?.issuer,
        signOut: async (req, res) => app?.sessions.end(req, res),
        stateFile: join(dataDir, "workspace", "journal.jsonl"),
        now: () => app?.clock.now() ?? options.now,
        log: (level, message, fields) => log[level](fields ?? {}, message),
      });
  if (workspace) onEnd(() => workspace.close());

  app = await createApp({
    settings: {
      ...settings,
      AUDIT_SIGNING_KEY_FILE: signingKeyFile,
      AUDIT_ARCHIVE: settings.AUDIT_ARCHIVE ?? join(dataDir, "archive"),
    },
    log,
    databaseUrl,
    encryptionKey,
    env: (name) => secrets[name],
    slack: { token: settings.SLACK_BOT_TOKEN ?? "xoxb-local", apiUrl: workspace?.webApiUrl },
    provider: local?.provider,
    overrides: options.overrides,
  });
  const running = app;
  onEnd(() => running.close());
  const watch = await followCatalog(running, settings.CATALOG_PATH, catalogVars, options.say, {
    isLocal: workspace !== undefined,
  });
  onEnd(async () => watch.close());

  await keepHookTokens(running, join(dataDir, "keys"));
  const parts: Running[] = [];
  const admin = await startAdmin(running);
  const worker = await startWorker(running);
  const web = await startWeb(running, {
    signingSecret,
    botToken: settings.SLACK_BOT_TOKEN ?? "xoxb-local",
    appToken: settings.SLACK_APP_TOKEN,
    before: workspace && ((req, res) => workspace.handle(req, res)),
  });
  parts.push(worker, { stop: () => admin.close() });
  const load = await startShopLoad(fleet, {
    routerPort: settings.ROUTER_PORT,
    port: settings.SHOP_PORT + 4,
    requestsPerSec: settings.LOAD_RPS,
  });
  onEnd(async () => {
    for (const part of parts) await part.stop();
  });
  onEnd(() => web.stop());
  onEnd(() => load.stop());
  return { url: publicUrl(settings), app: running };
}

async function mainDatabase(
  options: StartOptions,
  dataDir: string,
  onEnd: (end: () => Promise<void>) => void,
  parts: ReturnType<typeof loadParts>,
): Promise<string> {
  const { settings } = options;
  if (settings.DATABASE_URL) {
    const { migrate, allMigrations } = await parts;
    if (settings.DATABASE_MIGRATION_URL) await migrate(settings.DATABASE_MIGRATION_URL, allMigrations());
    return settings.DATABASE_URL;
  }
  const cluster: Cluster = await startCluster({
    name: "main",
    dir: join(dataDir, "postgres"),
    port: settings.POSTGRES_PORT,
    portOption: "POSTGRES_PORT",
  });
  onEnd(() => cluster.stop());
  const [owner, app] = await Promise.all(
    ["quarterdeck_owner", "quarterdeck_app"].map(async (user) => ({
      user,
      password: await cluster.password(user),
    })),
  );
  if (!owner || !app) throw new Error("unreachable: two roles were asked for");
  await provisionDatabase(cluster.url("postgres"), { database, owner, app });
  const { migrate, allMigrations } = await parts;
  await migrate(cluster.url(database, owner), allMigrations());
  return cluster.url(database, app);
}

async function ordersDatabase(
  options: StartOptions,
  dataDir: string,
  onEnd: (end: () => Promise<void>) => void,
): Promise<string> {
  const { prepareOrdersDb } = await import("../sandbox/orders-db.ts");
  const cluster = await startCluster({
    name: "orders-db",
    dir: join(dataDir, "orders-db"),
    port: options.settings.ORDERS_DB_PORT,
    portOption: "ORDERS_DB_PORT",
  });
  onEnd(() => cluster.stop());
  return prepareOrdersDb(cluster);
}

async function startRouterProcess(
  fleet: {
    registry: ProcessRegistry;
    logDir: string;
    cwd: string;
    env: Readonly<Record<string, string | undefined>>;
  },
  settings: Settings,
  token: string,
  dataDir: string,
): Promise<Managed> {
  const [{ spawnManaged }, { fileURLToPath }] = await Promise.all([
    import("../platform/embedded/managed.ts"),
    import("node:url"),
  ]);
  return spawnManaged({
    ...fleet,
    name: "router",
    command: process.execPath,
    args: [fileURLToPath(new URL("../../scripts/quarterdeck.mjs", import.meta.url)), "router"],
    env: {
      ...fleet.env,
      ROUTER_TOKEN: token,
      ROUTER_STATE: join(dataDir, "router", "routes.json"),
      ROUTER_PORT: String(settings.ROUTER_PORT),
      ROUTER_ADMIN_PORT: String(settings.ROUTER_ADMIN_PORT),
    },
    logFile: join(fleet.logDir, "router.log"),
    ready: () =>
      fetch(`http://127.0.0.1:${settings.ROUTER_ADMIN_PORT}/healthz`, {
        signal: AbortSignal.timeout(1_000),
      }).then(
        (answer) => answer.ok,
        () => false,
      ),
    readyDeadlineMs: 30_000,
  });
}
