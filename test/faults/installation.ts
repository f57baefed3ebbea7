import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { allMigrations } from "../../src/features/all.ts";
import { createDatabase, createPool, openKysely } from "../../src/platform/db/database.ts";
import { migrate } from "../../src/platform/db/migrate.ts";
import { createHookToken } from "../../src/platform/hooktokens.ts";
import { systemActor } from "../../src/platform/people.ts";
import { scopes } from "../../src/platform/slack/scopes.ts";
import { localPeople } from "../../src/sandbox/people.ts";
import { startWorkspace, type Workspace } from "../../src/sandbox/workspace/index.ts";
import { freshDatabase } from "../support/postgres.ts";
import { type Role, type RoleProcess, startRole } from "../support/processes.ts";
import { type SlackSender, startSlackSender } from "../support/slack-sender.ts";
import { until } from "../support/until.ts";
import { apart } from "./alerts.ts";
import { removedFolder } from "./folders.ts";

export const olive = "U0ONCALL";
export const lena = "U0LEAD";
export const dev = "U0DEV";

const signingSecret = "signing-secret-of-tests";
export const routerToken = "router-token-of-the-tests";

export interface InstallationOptions {
  redisUrl?: string | undefined;
  /** Edits the files of the sample catalog before they come in force. */
  catalog?: (yaml: string, file: string) => string;
  /** Rules that fire together are one cause, as in production; here each is one of its own unless told. */
  joinsCauses?: boolean;
  /** Settings beyond those every role needs. */
  env?: Readonly<Record<string, string>>;
  /** A server of the test's own; default: a database on the run's one. */
  database?: { url: string; ownerUrl: string; drop(): Promise<void> };
}

/** Quarterdeck as a company installs it: roles as processes of their own, on one database, beside a Slack. */
export interface Installation {
  workspace: Workspace;
  slack: SlackSender;
  env: Readonly<Record<string, string | undefined>>;
  webs: RoleProcess[];
  workers: RoleProcess[];
  /** Starts one more process of the role. */
  start(role: Role): Promise<RoleProcess>;
  /** Kills a process and forgets it. */
  kill(process: RoleProcess): Promise<void>;
  sql<Row extends object>(statement: string, values?: unknown[]): Promise<Row[]>;
  /** A single number. */
  count(statement: string, values?: unknown[]): Promise<number>;
  /** Posts an Alertmanager body to a web process; answers the status, 0 when nothing answered. */
  alert(body: string): Promise<number>;
  /** Messages of a channel, from Slack's side, the key of each with it. */
  posted(channel: string): Promise<{ ts: string; text: string; key: string | undefined }[]>;
  close(): Promise<void>;
}

export async function startInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const database = options.database ?? (await freshDatabase());
  await migrate(database.ownerUrl, allMigrations());
  const folder = await removedFolder();
  await writeCatalog(join(folder.path, "catalog"), options);
  const webs: RoleProcess[] = [];
  const workers: RoleProcess[] = [];
  const others: RoleProcess[] = [];
  let turn = 0;
  /** One web after the other: what a load balancer does. */
  const door = () => {
    turn += 1;
    return webs[turn % Math.max(1, webs.length)]?.url ?? "http://127.0.0.1:1";
  };
  const workspace = await startWorkspace({
    ...localPeople,
    tour: [],
    signingSecret,
    botToken: "xoxb-local",
    apiPort: 0,
    scopes: scopes.map(({ scope }) => scope),
    eventsUrl: () => `${door()}/slack/events`,
    completions: () => [],
    now: () => new Date(),
    log: () => undefined,
  });
  const slack = await startSlackSender(signingSecret, door);
  const pool = createPool(database.url, 4, () => undefined);
  const hookToken = await makeHookToken(database.url);
  const env: Record<string, string | undefined> = {
    DATABASE_URL: database.url,
    ENCRYPTION_KEY: "ab".repeat(32),
    SLACK_BOT_TOKEN: "xoxb-local",
    SLACK_SIGNING_SECRET: signingSecret,
    SLACK_API_URL: workspace.webApiUrl,
    CATALOG_PATH: join(folder.path, "catalog"),
    DATA_DIR: join(folder.path, "data"),
    QUEUE_PREFIX: `faults-${Math.random().toString(36).slice(2, 10)}`,
    REDIS_URL: options.redisUrl,
    ROUTER_TOKEN: routerToken,
    ...options.env,
  };
  const listOf = (role: Role) => (role === "web" ? webs : role === "worker" ? workers : others);
  const sql = async <Row extends object>(statement: string, values: unknown[] = []): Promise<Row[]> =>
    (await pool.query<Row>(statement, values)).rows;

  return {
    workspace,
    slack,
    env,
    webs,
    workers,
    sql,
    async start(role) {
      const started = await startRole(role, env);
      listOf(role).push(started);
      return started;
    },
    async kill(process) {
      const list = listOf(process.role);
      if (list.includes(process)) list.splice(list.indexOf(process), 1);
      await process.kill();
    },
    count: async (statement, values) =>
      Number(Object.values((await sql(statement, values))[0] ?? { n: 0 })[0]),
    alert: (body) =>
      fetch(`${door()}/hooks/alertmanager`, {
        method: "POST",
        body,
        headers: {
          authorization: `Bearer ${hookToken}`,
          "content-type": "application/json",
          connection: "close",
        },
      }).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.status;
        },
        () => 0,
      ),
    posted: (channel) => posted(workspace.webApiUrl, channel),
    close: async () => {
      await Promise.all([...webs, ...workers, ...others].map((one) => one.kill()));
      await workspace.close();
      await slack.close();
      await pool.end();
      await database.drop();
      await folder.remove();
    },
  };
}

async function writeCatalog(dir: string, options: InstallationOptions): Promise<void> {
  const { catalog: change = (yaml: string) => yaml, joinsCauses = false } = options;
  await cp("config/sample", dir, { recursive: true });
  for (const file of ["organisation.yaml", "storefront.yaml", "payments.yaml"]) {
    const path = join(dir, file);
    const yaml = change(await readFile(path, "utf8"), file);
    await writeFile(path, joinsCauses ? yaml : apart(yaml));
  }
}

async function makeHookToken(url: string): Promise<string> {
  const db = openKysely(createPool(url, 1, () => undefined));
  try {
    const database = createDatabase(db, {
      clock: { now: () => new Date() } as never,
      catalogDigest: () => "none",
      subscribers: () => [],
    });
    const made = await createHookToken(database, systemActor, "alertmanager", "storefront");
    if (!made.ok) throw new Error(made.refusal.message);
    return made.value.token;
  } finally {
    await db.destroy();
  }
}

async function posted(
  api: string,
  channel: string,
): Promise<{ ts: string; text: string; key: string | undefined }[]> {
  const all: { ts: string; text: string; key: string | undefined }[] = [];
  let cursor = "";
  do {
    const answer = await fetch(`${api}conversations.history`, {
      method: "POST",
      headers: { authorization: "Bearer xoxb-local", "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        channel,
        limit: "200",
        include_all_metadata: "true",
        ...(cursor ? { cursor } : {}),
      }),
    });
    const body = (await answer.json()) as {
      ok: boolean;
      error?: string;
      messages?: { ts: string; text: string; metadata?: { event_payload?: { key?: string } } }[];
      response_metadata?: { next_cursor?: string };
    };
    if (!body.ok) throw new Error(`conversations.history: ${body.error}`);
    for (const { ts, text, metadata } of body.messages ?? [])
      all.push({ ts, text, key: metadata?.event_payload?.key });
    cursor = body.response_metadata?.next_cursor ?? "";
  } while (cursor !== "");
  return all;
}

/** Waits until nothing that came in waits, nothing is due and Slack shows what it should. */
export async function settled(installation: Installation, deadlineMs = 60_000): Promise<void> {
  const { count } = installation;
  await until(
    "everything to be done",
    async () => {
      const open = {
        inbox: await count("select count(*) from inbox where done_at is null"),
        alerts: await count("select count(*) from alert_deliveries where folded_at is null"),
        messages: await count("select count(*) from messages where shown_version < wanted_version"),
        tickets: await count("select count(*) from tickets where published_version < wanted_version"),
        // What is due, and what failed and waits for its next attempt.
        rings: await count(
          "select count(*) from rings where ref <> 'schedule' and (due_at < now() + interval '1 s' or attempts > 0)",
        ),
      };
      if (Object.values(open).some((waiting) => waiting > 0)) {
        const failing = await installation.sql(
          "select job, ref, last_error from rings where attempts > 0 limit 3",
        );
        throw new Error(JSON.stringify({ ...open, failing }));
      }
      return true;
    },
    deadlineMs,
  );
}

/** What a person was not told twice, and a channel was not shown twice: keys that more than one message carries. */
export async function doubled(installation: Installation, channels: readonly string[]): Promise<string[]> {
  const seen = new Map<string, number>();
  for (const channel of channels)
    for (const { key } of await installation.posted(channel))
      if (key !== undefined) seen.set(key, (seen.get(key) ?? 0) + 1);
  return [...seen].filter(([, times]) => times > 1).map(([key]) => key);
}
