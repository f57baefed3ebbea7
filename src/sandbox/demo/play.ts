import { type Actors, line, opsChannel, words } from "./actors.ts";
import { Person } from "./person.ts";
import { access } from "./play-access.ts";
import { alerts } from "./play-alerts.ts";
import { questions } from "./play-questions.ts";
import { rollback, rollouts } from "./play-rollouts.ts";
import type { Stack } from "./stack.ts";
import { until } from "./until.ts";
import { onlyVersion } from "./watch.ts";

export interface StepResult {
  name: string;
  ok: boolean;
  saw: string;
}

export const partNames = ["alerts", "rollouts", "access", "rollback", "questions"] as const;
export type PartName = (typeof partNames)[number];

export interface PlayOptions {
  /** Default: all of them. */
  parts?: readonly PartName[];
  /** The step that is to fail: its waits are this many times their usual length, below 1, and nothing follows it. */
  failsAt?: { step: string; patience: number };
  /** Seconds that Dev's access lasts. */
  grantSec?: number;
}

/** The step that was to fail is over. */
class Stopped extends Error {}

/**
 * Plays the main job against a running stack and reports what was observed from outside: versions in real answers,
 * the database's own logins, the workspace's messages.
 */
export async function play(
  stack: Stack,
  now: () => Date,
  report: (step: StepResult) => void,
  options: PlayOptions = {},
): Promise<StepResult[]> {
  const { parts = partNames, failsAt, grantSec = 20 } = options;
  let patience = 1;
  const results: StepResult[] = [];
  const step = async (name: string, work: () => Promise<string>): Promise<boolean> => {
    const isToFail = failsAt !== undefined && name.startsWith(`${failsAt.step} `);
    if (isToFail) patience = failsAt.patience;
    const result: StepResult = await work().then(
      (saw) => ({ name, ok: true, saw }),
      (error: unknown) => ({ name, ok: false, saw: error instanceof Error ? error.message : String(error) }),
    );
    results.push(result);
    report(result);
    if (isToFail) throw new Stopped();
    return result.ok;
  };
  const [olive, lena, dev] = await Promise.all(
    ["U0ONCALL", "U0LEAD", "U0DEV"].map((id) => new Person(stack.baseUrl, id).signIn()),
  );
  if (!olive || !lena || !dev) throw new Error("the three people of the local workspace could not sign in");
  const actors: Actors = {
    stack,
    now,
    olive,
    lena,
    dev,
    wait: (what, ask, deadlineMs = 20_000) => until(what, ask, deadlineMs * patience),
    onlyVersion: (version, deadlineMs) => onlyVersion(stack.routerUrl, version, deadlineMs * patience),
  };
  const plays = (part: PartName): boolean => parts.includes(part);

  const playAll = async (): Promise<void> => {
    await step("0 Traffic flows to v41 and its budget is known", async () => {
      const seen = await actors.onlyVersion("v41", 10_000);
      return `${words(seen)}; ${await budgetOf(actors)}`;
    });
    if (plays("alerts")) await alerts(actors, step);
    // Nobody waits for the other here, on call neither.
    await Promise.all([
      plays("rollouts") && rollouts(actors, step),
      plays("access") && access(actors, step, grantSec),
    ]);
    if (plays("rollback")) await rollback(actors, step);
    if (plays("questions")) await questions(actors, step);
  };
  await playAll().catch((error: unknown) => {
    if (!(error instanceof Stopped)) throw error;
  });
  return results;
}

/** Asks until the service's users are known to be well: the first samples take some seconds. */
function budgetOf({ olive, wait }: Actors): Promise<string> {
  return wait("the budget to be known", async () => {
    await olive.send(opsChannel, "/ops slo shop");
    await new Promise((resolve) => setTimeout(resolve, 700));
    const answer = (await olive.see(opsChannel)).findLast((message) => /shop/.test(message.text));
    return answer && /users well/i.test(answer.text) && line(answer.text);
  });
}
