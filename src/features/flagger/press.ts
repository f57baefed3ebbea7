/** What people decide about a Flagger canary: a gate opened for a while, closed again, or all of it rolled back. */
import type { TimeSpan } from "../../platform/commands/spec.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Place, Reply } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { clockText, decide, nameOf, whoOf } from "../rollouts/index.ts";
import { standingOf } from "./look.ts";
import { type Gate, heldBy, type Opened, openMs, type Run, waitingGate } from "./model.ts";
import type { Room } from "./room.ts";
import { findRun, listRuns, lockRun } from "./store.ts";

export interface Ask {
  readonly actor: Actor;
  readonly inboxId: string;
  readonly place: Pick<Place, "messageTs">;
  readonly target: { id: string } | { service: string; environment: string };
  readonly reason?: string | undefined;
  /** `seq` of the card that was pressed. */
  readonly seen?: number | undefined;
  readonly isDryRun: boolean;
}

const runsShown = 5;

/** The canary meant: by id, or the one of a service that is going. */
async function findAsked({ platform }: Room, { target }: Ask): Promise<Decision<Run>> {
  const { db } = platform.database;
  const unknown = (message: string): Decision<never> =>
    refuse({ rule: "known-canary", message, hint: "flagger list shows the canaries that are going." });
  if ("id" in target) {
    const run = await findRun(db, target.id);
    return run ? allow(run) : unknown(`${target.id} is no Flagger canary.`);
  }
  const going = await listRuns(db, { service: target.service, isGoing: true, limit: runsShown });
  const here = going.filter(({ environment }) => environment === target.environment);
  const [only] = here;
  if (!only) return unknown(`No Flagger canary of ${target.service} is going in ${target.environment}.`);
  if (here.length === 1) return allow(only);
  return refuse({
    rule: "one-canary-meant",
    message: `${target.service} has ${here.length} canaries going: ${here.map(({ id, namespace, name }) => `${id} ${namespace}/${name}`).join(", ")}.`,
    hint: `Name it: flagger open ${only.id}.`,
  });
}

const over = ({ id, ending, endedAt }: Run): Decision<never> | undefined =>
  endedAt &&
  refuse({
    rule: "canary-going",
    message: `Changed since you looked: ${id} is over: ${ending}. Nothing done.`,
    hint: "flagger list shows the canaries that are going.",
  });

export async function openGate(
  room: Room,
  ask: Ask,
  gateNamed: Gate | undefined,
  span: TimeSpan | undefined,
): Promise<Decision<Reply>> {
  const found = await findAsked(room, ask);
  if (!found.ok) return found;
  const { authz, catalogs, clock, platform } = { ...room.platform, platform: room.platform };
  const { service } = found.value;
  const allowed = await authz.authorise(ask.actor, "responder", { service });
  if (!allowed.ok) return allowed;
  const isLead = (await authz.authorise(ask.actor, "lead", { service }, { isFresh: true })).ok;
  const standing = await standingOf(room, found.value, clock.now());
  return decide(platform, ask.isDryRun ? undefined : ask.inboxId, async (tx) => {
    const run = await lockRun(tx.trx, found.value.id);
    if (!run) return refuse({ rule: "known-canary", message: `${found.value.id} is gone.`, hint: "" });
    const gone = over(run) ?? rollingBack(room, run, ask) ?? overtaken(run, ask);
    if (gone) return gone;
    const gate = gateNamed ?? waitingGate(run, tx.now);
    if (!gate)
      return refuse({
        rule: "gate-waiting",
        message: `${run.id} waits at no gate now.`,
        hint: `Open one ahead: flagger open ${run.id} --gate confirm-promotion.`,
      });
    const lasts = spanOf(span, tx.now);
    if (!lasts.ok) return lasts;
    const held = heldBy({ ...standing, users: "well" }, isLead, gate, tx.now);
    if (held !== undefined)
      return refuse({
        rule: standing.freeze === held ? "freeze" : `error-budget-${standing.level}`,
        message: `${held}.`,
        hint: standing.freeze === held ? "freeze list shows it." : `slo ${service} shows what spent it.`,
        whoCould: authz.whoCould("lead", { service }, ask.actor.team),
      });
    const until = clockText(catalogs.current(), ask.actor, lasts.value);
    const wait = standing.users === "hurting" ? " It stays held while users are hurting." : "";
    if (ask.isDryRun)
      return allow({ text: `Dry run: ${gate} of ${run.id} would be open until ${until}. Nothing was done.` });
    const opened: Opened = {
      by: whoOf(ask.actor),
      atMs: tx.now.getTime(),
      untilMs: lasts.value.getTime(),
      reason: ask.reason,
      isLead,
    };
    await room.change(
      tx,
      run,
      { ...run, standing, opened: { ...run.opened, [gate]: opened }, seq: run.seq + 1 },
      {
        actor: ask.actor,
        action: "flagger.gate-opened",
        reason: ask.reason,
        detail: { gate, until: lasts.value.toISOString(), asLead: isLead, budget: standing.words },
      },
    );
    return allow(reply(ask, `${run.id}: ${gate} is open until ${until}.${wait}`));
  });
}

function spanOf(span: TimeSpan | undefined, now: Date): Decision<Date> {
  const until =
    span === undefined
      ? new Date(now.getTime() + openMs.usual)
      : span.hasFixedEnd
        ? span.until
        : new Date(now.getTime() + span.durationMs);
  if (until.getTime() - now.getTime() <= openMs.most) return allow(until);
  return refuse({
    rule: "open-for-a-while",
    message: `A gate is open for ${formatDuration(openMs.most)} at most.`,
    hint: "Open it for less; it can be opened again.",
  });
}

export async function closeGates(room: Room, ask: Ask): Promise<Decision<Reply>> {
  const found = await findAsked(room, ask);
  if (!found.ok) return found;
  const { service } = found.value;
  const allowed = await room.platform.authz.authorise(ask.actor, "responder", { service });
  if (!allowed.ok) return allowed;
  return decide(room.platform, ask.isDryRun ? undefined : ask.inboxId, async (tx) => {
    const run = await lockRun(tx.trx, found.value.id);
    if (!run) return refuse({ rule: "known-canary", message: `${found.value.id} is gone.`, hint: "" });
    const gone = over(run);
    if (gone) return gone;
    const open = Object.entries(run.opened).filter(([, { untilMs }]) => untilMs > tx.now.getTime());
    const names = open.map(([gate]) => gate).join(", ");
    if (open.length === 0)
      return refuse({
        rule: "gate-open",
        message: `No gate of ${run.id} is open.`,
        hint: `To take its traffic back: flagger rollback ${run.id}.`,
      });
    if (ask.isDryRun)
      return allow({ text: `Dry run: ${names} of ${run.id} would be closed. Nothing was done.` });
    await room.change(
      tx,
      run,
      { ...run, opened: {}, seq: run.seq + 1 },
      { actor: ask.actor, action: "flagger.gates-closed", reason: ask.reason, detail: { gates: names } },
    );
    return allow(reply(ask, `${run.id}: ${names} closed.`));
  });
}

/** Never refused while there is something to take back. Whoever answers for any service may. */
export async function rollBack(room: Room, ask: Ask): Promise<Decision<Reply>> {
  const found = await findAsked(room, ask);
  if (!found.ok) return found;
  const allowed = await room.platform.authz.authorise(ask.actor, "responder", undefined);
  if (!allowed.ok) return allowed;
  return decide(room.platform, ask.isDryRun ? undefined : ask.inboxId, async (tx) => {
    const run = await lockRun(tx.trx, found.value.id);
    if (!run) return refuse({ rule: "known-canary", message: `${found.value.id} is gone.`, hint: "" });
    const gone = over(run) ?? rollingBack(room, run, ask) ?? tooEarly(run, tx.now) ?? tooLate(run);
    if (gone) return gone;
    if (ask.isDryRun)
      return allow({
        text: `Dry run: Flagger would take ${run.id} back at its next check. Nothing was done.`,
      });
    await room.change(
      tx,
      run,
      {
        ...run,
        opened: {},
        rollback: { by: whoOf(ask.actor), atMs: tx.now.getTime(), reason: ask.reason },
        seq: run.seq + 1,
      },
      { actor: ask.actor, action: "flagger.rollback-decided", reason: ask.reason },
    );
    return allow(reply(ask, `${run.id}: Flagger takes it back at its next check.`));
  });
}

function rollingBack({ platform }: Room, { id, rollback }: Run, { actor }: Ask): Decision<never> | undefined {
  if (!rollback) return undefined;
  const catalog = platform.catalogs.current();
  return refuse({
    rule: "bound-to-what-was-shown",
    message: `Changed since you looked: ${nameOf(catalog, rollback.by)} decided to roll ${id} back at ${clockText(catalog, actor, new Date(rollback.atMs))}. Nothing done.`,
    hint: "Flagger takes it back at its next check.",
  });
}

const overtaken = ({ id, seq, phase }: Run, { seen }: Ask): Decision<never> | undefined =>
  seen === undefined || seen === seq
    ? undefined
    : refuse({
        rule: "bound-to-what-was-shown",
        message: `Changed since you looked: ${id} is ${escapeText(phase, 60)}. Nothing done.`,
        hint: "Its card shows how it stands now.",
      });

/** Flagger returns at a closed confirm-rollout before it asks for a rollback: nothing has begun. */
const tooEarly = (run: Run, now: Date): Decision<never> | undefined =>
  waitingGate(run, now) === "confirm-rollout"
    ? refuse({
        rule: "nothing-to-roll-back",
        message: `${run.id} has not begun: confirm-rollout is closed and stays so. It has no traffic.`,
        hint: "Set the image back, and the canary is gone.",
      })
    : undefined;

const tooLate = ({ id, phase, service, namespace, name }: Run): Decision<never> | undefined =>
  /^(promoting|finalising)$/i.test(phase)
    ? refuse({
        rule: "nothing-to-roll-back",
        message: `${id} is ${phase}: ${namespace}/${name} is the new version now, and Flagger asks for no rollback any more.`,
        hint: `rollback ${service} where its traffic is ours, else set the image back.`,
      })
    : undefined;

/** Whoever pressed a button of the card sees the card; whoever typed reads an answer. */
const reply = ({ place }: Ask, text: string): Reply => ({ text, silent: place.messageTs !== undefined });
