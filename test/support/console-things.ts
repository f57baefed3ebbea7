/** One of each thing that pages show, as the program itself writes it. */
import type { App } from "../../src/app.ts";
import { cardKey, rolloutCard } from "../../src/features/rollouts/cards.ts";
import type { Rollout } from "../../src/features/rollouts/model.ts";
import { planRollout } from "../../src/features/rollouts/plan.ts";
import { appendSamples, type Sample } from "../../src/features/rollouts/samples.ts";
import { insertRollout } from "../../src/features/rollouts/store.ts";
import type { Actor } from "../../src/platform/people.ts";
import type { Platform } from "../../src/platform/platform.ts";

/** Does a line at once, without a worker. */
export async function askFor(
  { dispatcher, clock, catalogs }: Pick<App, "dispatcher" | "clock" | "catalogs">,
  actor: Actor,
  line: string,
): Promise<void> {
  const checked = await dispatcher.check(actor, line, clock.now());
  if (!checked.ok) throw new Error(checked.refusal.message);
  const { command, line: parsed } = checked.value;
  const done = await command.run({
    line: parsed,
    actor,
    catalog: catalogs.current(),
    place: { channel: "C0OPS" },
    inboxId: "",
    now: clock.now(),
  });
  if (!done.ok) throw new Error(done.refusal.message);
}

/** A rollout at its first step, with half an hour of readings and a thread; ids are `R-<number>`. */
export async function keepRollout(platform: Platform, number: number): Promise<Rollout> {
  const { database, catalogs, publicUrl, slackTeam } = platform;
  const catalog = catalogs.current();
  const now = platform.clock.now();
  const ago = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000);
  const planned = planRollout(catalog, "shop", { catalogDigest: catalogs.digest(), lagMs: 0 });
  if (!planned.ok) throw new Error(planned.refusal.message);
  const rollout: Rollout = {
    id: `R-${number}` as Rollout["id"],
    service: "shop",
    environment: "production",
    from: "v41",
    to: "v42",
    startedBy: { team: "T0LOCAL", person: "U0ONCALL" },
    startedAt: ago(30),
    deadlineAt: new Date(now.getTime() + 3_600_000),
    channel: "C0SHOPALERTS",
    plan: planned.value.plan,
    wayBack: { service: "shop", weights: { v41: 100 } } as unknown as Rollout["wayBack"],
    state: { is: "step", index: 0, since: ago(28) },
    seq: 3,
    decided: {
      what: "started",
      seq: 3,
      channel: "C0SHOPALERTS",
      by: { team: "T0LOCAL", person: "U0ONCALL" },
      atMs: ago(30).getTime(),
    },
    verdict: {
      do: "hold",
      reasons: [{ code: "not-proven", sentence: "errors: 0.4 % against 0.3 %, not proven yet" }],
      signals: [],
      alphaSpent: 0,
    },
    marks: [],
  };
  const samples = Array.from(
    { length: 28 },
    (_, index): Sample => ({
      signal: "error-ratio",
      from: ago(28 - index),
      to: ago(27 - index),
      kind: "counts",
      canary: { bad: index % 3, total: 180 },
      stable: { bad: 2 + (index % 5), total: 1_900 },
    }),
  );
  await database.tx(async (tx) => {
    await insertRollout(tx.trx, rollout);
    await appendSamples(tx.trx, rollout.id, samples);
    const shown = rolloutCard(rollout, samples, {
      catalog,
      publicUrl,
      slackTeam: slackTeam(),
      now: tx.now,
      byHand: [],
    });
    tx.say({ key: cardKey(rollout.id), channel: rollout.channel, ...shown });
    tx.say({
      key: `${rollout.id}:plan`,
      parent: cardKey(rollout.id),
      channel: rollout.channel,
      text: `*The plan* of ${rollout.id}\n1 %, then 10 %`,
    });
    tx.audit({
      actor: { ...rollout.startedBy, door: "slack" },
      action: "rollout.started",
      subject: rollout.id,
      service: "shop",
    });
  });
  return rollout;
}
