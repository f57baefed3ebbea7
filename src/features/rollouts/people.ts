/** What people ask of a rollout in flight: found, authorised, decided under the lock, told to both sides. */
import type { TimeSpan } from "../../platform/commands/spec.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Place, Reply } from "../../platform/feature.ts";
import { codeBlock, dateToken } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { stuckWords } from "./headline.ts";
import type { Place as TrafficPlace } from "./holders.ts";
import { type Decided, type Failing, type Rollout, type RolloutState, wantedPercent } from "./model.ts";
import {
  type Press,
  pressExtend,
  pressPause,
  pressPromote,
  pressResume,
  pressRevert,
  standing,
  undonePress,
  undoneText,
} from "./press.ts";
import { decide, jobs, type Room, whoOf } from "./room.ts";
import { findRollout, inFlight, listRollouts, lockRollout } from "./store.ts";
import { clockText, weightText } from "./words.ts";

export interface Ask {
  readonly actor: Actor;
  readonly inboxId: string | undefined;
  readonly place: Pick<Place, "channel" | "messageTs">;
  /** An id, or the service whose rollout in flight is meant. */
  readonly target: { id: string } | TrafficPlace;
  readonly seen?: number | undefined;
  readonly reason?: string | undefined;
  readonly isDryRun: boolean;
}

export type Verb = { is: "pause" } | { is: "resume" } | { is: "promote"; isFull: boolean } | { is: "revert" };

const whats: Record<Verb["is"], Decided["what"]> = {
  pause: "paused",
  resume: "resumed",
  promote: "promoted",
  revert: "reverted",
};

export async function askOf(room: Room, ask: Ask, verb: Verb): Promise<Decision<Reply>> {
  const found = await findAsked(room, ask, verb.is);
  if (!found.ok) return found;
  if (ask.isDryRun) return foresee(room, found.value, ask, verb);
  if (verb.is === "revert" && found.value.state.is === "reverting" && found.value.failing)
    return allow({ text: stuckReply(room, found.value, found.value.failing) });
  return decide(room.platform, ask.inboxId, async (tx) => {
    const locked = await lockRollout(tx.trx, found.value.id);
    if (!locked) return gone(found.value.id);
    const press = pressOf(ask, tx.now);
    const pressed = nextOf(room, locked, press, verb);
    if (!pressed.ok) return pressed;
    await carryOut(room, tx, locked, press, ask, verb, pressed.value);
    const reply = replyTo(ask, `${locked.id} ${standing({ ...locked, state: pressed.value })}.`);
    return allow(verb.is === "revert" ? withByHand(room, locked, ask, reply) : reply);
  });
}

function nextOf({ platform }: Room, rollout: Rollout, press: Press, verb: Verb): Decision<RolloutState> {
  const catalog = platform.catalogs.current();
  switch (verb.is) {
    case "pause":
      return pressPause(catalog, rollout, press);
    case "resume":
      return pressResume(catalog, rollout, press);
    case "promote":
      return pressPromote(catalog, rollout, press, verb.isFull);
    case "revert":
      return pressRevert(catalog, rollout, press);
  }
}

async function carryOut(
  room: Room,
  tx: Tx,
  locked: Rollout,
  press: Press,
  ask: Ask,
  verb: Verb,
  state: RolloutState,
): Promise<void> {
  const what = whats[verb.is];
  const decided: Decided = {
    seq: locked.seq + 1,
    by: press.by,
    atMs: tx.now.getTime(),
    what,
    channel: ask.place.channel || locked.channel,
  };
  // A press starts the trying anew: what failed before was another effect.
  const verdict = state.is === "step" ? undefined : locked.verdict;
  await room.change(
    tx,
    locked,
    { state, decided, failing: undefined, verdict },
    { actor: ask.actor, action: `rollout.${what === "reverted" ? "reverting" : what}`, reason: ask.reason },
  );
  if (verb.is !== "revert") return tx.ring({ job: jobs.step, ref: locked.id, lane: "normal" });
  tx.ring({ job: jobs.revert, ref: locked.id, lane: "urgent" });
  const undone = undonePress(locked, press);
  if (undone)
    tx.say({
      key: `rollout:${locked.id}:undone:${undone.seq}`,
      channel: undone.channel,
      onlyFor: undone.by.person,
      urgent: true,
      text: undoneText(room.platform.catalogs.current(), locked, undone, press.by, undone.by, tx.now),
    });
}

export async function extendRollout(room: Room, ask: Ask, span: TimeSpan): Promise<Decision<Reply>> {
  const found = await findAsked(room, ask, "extend");
  if (!found.ok) return found;
  const catalog = room.platform.catalogs.current();
  return decide(room.platform, ask.isDryRun ? undefined : ask.inboxId, async (tx) => {
    const locked = await lockRollout(tx.trx, found.value.id);
    if (!locked) return gone(found.value.id);
    const press = pressOf(ask, tx.now);
    const extended = pressExtend(catalog, locked, press, span);
    if (!extended.ok) return extended;
    const until = clockText(catalog, press.by, extended.value);
    if (ask.isDryRun)
      return allow({ text: `Dry run: ${locked.id} would have until ${until}. Nothing was done.` });
    const decided: Decided = {
      seq: locked.seq,
      by: press.by,
      atMs: tx.now.getTime(),
      what: "extended",
      channel: ask.place.channel || locked.channel,
    };
    await room.change(
      tx,
      locked,
      { deadlineAt: extended.value, decided },
      {
        actor: ask.actor,
        action: "rollout.extended",
        reason: ask.reason,
        detail: { from: locked.deadlineAt.toISOString(), to: extended.value.toISOString() },
      },
    );
    tx.ring({ job: jobs.step, ref: locked.id, lane: "normal" });
    return allow(replyTo(ask, `${locked.id} has until ${until}.`));
  });
}

const pressOf = ({ actor, seen, reason }: Ask, now: Date): Press => ({ by: whoOf(actor), now, seen, reason });

/** Whoever pressed a button of the card sees the card; whoever typed reads an answer. */
const replyTo = ({ place }: Ask, text: string): Reply => ({ text, silent: place.messageTs !== undefined });

/** A terminal has no card and no thread: it reads at once how to go on without Quarterdeck. */
function withByHand(room: Room, rollout: Rollout, { actor }: Ask, reply: Reply): Reply {
  const byHand = actor.door === "terminal" ? room.byHand(rollout) : [];
  if (byHand.length === 0) return reply;
  return { ...reply, text: `${reply.text}\nShould it not come through, by hand:\n${codeBlock(byHand)}` };
}

/** Asked again while its engine is away: it is on its way already, and this is what to do meanwhile. */
function stuckReply(room: Room, rollout: Rollout, failing: Failing): string {
  const { attempts, sinceMs, isPaged } = failing;
  const since = dateToken(new Date(sinceMs));
  const byHand = room.byHand(rollout);
  return [
    `${rollout.id} ${standing(rollout)}; ${stuckWords(failing)}. Tried ${attempts} times since ${since}; I keep trying.${isPaged ? " On call was paged." : ""}`,
    ...(byHand.length === 0 ? [] : ["By hand:", codeBlock(byHand)]),
  ].join("\n");
}

async function findAsked(
  room: Room,
  { target, actor }: Ask,
  verb: Verb["is"] | "extend",
): Promise<Decision<Rollout>> {
  const { database, authz } = room.platform;
  const rollout =
    "id" in target ? await findRollout(database.db, target.id) : await inFlight(database.db, target);
  if (!rollout) return "id" in target ? gone(target.id) : noneInFlight(room, target);
  // Taking traffic back is anybody's who answers for any service; the rest is the owning team's.
  const scope = verb === "revert" ? undefined : { service: rollout.service };
  const allowed = await authz.authorise(actor, "responder", scope);
  return allowed.ok ? allow(rollout) : allowed;
}

const gone = (id: string): Decision<never> =>
  refuse({
    rule: "known-rollout",
    message: `There is no rollout ${id}.`,
    hint: "rollout list shows what is in flight, rollout history what was.",
  });

async function noneInFlight(
  { platform }: Room,
  { service, environment }: TrafficPlace,
): Promise<Decision<never>> {
  const [last] = await listRollouts(platform.database.db, { service, environment, limit: 1 });
  return refuse({
    rule: "rollout-in-flight",
    message: `No rollout of ${service} in ${environment} is in flight.${last ? ` The last, ${last.id}, ${standing(last)}.` : ""}`,
    hint: `To go back from here: rollback ${service}@${environment}.`,
  });
}

function foresee(room: Room, rollout: Rollout, ask: Ask, verb: Verb): Decision<Reply> {
  const pressed = nextOf(room, rollout, pressOf(ask, room.platform.clock.now()), verb);
  if (!pressed.ok) return pressed;
  const after = { ...rollout, state: pressed.value };
  return allow({
    text: `Dry run: ${rollout.id} ${standing(rollout)}; then it ${standing(after)}, ${rollout.to} at ${weightText(wantedPercent(after))} %. Nothing was done.`,
  });
}
