import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { freePort } from "../../src/platform/embedded/ports.ts";
import { createHookToken } from "../../src/platform/hooktokens.ts";
import { systemActor } from "../../src/platform/people.ts";
import { until } from "../support/until.ts";
import { postableAlerts, webhook } from "./alerts.ts";
import { assertTaken, closedLoop, perSecond } from "./client.ts";
import { ended, type Ground } from "./ground.ts";
import { alternate, type Bench, type Benchmark, median, type Result } from "./measure.ts";

const rounds = 3;
const connections = 64;
const single = { posts: 4_000, alertsPerPost: 1 };
const full = { posts: 150, alertsPerPost: 100 };

type Shape = typeof single;

/**
 * Webhooks with alerts that differ, each committed before its 2xx. Beside it Alertmanager's own API, which keeps
 * alerts in memory. No worker runs meanwhile (it has a machine of its own in production); every delivery must be
 * there afterwards.
 */
export const alertIntakeBenchmark: Benchmark = {
  name: "alert-intake",
  about:
    "Alerts kept before they are answered, against Alertmanager's /api/v2/alerts, which keeps them in memory.",
  async run({ ground, say }: Bench): Promise<Result[]> {
    const { app, start } = await ground.install({ slackUrl: "http://127.0.0.1:1" });
    const created = await createHookToken(app.database, systemActor, "alertmanager", "storefront");
    if (!created.ok) throw new Error(created.refusal.message);
    const { token } = created.value;
    const web = await start("web");
    const alertmanager = await startAlertmanager(ground, say);
    let made = 0;
    const nonces = (count: number) =>
      Array.from({ length: count }, () => (made++).toString(16).padStart(16, "0"));
    const load = async (port: number, requests: Buffer[], { alertsPerPost }: Shape): Promise<number> => {
      const loaded = await closedLoop(port, requests, connections);
      assertTaken(loaded, "alerts");
      return perSecond(requests.length * alertsPerPost, loaded);
    };
    let sent = 0;
    const ours = ({ posts, alertsPerPost }: Shape): Promise<number> => {
      sent += posts;
      const requests = Array.from({ length: posts }, (_, i) =>
        webhook(token, nonces(alertsPerPost), String(i % 20)),
      );
      return load(web.port, requests, { posts, alertsPerPost });
    };
    const theirs = (port: number, { posts, alertsPerPost }: Shape): Promise<number> => {
      const requests = Array.from({ length: posts }, (_, i) =>
        postableAlerts(nonces(alertsPerPost), String(i % 20), new Date()),
      );
      return load(port, requests, { posts, alertsPerPost });
    };
    const compare = async (shape: Shape) => {
      if (alertmanager !== undefined)
        return alternate(
          rounds,
          () => ours(shape),
          () => theirs(alertmanager, shape),
        );
      const measured: number[] = [];
      for (let round = 0; round < rounds; round += 1) measured.push(await ours(shape));
      return { ours: median(measured), ratio: undefined, theirs: undefined };
    };
    await ours({ posts: 1_000, alertsPerPost: 1 });
    say("one alert a post");
    const one = await compare(single);
    say("100 alerts a post");
    const many = await compare(full);
    const { rows } = await sql<{ n: string }>`select count(*) as n from alert_deliveries`.execute(
      app.database.db,
    );
    if (Number(rows[0]?.n) !== sent)
      throw new Error(`${sent} posts were answered 200 and ${rows[0]?.n} are kept`);
    const beside = (theirs: number | undefined, what: string) =>
      theirs === undefined
        ? "Alertmanager is not installed here"
        : `Alertmanager, in memory: ${Math.round(theirs)} ${what}`;
    return [
      {
        name: "alert-intake.posts",
        value: one.ours,
        goal: { atLeast: 2_000 },
        unit: "posts/s",
        beside: "one alert each",
      },
      ...(one.ratio === undefined
        ? []
        : [
            {
              name: "alert-intake.ratio",
              value: one.ratio,
              goal: { atLeast: 0.25 },
              unit: "ratio",
              beside: beside(one.theirs, "posts/s"),
            },
          ]),
      {
        name: "alert-intake.alerts",
        value: many.ours,
        goal: { atLeast: 10_000 },
        unit: "alerts/s",
        beside: `100 a post; ${beside(many.theirs, "alerts/s")}`,
      },
    ];
  },
};

/** Port of a real Alertmanager; undefined, with a word to the reader, where none is installed. */
async function startAlertmanager(ground: Ground, say: (line: string) => void): Promise<number | undefined> {
  const program = ground.program("prometheus-alertmanager") ?? ground.program("alertmanager");
  if (program === undefined) {
    say(
      "Alertmanager is not installed: the comparison is left out (apt-get install prometheus-alertmanager)",
    );
    return undefined;
  }
  const home = join(ground.dir, "alertmanager");
  await mkdir(home, { recursive: true });
  await writeFile(join(home, "config.yml"), "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
  const port = await freePort();
  const child = spawn(
    program,
    [
      `--config.file=${join(home, "config.yml")}`,
      `--storage.path=${join(home, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--cluster.listen-address=",
      "--log.level=error",
    ],
    { stdio: ["ignore", "ignore", "ignore"] },
  );
  ground.onEnd(() => ended(child));
  await until("Alertmanager to be ready", async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok);
  return port;
}
