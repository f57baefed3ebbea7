import { afterEach, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { startOwnPostgres } from "./cluster.ts";
import { olive, settled, startInstallation } from "./installation.ts";
import { quickSteps, startTraffic } from "./traffic.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

it("user traffic flows on with web, worker and Postgres dead, and the router stands as recorded once they are back", async () => {
  const traffic = await startTraffic(100);
  closing.push(() => traffic.close());
  const postgres = await startOwnPostgres();
  const installation = await startInstallation({
    database: postgres,
    catalog: quickSteps,
    env: traffic.env,
  });
  closing.push(() => installation.close());
  const [web, worker] = await Promise.all([installation.start("web"), installation.start("worker")]);
  const { slack, sql } = installation;

  await slack.command(olive, "rollout start shop v42 --steps 50,100 --hold 2m");
  // Nobody measures this shop: a first step of 50 % is taken in two, each of 25.
  await until(
    "v42 to take a quarter of the traffic, on record too",
    async () =>
      (await traffic.weights()).v42 === 25 &&
      (await installation.count("select count(*) from rollouts where state = 'step'")) === 1,
    30_000,
  );
  await Promise.all([installation.kill(web), installation.kill(worker), postgres.stop("kill")]);

  const before = traffic.load.summary();
  await until(
    "traffic without any of them",
    () => traffic.load.summary().answered - before.answered > 300,
    30_000,
  );
  const during = traffic.load.summary();
  expect(during.failed).toEqual({});
  for (const version of ["v41", "v42"]) {
    const answers = (summary: typeof during) =>
      Object.values(summary.versions[version] ?? {}).reduce((sum, count) => sum + count, 0);
    expect(answers(during) - answers(before)).toBeGreaterThan(40);
  }
  expect(await traffic.weights()).toEqual({ v41: 75, v42: 25 });

  await postgres.start();
  await Promise.all([installation.start("web"), installation.start("worker")]);
  expect(await sql("select state from rollouts")).toEqual([{ state: "step" }]);
  expect(await traffic.weights()).toEqual({ v41: 75, v42: 25 });
  await slack.command(olive, "rollout revert shop as it was");
  await until(
    "the rollout to end",
    async () => (await installation.count("select count(*) from rollouts where state = 'reverted'")) === 1,
    60_000,
  );
  await settled(installation);
  expect(await traffic.weights()).toEqual({ v41: 100 });
  expect(await installation.count("select count(*) from rollout_effects where done_at is null")).toBe(0);
  expect(traffic.load.summary().failed).toEqual({});
}, 240_000);
