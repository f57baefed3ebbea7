/** What a hook does with a body: read it, keep it with its ring, answer once both are committed. */
import type { HookSource } from "../../catalog/hook-sources.ts";
import type { HookAnswer, HookRequest } from "../../platform/feature.ts";
import { GroupCommit } from "../../platform/group.ts";
import type { Platform } from "../../platform/platform.ts";
import type { ReadDelivery, Unreadable } from "./model.ts";
import { noteProblems } from "./problems.ts";
import { insertDeliveries } from "./store.ts";
import { sealedIn } from "./webhooks/kept.ts";
import { keptHeaders, readDelivery, senderOf } from "./webhooks/senders.ts";

export const drainJob = "alerts.drain";
/** There is one drain: a storm of posts rings it once. */
export const drainRef = "all";

/** What may wait in memory for its commit; past it the sender is asked to come back. */
const waitingPostsMax = 5_000;
const waitingBytesMax = 64_000_000;
/** Problems named in an answer and kept with a body. */
const problemsMax = 20;

interface Post {
  request: HookRequest;
  headers: Readonly<Record<string, string>>;
  read: ReadDelivery;
}

/** Whether a delivery has anything the drain must do; else its body is kept for people alone. */
export const hasWork = (read: ReadDelivery): boolean =>
  read.alerts.length > 0 || read.events.length > 0 || read.followUp !== undefined;

/**
 * Takes posts. Answers 200 with what was taken, 400 when nothing could be read (200 where an error would make the
 * sender give up on the hook), 503 when it cannot be kept. A delivery id that came before is answered the same and
 * kept once.
 */
export function createIntake(
  platform: Platform,
  sourceOf: (name: string) => HookSource,
): (request: HookRequest) => Promise<HookAnswer> {
  const { database, log, box } = platform;
  let waitingBytes = 0;

  const commit = async (posts: readonly Post[]): Promise<readonly undefined[]> =>
    database.tx(async (tx) => {
      const isNew = await insertDeliveries(
        tx.trx,
        posts.map(({ request, headers, read }) => ({
          source: request.source,
          team: request.team,
          received_at: request.receivedAt,
          body: senderOf(sourceOf(request.source).kind)?.kept?.(request.body, seal) ?? request.body,
          headers: JSON.stringify(headers),
          delivery_id: read.deliveryId,
          problems: read.problems.length > 0 ? JSON.stringify(read.problems.slice(0, problemsMax)) : null,
          folded_at: hasWork(read) ? null : tx.now,
        })),
      );
      const fresh = posts.filter((_post, index) => isNew[index]);
      const bad = fresh.filter(({ read }) => read.problems.length > 0);
      if (bad.length > 0)
        await noteProblems(
          tx,
          platform,
          bad.map(({ request, read }) => ({
            source: request.source,
            at: request.receivedAt,
            problems: read.problems,
            takenCount: read.alerts.length + read.events.length,
          })),
        );
      if (fresh.some(({ read }) => hasWork(read))) tx.ring({ job: drainJob, ref: drainRef, lane: "bulk" });
      return posts.map(() => undefined);
    });
  const seal = (id: string, text: string): string => sealedIn(box, id, text);
  const group = new GroupCommit<Post, undefined>(commit, { itemsMax: 200, groupsAtOnce: 2 });

  return async (request) => {
    if (group.pending >= waitingPostsMax || waitingBytes + request.body.length > waitingBytesMax)
      return busy("too much waits to be kept");
    const source = sourceOf(request.source);
    const headers = keptHeaders(source, request.headers);
    const read = readDelivery({ body: request.body, headers, source, receivedAt: request.receivedAt });
    waitingBytes += request.body.length;
    try {
      await group.add({ request, headers, read });
    } catch (error) {
      log.error(
        { err: error, source: request.source },
        "a webhook's body could not be kept; the sender was asked to send it again",
      );
      return busy("it cannot be kept now");
    } finally {
      waitingBytes -= request.body.length;
    }
    const why = senderOf(source.kind)?.closed?.(request.body);
    if (why !== undefined) return { status: 403, body: { error: "closed", message: why } };
    return answerOf(read, senderOf(source.kind)?.unreadableStatus ?? 400);
  };
}

function answerOf(read: ReadDelivery, unreadableStatus: number): HookAnswer {
  const problems = read.problems.slice(0, problemsMax);
  if (problems.length > 0 && !hasWork(read))
    return {
      status: unreadableStatus,
      body: { error: "unreadable", message: messageOf(problems), problems },
    };
  return {
    status: 200,
    body: {
      ok: true,
      taken: read.alerts.length,
      ...(read.events.length > 0 ? { events: read.events.length } : {}),
      ...(problems.length > 0 ? { problems } : {}),
    },
  };
}

const busy = (why: string): HookAnswer => ({
  status: 503,
  body: { error: "not_kept", message: `Nothing was taken: ${why}. Send it again.` },
});

export const messageOf = (problems: readonly Unreadable[]): string =>
  problems.map(({ field, why }) => `${field} ${why}`).join("; ");
