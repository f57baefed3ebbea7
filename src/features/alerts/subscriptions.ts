/** Confirms that a listed topic may send here: asked for in the delivery, done once, its result kept. */
import type { HookSource } from "../../catalog/hook-sources.ts";
import { channelFor, slackIdOf } from "../../catalog/lookup.ts";
import { type Tx, tables } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Job } from "../../platform/rings/runner.ts";
import { alertTables } from "./store.ts";
import { AnswerError } from "./webhooks/fetch-outside.ts";
import { openedFrom } from "./webhooks/kept.ts";
import { jsonOf } from "./webhooks/reader.ts";
import { envelopeSchema, snsUrl } from "./webhooks/sns/envelope.ts";
import type { FetchBytes } from "./webhooks/sns/prove.ts";

interface SubscriptionTables {
  hook_subscriptions: {
    delivery_id: string;
    source: string;
    topic: string;
    state: "asked" | "confirmed" | "failed";
    /** ARN of the subscription once it is confirmed. */
    subscription: string | null;
    problem: string | null;
    asked_at: Date;
    ended_at: Date | null;
  };
}

/** Tries before it is given up: with their pauses about ten minutes; the topic can be asked to offer itself again. */
const attemptsMax = 15;

type Outcome = { state: "confirmed"; subscription: string } | { state: "failed"; problem: string };

export function createConfirmJob(
  platform: Platform,
  sourceOf: (name: string) => HookSource,
  fetchBytes: FetchBytes,
): Job {
  const { database, box } = platform;

  const end = (tx: Tx, ref: string, of: { source: string; topic: string }, outcome: Outcome): Promise<void> =>
    endSubscription(tx, platform, ref, of, outcome);

  return {
    name: "alerts.confirm-topic",
    about: "Confirms the subscription of an SNS topic that the catalog lists.",
    lane: "normal",
    async run(ref, { attempt }) {
      const delivery = await alertTables(database.db)
        .selectFrom("alert_deliveries")
        .select(["source", "body"])
        .where("id", "=", ref)
        .executeTakeFirst();
      const parsed = delivery && jsonOf(delivery.body);
      const read = parsed && "json" in parsed ? envelopeSchema.safeParse(parsed.json) : undefined;
      if (delivery === undefined || read?.success !== true) return undefined;
      const { TopicArn: topic, MessageId: id, SubscribeURL: sealed } = read.data;
      const of = { source: delivery.source, topic };
      const isAsked = await database.tx((tx) => askOnce(tx, ref, of));
      if (!isAsked) return undefined;
      // Asked again of the catalog in force now, and of the address itself: it is followed from inside the network.
      const isListed = sourceOf(of.source).topics?.includes(topic) === true;
      const url = snsUrl(openedFrom(box, id, sealed ?? ""));
      const problem = !isListed
        ? "the topic is no longer listed in the catalog"
        : url === undefined
          ? "SubscribeURL is no address of SNS"
          : undefined;
      const outcome: Outcome | "again" =
        problem !== undefined || url === undefined
          ? { state: "failed", problem: problem ?? "" }
          : await ask(url, attempt);
      if (outcome === "again") throw new Error(`The subscription of ${topic} could not be confirmed yet.`);
      await database.tx((tx) => end(tx, ref, of, outcome));
      return undefined;
    },
  };

  async function ask(url: URL, attempt: number): Promise<Outcome | "again"> {
    try {
      const answer = (await fetchBytes(url)).toString("utf8");
      const [, subscription] =
        /<SubscriptionArn>\s*(arn:[^<\s]{1,500})\s*<\/SubscriptionArn>/.exec(answer) ?? [];
      return subscription === undefined
        ? { state: "failed", problem: "SNS answered without a subscription" }
        : { state: "confirmed", subscription };
    } catch (error) {
      const isFinal = error instanceof AnswerError && error.status < 500 && error.status !== 429;
      if (!isFinal && attempt < attemptsMax) return "again";
      return {
        state: "failed",
        problem: error instanceof AnswerError ? error.message : "SNS could not be reached",
      };
    }
  }
}

/** Whether it is still to be done; the intent is kept before anything is called. */
async function askOnce(tx: Tx, ref: string, of: { source: string; topic: string }): Promise<boolean> {
  const row = await tables<SubscriptionTables>(tx.trx)
    .insertInto("hook_subscriptions")
    .values({
      delivery_id: ref,
      ...of,
      state: "asked",
      asked_at: tx.now,
      ended_at: null,
      subscription: null,
      problem: null,
    })
    .onConflict((conflict) =>
      conflict.column("delivery_id").doUpdateSet((eb) => ({ source: eb.ref("excluded.source") })),
    )
    .returning("state")
    .executeTakeFirstOrThrow();
  return row.state === "asked";
}

async function endSubscription(
  tx: Tx,
  platform: Platform,
  ref: string,
  { source, topic }: { source: string; topic: string },
  outcome: Outcome,
): Promise<void> {
  const isDone = outcome.state === "confirmed";
  const changed = await tables<SubscriptionTables>(tx.trx)
    .updateTable("hook_subscriptions")
    .set({
      state: outcome.state,
      subscription: isDone ? outcome.subscription : null,
      problem: isDone ? null : outcome.problem,
      ended_at: tx.now,
    })
    .where("delivery_id", "=", ref)
    .where("state", "=", "asked")
    .executeTakeFirst();
  if (changed.numUpdatedRows === 0n) return;
  tx.audit({
    actor: systemActor,
    action: "hook-subscription.asked",
    subject: source,
    before: "asked",
    after: outcome.state,
    detail: { topic, ...(isDone ? { subscription: outcome.subscription } : { problem: outcome.problem }) },
  });
  const channel = slackIdOf(channelFor(platform.catalogs.current(), ""), platform.slackTeam());
  if (channel === undefined) return;
  tx.say({
    key: `hook-subscription:${ref}`,
    channel,
    text: isDone
      ? `🟢 ${escapeText(source)} · ${escapeText(topic)} sends here from now on.`
      : `🟠 ${escapeText(source)} · ${escapeText(topic)} is not confirmed: ${escapeText(outcome.problem)}. In the SNS console choose the subscription and *Request confirmation*.`,
  });
}
