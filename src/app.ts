import { randomUUID } from "node:crypto";
import { loosened } from "./catalog/loosening/index.ts";
import { publicUrl, type Settings } from "./config/config.ts";
import { allMigrations, buildFeatures, type FeatureOverrides } from "./features/all.ts";
import { standsIn } from "./features/paging/index.ts";
import { createChainer } from "./platform/audit/chainer.ts";
import { createHeld } from "./platform/audit/held.ts";
import { type AuditKeeper, createAuditKeeper, sealJob } from "./platform/audit/keeper.ts";
import { signingKeyOf } from "./platform/audit/keys.ts";
import { entriesPerSealMax } from "./platform/audit/seal.ts";
import { type Authz, createAuthz, onlyIfKnown } from "./platform/authz.ts";
import { type Catalogs, createCatalogs } from "./platform/catalogs.ts";
import { type Clock, DatabaseClock } from "./platform/clock.ts";
import {
  createDatabase,
  createPool,
  type Database,
  databaseNow,
  openKysely,
} from "./platform/db/database.ts";
import { assertSchemaCurrent } from "./platform/db/migrate.ts";
import { createDispatcher, type Dispatcher } from "./platform/dispatch.ts";
import type { Feature } from "./platform/feature.ts";
import { createInbox, type Inbox } from "./platform/inbox.ts";
import type { Log } from "./platform/log.ts";
import { projectorJobs } from "./platform/messages/projector.ts";
import type { Platform } from "./platform/platform.ts";
import { retentionParts } from "./platform/retention.ts";
import { createDoorbell, type Doorbell } from "./platform/rings/queue.ts";
import { Relay } from "./platform/rings/relay.ts";
import { type Job, Runner, type Schedule } from "./platform/rings/runner.ts";
import { writeRings } from "./platform/rings/write.ts";
import { SecretBox } from "./platform/secretbox.ts";
import { createSessions } from "./platform/sessions.ts";
import { createIdentityProvider, type ProviderSettings } from "./platform/signin/provider.ts";
import { providerSettings } from "./platform/signin/settings.ts";
import { createSlackApi, type SlackApi } from "./platform/slack/client.ts";
import { noteGroupRead } from "./platform/slack/group-changes.ts";
import { createUsergroups } from "./platform/slack/usergroups.ts";
import { openArchive } from "./providers/archive/index.ts";

export interface AppOptions {
  settings: Settings;
  env: (name: string) => string | undefined;
  log: Log;
  /** Filled in by `start` with the local workspace's, from the environment otherwise. */
  slack: { token: string; apiUrl?: string | undefined };
  databaseUrl: string;
  encryptionKey: string;
  poolMax?: number;
  /** Instead of the environment's; the local workspace's own. */
  provider?: ProviderSettings | undefined;
  /** Parts of features that a caller replaces; the demo's self-test takes effects away with it. */
  overrides?: FeatureOverrides;
}

/** Everything built and nothing running: `web` and `worker` start their own share of it. */
export interface App extends Platform {
  features: readonly Feature[];
  jobs: readonly Job[];
  inbox: Inbox;
  dispatcher: Dispatcher;
  doorbell: Doorbell;
  relay: Relay;
  runner: Runner;
  /** Chains, seals and archives the audit; a worker's. */
  audit: AuditKeeper;
  /** Rings what is due by schedule; idempotent. */
  ringSchedules(): Promise<void>;
  /** Asks Postgres for the time: fails when Postgres is away. */
  measureClock(): Promise<number>;
  instanceId: string;
  close(): Promise<void>;
}

/** The composition root: config → platform → providers → features. */
export async function createApp(options: AppOptions): Promise<App> {
  const { settings, log } = options;
  const pool = createPool(options.databaseUrl, options.poolMax ?? 20, (error) =>
    log.warn({ err: error }, "Postgres connection trouble"),
  );
  const db = openKysely(pool);
  const clock = new DatabaseClock(
    () => databaseNow(db),
    (offsetMs) =>
      log.error(
        { offsetMs: Math.round(offsetMs) },
        "this machine's clock differs from the database's by more than 2 s; deadlines follow the database",
      ),
  );
  await clock.measure();
  clock.start();

  let features: readonly Feature[] = [];
  const lanes = new Map<string, Job["lane"]>();
  let unsealed = 0;
  const chainer = createChainer({
    db,
    log,
    onChained: (entries) => {
      unsealed += entries;
      if (unsealed < entriesPerSealMax) return;
      unsealed = 0;
      // As much as one seal takes: it is not left to the minute.
      database
        .tx(async (tx) => tx.ring({ job: sealJob, ref: scheduleRef, lane: "normal" }))
        .catch((error: unknown) => log.warn({ err: error }, "a seal could not be rung for; the minute will"));
    },
  });
  const held = createHeld(db, () => clock.now().getTime());
  const catalogs: Catalogs = createCatalogs(db, () => database, log, loosened);
  const database: Database = createDatabase(db, {
    clock,
    catalogDigest: () => catalogs.digest(),
    subscribers: (event) =>
      features.flatMap((feature) =>
        (feature.events ?? [])
          .filter(({ on }) => on === event)
          .map(({ job }) => ({ job, lane: lanes.get(job) ?? "normal" })),
      ),
    onAudited: () => chainer.kick(),
  });
  const slackApi: SlackApi = createSlackApi({
    token: options.slack.token,
    apiUrl: options.slack.apiUrl ?? settings.SLACK_API_URL,
    log,
  });
  const slack = options.overrides?.slack?.(slackApi) ?? slackApi;
  const usergroups = createUsergroups(slack, clock, (read) => {
    // Nobody who asks waits for it: what is not noted now is seen by the next read.
    noteGroupRead(database, read).catch((error: unknown) =>
      log.warn({ err: error, group: read.group }, "a user group could not be compared with the read before"),
    );
  });
  const authz: Authz = createAuthz(
    () => catalogs.current(),
    usergroups,
    (team, person) => standsIn(db, team, person, clock.now()),
  );
  const box = new SecretBox(options.encryptionKey);
  const url = publicUrl(settings);
  const provider = options.provider ?? providerSettings(settings);
  const platform: Platform = {
    settings,
    log,
    clock,
    database,
    catalogs,
    authz,
    usergroups,
    slack,
    box,
    publicUrl: url,
    random: Math.random,
    env: options.env,
    sessions: createSessions({
      database,
      box,
      isSecure: url.startsWith("https:"),
      isKnown: ({ team, person }) => onlyIfKnown(catalogs.current(), { team, person, door: "console" }).ok,
      now: () => clock.now(),
    }),
    identity:
      provider &&
      createIdentityProvider(provider, {
        redirectUri: `${url}/sign-in/callback`,
        log,
        now: () => clock.now(),
      }),
    slackTeam: () => catalogs.current().organisation.slackTeams[0] as string,
  };

  features = buildFeatures(platform, options.overrides ?? {});
  await assertSchemaCurrent(db as never, allMigrations());
  await catalogs.refresh();

  const audit = createAuditKeeper({
    database,
    clock,
    log,
    catalogs,
    chainer,
    archive: await openArchive(settings),
    signingKey: signingKeyOf(settings),
    keepDays: settings.AUDIT_KEEP_DAYS,
  });
  const dispatcher = createDispatcher({
    heldWhy: held.why,
    database,
    clock,
    log,
    catalogs,
    authz,
    commands: () => features.flatMap((feature) => feature.commands ?? []),
  });
  const projector = projectorJobs({
    db,
    clock,
    log,
    slack,
    team: platform.slackTeam,
    renderChart: async (spec) => (await import("./platform/charts.ts")).renderLineChart(spec),
  });
  const retention = retentionParts({ db, clock, log, features: () => features });
  const schedules = [
    ...audit.schedules,
    ...retention.schedules,
    ...features.flatMap((feature) => feature.schedules ?? []),
  ];
  const everySec = new Map(schedules.map((schedule) => [schedule.job, schedule.everySec]));
  const jobs = [
    ...dispatcher.jobs,
    ...projector,
    ...audit.jobs,
    ...retention.jobs,
    ...features.flatMap((feature) => feature.jobs ?? []),
  ].map((job) => onSchedule(job, everySec.get(job.name), clock));
  for (const job of jobs) {
    if (lanes.has(job.name)) throw new Error(`job ${job.name} is declared twice`);
    lanes.set(job.name, job.lane);
  }
  const first = new Set(jobs.filter(({ isFirst }) => isFirst).map(({ name }) => name));
  const doorbell = createDoorbell({
    redisUrl: settings.REDIS_URL,
    connectionString: options.databaseUrl,
    prefix: settings.QUEUE_PREFIX,
    log,
  });
  const relay = new Relay({
    db,
    connectionString: options.databaseUrl,
    clock,
    log,
    enqueue: (rung) => doorbell.enqueue(rung),
    isFirst: (name) => first.has(name),
  });
  const runner = new Runner({ db, clock, log, random: Math.random, heldWhy: held.why }, jobs);

  return {
    ...platform,
    features,
    jobs,
    dispatcher,
    doorbell,
    relay,
    runner,
    audit,
    inbox: createInbox(database, clock),
    measureClock: () => clock.measure(),
    instanceId: randomUUID(),
    ringSchedules: () => ringSchedules(database, schedules, lanes, clock),
    close: async () => {
      catalogs.stop();
      clock.stop();
      await doorbell.close();
      await audit.stop();
      await database.close();
    },
  };
}

/** The ref under which a schedule rings its job. */
const scheduleRef = "schedule";

/** Lets a job run again when its schedule says, whatever it answered. */
function onSchedule(job: Job, everySec: number | undefined, clock: Clock): Job {
  if (everySec === undefined) return job;
  return {
    ...job,
    run: async (ref, context) =>
      (await job.run(ref, context)) ??
      (ref === scheduleRef ? { again: new Date(clock.now().getTime() + everySec * 1_000) } : undefined),
  };
}

/** A schedule's job rings itself again each time; this makes sure that each one has its row. */
async function ringSchedules(
  database: Database,
  schedules: readonly Schedule[],
  lanes: ReadonlyMap<string, Job["lane"]>,
  clock: Clock,
): Promise<void> {
  await database.db.transaction().execute((trx) =>
    writeRings(
      trx,
      schedules.map(({ job }) => ({
        job,
        ref: scheduleRef,
        lane: lanes.get(job) ?? "normal",
        keepEarlier: true,
      })),
      clock.now(),
    ),
  );
}
