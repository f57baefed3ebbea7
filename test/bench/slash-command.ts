import { until } from "../support/until.ts";
import { assertTaken, closedLoop, openLoop, perSecond } from "./client.ts";
import { alternate, type Bench, type Benchmark, percentile, type Result } from "./measure.ts";
import { type CountingSlack, slashCommand, startCountingSlack } from "./slack.ts";

const rounds = 5;
const perRound = 3_000;
const connections = 32;
const perSecOpen = 200;
const openSec = 5;
const line = "status shop";

/**
 * Signed commands through the door: signature, schema, rights, a committed inbox row before each acknowledgement.
 * Beside it a Bolt app that verifies the signature and acknowledges. While the door is measured no worker runs (it has
 * a machine of its own in production); it comes then and answers every command. Last, both on this machine.
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

    say(`at ${perSecOpen}/s`);
    // What the throughput rounds left is done with, so that the worker's backlog is not measured as its pace.
    await installation.app.database.db.deleteFrom("rings").where("job", "=", "inbox.handle").execute();
    const alone = await atEvenRate(web.port, "alone", slack.url);
    const worker = await installation.start("worker");
    await allAnswered(slack, "alone");
    say(`at ${perSecOpen}/s, with a worker beside it`);
    const startedMs = performance.now();
    const beside = await atEvenRate(web.port, "beside", slack.url);
    await allAnswered(slack, "beside");
    const answeredSec = (performance.now() - startedMs) / 1_000;
    await worker.stop();
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
        value: percentile(alone, 0.99),
        goal: { atMost: 50 },
        unit: "ms",
        beside: `at ${perSecOpen}/s for ${openSec} s; median ${percentile(alone, 0.5).toFixed(1)} ms, slowest ${percentile(alone, 1).toFixed(1)} ms; all answered afterwards`,
      },
      {
        name: "slash-command.p99-beside-worker",
        value: percentile(beside, 0.99),
        unit: "ms",
        beside: `the same while a worker on the same machine answers them; all ${beside.length} answered ${(answeredSec - openSec).toFixed(1)} s after the last`,
      },
    ];
  },
};

const evenCount = perSecOpen * openSec;

/** Milliseconds each command waited for its acknowledgement. */
async function atEvenRate(port: number, nonce: string, answersUrl: string): Promise<number[]> {
  const requests = Array.from({ length: evenCount }, (_, index) =>
    slashCommand(line, `${nonce}${index}`, answersUrl),
  );
  const loaded = await openLoop(port, requests, perSecOpen);
  assertTaken(loaded, "slash commands");
  return loaded.answers.map(({ tookMs }) => tookMs);
}

/** What is acknowledged is answered, every single one, at its own response_url. */
const allAnswered = (slack: CountingSlack, nonce: string): Promise<true> =>
  until(
    "every command to be answered",
    () =>
      Array.from({ length: evenCount }).every((_, index) => slack.answered.has(`${nonce}${index}`)) ||
      undefined,
    120_000,
  );

async function openRows(db: import("../../src/platform/db/database.ts").Db): Promise<number> {
  const row = await db
    .selectFrom("inbox")
    .select((eb) => eb.fn.countAll<string>().as("n"))
    .executeTakeFirstOrThrow();
  return Number(row.n);
}
