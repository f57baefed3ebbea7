import { type App, createApp } from "../../src/app.ts";
import { loadCatalog } from "../../src/catalog/load.ts";
import type { Catalog } from "../../src/catalog/schema.ts";
import { readSettings } from "../../src/config/config.ts";
import { allMigrations, type FeatureOverrides } from "../../src/features/all.ts";
import { migrate } from "../../src/platform/db/migrate.ts";
import { freePort } from "../../src/platform/embedded/ports.ts";
import { systemActor } from "../../src/platform/people.ts";
import type { ProviderSettings } from "../../src/platform/signin/provider.ts";
import { scopes } from "../../src/platform/slack/scopes.ts";
import { type Running, startWeb, startWorker } from "../../src/roles.ts";
import { localSignIn } from "../../src/sandbox/issuer/index.ts";
import { localPeople, tour } from "../../src/sandbox/people.ts";
import { startWorkspace, type Workspace } from "../../src/sandbox/workspace/index.ts";
import { Person } from "./person.ts";
import { type FreshDatabase, freshDatabase } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import { keptLog } from "./silent-log.ts";

export interface TestAppOptions {
  catalogDir?: string;
  /** Changes the catalog before it comes in force. */
  change?: (catalog: Catalog) => void;
  /** For `${NAME}` in the catalog. */
  vars?: Record<string, string>;
  /** Secrets the catalog names by variable. */
  env?: Record<string, string>;
  redisUrl?: string;
  /** Has the identity provider say something else of who signs in. */
  alterClaims?: (claims: Record<string, unknown>) => Record<string, unknown>;
  /** Default true; without a worker nothing that is asked gets done. */
  withWorker?: boolean;
  overrides?: FeatureOverrides;
}

export interface TestApp {
  app: App;
  fresh: FreshDatabase;
  workspace: Workspace;
  worker: Running | undefined;
  /** What signs people in: the local workspace's own identity provider. */
  provider: ProviderSettings;
  /** Address of Slack's door, hooks and console. */
  base: string;
  log: ReturnType<typeof keptLog>;
  /** Signed in at the local workspace. */
  person(id: string): Promise<Person>;
  close(): Promise<void>;
}

const signingSecret = "signing-secret-of-tests";

/** The whole app as `start` runs it, on a fresh database and a local workspace, without the demo service. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const fresh = await freshDatabase();
  await migrate(fresh.ownerUrl, allMigrations());
  const log = keptLog();
  let base = "";
  const built: { app?: App } = {};
  const port = await freePort();
  const now = () => built.app?.clock.now() ?? new Date();
  const local = await localSignIn(`http://127.0.0.1:${port}`, now, options.alterClaims);
  const workspace = await startWorkspace({
    ...localPeople,
    tour,
    signingSecret,
    botToken: "xoxb-local",
    apiPort: 0,
    scopes: scopes.map(({ scope }) => scope),
    eventsUrl: () => `${base}/slack/events`,
    completions: () => [],
    issuer: local.issuer,
    signOut: async (req, res) => built.app?.sessions.end(req, res),
    now,
    log: () => undefined,
  });
  // The same tests run on both queues: TEST_QUEUE=redis gives each app a Redis of its own.
  const redis =
    options.redisUrl === undefined && process.env.TEST_QUEUE === "redis" ? await startRedis() : undefined;
  const settings = readSettings({
    PORT: String(port),
    REDIS_URL: options.redisUrl ?? redis?.url,
    QUEUE_PREFIX: `test-${Math.random().toString(36).slice(2, 10)}`,
  });
  const app = await createApp({
    settings,
    log,
    databaseUrl: fresh.url,
    encryptionKey: "ab".repeat(32),
    env: (name) => options.env?.[name],
    slack: { token: "xoxb-local", apiUrl: workspace.webApiUrl },
    poolMax: 12,
    provider: local.provider,
    overrides: options.overrides,
  });
  built.app = app;
  const loaded = await loadCatalog(options.catalogDir ?? "config/sample", options.vars ?? {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  options.change?.(loaded.catalog);
  await app.catalogs.put(loaded.catalog, loaded.digest, "test", systemActor);
  const web = await startWeb(app, {
    signingSecret,
    botToken: "xoxb-local",
    before: (req, res) => workspace.handle(req, res),
  });
  base = `http://127.0.0.1:${web.port}`;
  const worker = options.withWorker === false ? undefined : await startWorker(app);
  return {
    app,
    fresh,
    workspace,
    worker,
    provider: local.provider,
    base,
    log,
    person: (id) => new Person(base, id).signIn(),
    close: async () => {
      await web.stop();
      await worker?.stop();
      await app.close();
      await workspace.close();
      await redis?.stop();
      await fresh.drop();
    },
  };
}
