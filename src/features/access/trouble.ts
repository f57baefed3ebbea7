/** A provider call that failed: kept where people see it, paged about when an end fails for too long, tried again. */
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import { backoffMs, type Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import { byHandText } from "./cards.ts";
import { type Grant, type GrantId, pageAfterMs, type Trouble } from "./model.ts";
import { change, pageKeyOf, type Room } from "./room.ts";
import { readGrant } from "./store.ts";
import { teamOf } from "./terms.ts";
import { requesterName, spanText } from "./words.ts";

/** Longest wait between two tries, at first and later; somebody's right is open while we wait. */
const againMaxMs = { atFirst: 5_000, later: 15_000 };
const atFirstMs = 120_000;

/** Shown for what is no provider's answer: its own words are for the log alone. */
const unexpected = {
  code: "unexpected",
  message: "Something went wrong that was not foreseen",
  hint: "The worker's log has it",
};

/** Keeps what went wrong where people see it, pages once an end fails for too long, and tries again for ever. */
export async function again(room: Room, id: GrantId, error: unknown): Promise<Rerun> {
  const { platform } = room;
  const { code, message, hint } = error instanceof ProviderError ? error : unexpected;
  platform.log.warn({ grant: id, code, err: error }, "a provider call for a grant failed; it is tried again");
  await platform.database.tx(async (tx) => {
    const locked = await readGrant(tx.trx, id, { lock: true });
    if (locked?.state.is !== "granting" && locked?.state.is !== "revoking") return;
    const { state } = locked;
    const trouble: Trouble = {
      since: state.trouble?.since ?? tx.now,
      count: (state.trouble?.count ?? 0) + 1,
      code,
      message,
      hint,
    };
    const failedMs = tx.now.getTime() - trouble.since.getTime();
    const waitMaxMs = failedMs < atFirstMs ? againMaxMs.atFirst : againMaxMs.later;
    const isPaged = state.is === "revoking" && (state.isPaged || failedMs >= pageAfterMs);
    await change(
      room,
      tx,
      locked,
      { ...locked, state: state.is === "revoking" ? { ...state, trouble, isPaged } : { ...state, trouble } },
      {
        actor: systemActor,
        action: `access.${state.is}-failed`,
        detail: { code, count: trouble.count },
        tryAt: new Date(tx.now.getTime() + Math.min(waitMaxMs, backoffMs(trouble.count, platform.random))),
      },
    );
    if (isPaged) await pageFor(room, tx, locked, trouble);
  });
  return undefined;
}

async function pageFor(
  { platform, paging }: Room,
  tx: Parameters<Room["paging"]["page"]>[0],
  grant: Grant,
  trouble: Trouble,
): Promise<void> {
  const who = requesterName(platform.catalogs.current(), grant);
  const span = spanText(tx.now.getTime() - trouble.since.getTime());
  await paging.page(tx, {
    team: teamOf(grant),
    service: grant.service ?? undefined,
    headline: `PAGE ${escapeText(grant.resource)}: ${grant.id} of ${escapeText(who)} cannot be ended for ${span}: ${escapeText(trouble.message, 200)}. ${byHandText(grant)}`,
    dedupKey: pageKeyOf(grant),
    subject: grant.id,
    verbs: [{ label: "Why", line: `why ${grant.id}` }],
    actor: systemActor,
  });
}
