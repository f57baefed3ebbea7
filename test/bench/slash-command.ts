import { until } from "../support/until.ts";
import { assertTaken, closedLoop, openLoop, perSecond } from "./client.ts";
import { alternate, type Bench, type Benchmark, percentile, type Result } from "./measure.ts";
import { slashCommand, startCountingSlack } from "./slack.ts";

const rounds = 5;
const perRound = 3_000;
const connections = 32;
const perSecOpen = 200;
const openSec = 10;
const line = "status shop";

/**
 * Signed commands through the door: signature, schema, rights, a committed inbox row before each acknowledgement.
 * Beside it a Bolt app that verifies the signature and acknowledges. In the throughput rounds no worker runs (it has a
 * machine of its own in production); it comes after them and must answer every single command.
 */
export const slashCommandBenchmark: Benchmark = {
  name: "slash-command",
  about:
    "Signed slash commands, kept before they are acknowledged, against a bare Bolt app that only acknowledges.",
  async run({ ground, say }: Bench): Promise<Result[]> {
    const slack = await startCountingSlack();
    ground.onEnd(() => slack.close());
    const installation = await ground.install({ slackUrl: slack.url });
    const [web, bolt] = await Promise.all([installation.start("web"), ground.server({ role: "bolt" })]);
    let made = 0;
    const commands = (count: number) =>
      Array.from({ length: count }, () => slashCommand(line, `n${made++}`, slack.url));
    const round = async (port: number, count: number): Promise<number> => {
      const loaded = await closedLoop(port, commands(count), connections);
      assertTaken(loaded, "slash commands");
      return perSecond(count, loaded);
    };
    await round(web.port, 1_000);
    await round(bolt.port, 1_000);
    say("throughput");
    const { ratio, ours, theirs } = await alternate(
      rounds,
      () => round(web.port, perRound),
      () => round(bolt.port, perRound),
    );
    const keptCount = await openRows(installation.app.database.db);
    const expected = 1_000 + rounds * perRound;
    if (keptCount !== expected)
      throw new Error(`${expected} commands were acknowledged and ${keptCount} are kept`);

    say("at an even rate, with a worker");
    // What the throughput rounds left is done with, so that the worker's backlog is not measured as its pace.
    await installation.app.database.db.deleteFrom("rings").where("job", "=", "inbox.handle").execute();
    const worker = await installation.start("worker");
    const requests = Array.from({ length: perSecOpen * openSec }, (_, index) =>
      slashCommand(line, `open${index}`, slack.url),
    );
    const startedMs = performance.now();
    const loaded = await openLoop(web.port, requests, perSecOpen);
    assertTaken(loaded, "slash commands");
    await until(
      "every command to be answered",
      () => requests.every((_, i) => slack.answered.has(`open${i}`)),
      60_000,
    );
    const answeredSec = (performance.now() - startedMs) / 1_000;
    await worker.stop();
    const tookMs = loaded.answers.map((answer) => answer.tookMs);
    return [
      {
        name: "slash-command.throughput",
        value: ratio,
        goal: { atLeast: 0.8 },
        unit: "ratio",
        beside: `${Math.round(ours)} commands/s kept and acknowledged; bare Bolt ${Math.round(theirs)}`,
      },
      {
        name: "slash-command.p99",
        value: percentile(tookMs, 0.99),
        goal: { atMost: 50 },
        unit: "ms",
        beside: `at ${perSecOpen}/s for ${openSec} s with a worker answering; median ${percentile(tookMs, 0.5).toFixed(1)} ms, slowest ${percentile(tookMs, 1).toFixed(1)} ms`,
      },
      {
        name: "slash-command.answered",
        value: requests.length / answeredSec,
        unit: "answers/s",
        beside: `all ${requests.length} answered at their response_url, ${(answeredSec - openSec).toFixed(1)} s after the last`,
      },
    ];
  },
};

async function openRows(db: import("../../src/platform/db/database.ts").Db): Promise<number> {
  const row = await db
    .selectFrom("inbox")
    .select((eb) => eb.fn.countAll<string>().as("n"))
    .executeTakeFirstOrThrow();
  return Number(row.n);
}
