/** What a hook does with a body: read it, keep it with its ring, answer once both are committed. */
import type { HookAnswer, HookRequest } from "../../platform/feature.ts";
import { GroupCommit } from "../../platform/group.ts";
import type { Platform } from "../../platform/platform.ts";
import type { ReadDelivery, Unreadable } from "./model.ts";
import { noteProblems } from "./problems.ts";
import { alertTables } from "./store.ts";

export const drainJob = "alerts.drain";
/** There is one drain: a storm of posts rings it once. */
export const drainRef = "all";

/** What may wait in memory for its commit; past it the sender is asked to come back. */
const waitingPostsMax = 5_000;
const waitingBytesMax = 64_000_000;

interface Post {
  request: HookRequest;
  read: ReadDelivery;
}

export type Reader = (body: Buffer) => ReadDelivery;

/** Takes posts of one format. Answers 200 with what was taken, 400 when nothing could be read, 503 when it cannot be kept. */
export function createIntake(
  platform: Platform,
  reader: Reader,
): (request: HookRequest) => Promise<HookAnswer> {
  const { database, log } = platform;
  let waitingBytes = 0;

  const commit = async (posts: readonly Post[]): Promise<readonly undefined[]> =>
    database.tx(async (tx) => {
      await alertTables(tx.trx)
        .insertInto("alert_deliveries")
        .values(
          posts.map(({ request, read }) => ({
            source: request.source,
            team: request.team,
            received_at: request.receivedAt,
            body: request.body,
            problems: read.problems.length > 0 ? JSON.stringify(read.problems.slice(0, 20)) : null,
            // A body with nothing to fold is kept for people alone.
            folded_at: read.alerts.length > 0 ? null : tx.now,
          })),
        )
        .execute();
      const bad = posts.filter(({ read }) => read.problems.length > 0);
      if (bad.length > 0)
        await noteProblems(
          tx,
          platform,
          bad.map(({ request, read }) => ({
            source: request.source,
            at: request.receivedAt,
            problems: read.problems,
            takenCount: read.alerts.length,
          })),
        );
      if (posts.some(({ read }) => read.alerts.length > 0))
        tx.ring({ job: drainJob, ref: drainRef, lane: "bulk" });
      return posts.map(() => undefined);
    });
  const group = new GroupCommit<Post, undefined>(commit, { itemsMax: 200, groupsAtOnce: 2 });

  return async (request) => {
    if (group.pending >= waitingPostsMax || waitingBytes + request.body.length > waitingBytesMax)
      return busy("too much waits to be kept");
    const read = reader(request.body);
    if (read.alerts.length === 0 && read.problems.length === 0)
      return { status: 200, body: { ok: true, taken: 0 } };
    waitingBytes += request.body.length;
    try {
      await group.add({ request, read });
    } catch (error) {
      log.error(
        { err: error, source: request.source },
        "a webhook's body could not be kept; the sender was asked to send it again",
      );
      return busy("it cannot be kept now");
    } finally {
      waitingBytes -= request.body.length;
    }
    const problems = read.problems.slice(0, 20);
    if (read.alerts.length === 0)
      return { status: 400, body: { error: "unreadable", message: messageOf(problems), problems } };
    return {
      status: 200,
      body: { ok: true, taken: read.alerts.length, ...(problems.length > 0 ? { problems } : {}) },
    };
  };
}

const busy = (why: string): HookAnswer => ({
  status: 503,
  body: { error: "not_kept", message: `Nothing was taken: ${why}. Send it again.` },
});

const messageOf = (problems: readonly Unreadable[]): string =>
  problems.map(({ field, why }) => (field === "" ? why : `${field} ${why}`)).join("; ");
