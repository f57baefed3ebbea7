/** Starting a rollout: everything outside is read first, then one transaction decides. */
import * as lookup from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Reply } from "../../platform/feature.ts";
import { channelLink, codeBlock, escapeText, section } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import type { TrafficSnapshot } from "../../providers/traffic/contract.ts";
import type { Budget, BudgetPolicy } from "../slos/index.ts";
import { toldOf } from "./compare.ts";
import { claimTraffic, type Holder, holderOf } from "./holders.ts";
import { readManaged } from "./managed.ts";
import { canBeWarmed, careOf, changeIsNamed, usersAreWell } from "./may-start.ts";
import type { Rollout } from "./model.ts";
import { type PlanFacts, type PlanOptions, planRollout, type RolloutPlan } from "./plan.ts";
import { planText, slowText } from "./plan-text.ts";
import { endQueued } from "./queue-store.ts";
import { decide, jobs, type Room, whoOf } from "./room.ts";
import { lagMsOf } from "./sampling.ts";
import { withSlowBounds } from "./slow-bound.ts";
import { insertRollout } from "./store.ts";
import { type Surroundings, surroundingsOf } from "./surroundings.ts";
import { type Aim, aimOf } from "./target.ts";
import { reversalText } from "./thread.ts";
import { todaysRate } from "./todays-traffic.ts";
import { fromVersion, readWayBack, readWeights } from "./traffic-before.ts";
import { clockText, nameOf, weightText } from "./words.ts";

export interface StartRequest {
  service: string;
  environment: string;
  version: string;
  change?: string | undefined;
  options: PlanOptions;
  isDryRun: boolean;
}

interface Ready {
  aim: Aim;
  plan: RolloutPlan;
  deadlineMs: number;
  wayBack: TrafficSnapshot;
  surroundings: Surroundings;
  from: string;
  budget: Budget;
  policy: BudgetPolicy;
}

export const oneAtATime = "one-at-a-time";

export async function startRollout(
  room: Room,
  actor: Actor,
  request: StartRequest,
  inboxId: string | undefined,
  /** The id it was queued under, once its turn has come. */
  queuedId?: Rollout["id"],
): Promise<Decision<Reply>> {
  const { platform } = room;
  const allowed = await platform.authz.authorise(actor, "responder", { service: request.service });
  if (!allowed.ok) return allowed;
  const ready = await prepare(room, actor, request);
  if (!ready.ok) return ready;
  if (request.isDryRun) return allow(dryRun(room, request, ready.value));

  return decide(platform, inboxId, async (tx) => {
    const { service, environment } = request;
    const free = await room.freezes.passes(tx.trx, { service, environment, at: tx.now }, actor);
    if (!free.ok) return free;
    const id = queuedId ?? (await nextPublicId(tx.trx, "rollout"));
    if (queuedId !== undefined && !(await endQueued(tx, queuedId, "started"))) return takenOut(queuedId);
    const claimed = await claimTraffic(
      tx,
      { service, environment },
      { holder: id, what: "rollout", by: whoOf(actor) },
    );
    if (!claimed.ok) return inTheWay(room, actor, service, claimed.holder);
    await room.deploys.seed(tx, { service, environment });
    // What the traffic says runs, wherever it came from, is a version to go back to.
    await room.deploys.seed(tx, { service, environment }, ready.value.from);
    const rollout = newRollout(room, tx, actor, request, ready.value, id);
    await insertRollout(tx.trx, rollout);
    tx.audit({
      actor,
      action: "rollout.started",
      subject: id,
      service,
      after: "starting",
      correlation: id,
      detail: {
        from: rollout.from,
        to: rollout.to,
        change: request.change,
        steps: weightsOf(rollout.plan),
        ...(ready.value.policy.level === "ship" ? {} : { errorBudget: ready.value.policy.words }),
        ...(free.value.frozen ? { past: free.value.freezes, overriddenBy: free.value.overriddenBy } : {}),
        deadline: rollout.deadlineAt.toISOString(),
      },
    });
    const { from, to } = rollout;
    await room.markers.mark(tx, {
      service,
      environment,
      kind: "started",
      version: to,
      from,
      thing: id,
      at: tx.now,
    });
    tx.emit("rollouts.started", id);
    await room.tell(tx, rollout);
    room.tellPlan(tx, rollout, ready.value.budget);
    room.tellWayBack(tx, rollout);
    tx.ring({ job: jobs.step, ref: id, lane: "normal" });
    return allow({
      text: `${id}: ${escapeText(service)} ${escapeText(rollout.from)} → ${escapeText(rollout.to)} starts at ${weightText(rollout.plan.steps[0]?.weightPercent ?? 0)} %. Its card is in ${channelLink(rollout.channel)}.${carefulText(rollout.plan)}${slowText(
        rollout.plan,
        ready.value.deadlineMs,
        deadlineMaxOf(room),
      )
        .map((line) => ` ${line}`)
        .join("")}`,
    });
  });
}

function newRollout(
  { platform }: Room,
  tx: Tx,
  actor: Actor,
  request: StartRequest,
  { plan, deadlineMs, wayBack, surroundings, from }: Ready,
  id: Rollout["id"],
): Rollout {
  const { service, environment } = request;
  const catalog = platform.catalogs.current();
  const channel = lookup.slackIdOf(lookup.channelFor(catalog, service), platform.slackTeam());
  if (channel === undefined)
    throw new Error(
      `channel ${lookup.channelFor(catalog, service).name} has no id for ${platform.slackTeam()} in the catalog`,
    );
  return {
    id,
    service,
    environment,
    from,
    to: request.version,
    startedBy: whoOf(actor),
    startedAt: tx.now,
    deadlineAt: new Date(tx.now.getTime() + deadlineMs),
    channel,
    change: request.change,
    plan,
    wayBack,
    surroundings,
    state: { is: "starting" },
    seq: 1,
    decided: { seq: 1, by: whoOf(actor), atMs: tx.now.getTime(), what: "started", channel },
    marks: [],
  };
}

async function prepare(room: Room, actor: Actor, request: StartRequest): Promise<Decision<Ready>> {
  const { platform, slos } = room;
  const { service, environment, version, options } = request;
  const catalog = platform.catalogs.current();
  const found = aimOf(platform, room.traffic, service, environment);
  if (!found.ok) return found;
  const aim = found.value;
  if (!aim.knows(version))
    return refuse({
      rule: "known-version",
      message: `${service} has no version ${version} that can take traffic.`,
      hint: `Known: ${aim.versions.join(", ")}. Versions are declared under traffic of ${service} in the catalog.`,
    });
  const named = changeIsNamed(room, request);
  if (!named.ok) return named;
  const migration = await room.deploys.migrationOf(service, version);
  const planWith = (facts: Pick<PlanFacts, "care" | "weights" | "ratePerSec">) =>
    planRollout(catalog, service, {
      ...options,
      catalogDigest: platform.catalogs.digest(),
      lagMs: lagMsOf(catalog, room.signals, service),
      migration,
      isStartedByShare: aim.engine.startsVersions,
      ...facts,
    });
  // What was typed wrong is said before anything outside is asked.
  const typed = planWith({});
  if (!typed.ok) return typed;
  const warmed = canBeWarmed(aim, request, typed.value.plan.warmUp);
  if (!warmed.ok) return warmed;
  const free = await room.freezes.passes(
    platform.database.db,
    { service, environment, at: platform.clock.now() },
    actor,
  );
  if (!free.ok) return free;
  const holder = await holderOf(platform.database.db, { service, environment });
  if (holder) return inTheWay(room, actor, service, holder);
  const now = platform.clock.now();
  const [state, budget, policy] = await Promise.all([
    readWayBack(room, aim, request.isDryRun),
    slos.budgetOf(service, now),
    slos.policyOf(service, now),
  ]);
  if (!state.ok) return state;
  const from = fromVersion(request, state.value);
  if (!from.ok) return from;
  const well = usersAreWell(request, budget);
  if (!well.ok) return well;
  const care = await careOf(room, actor, policy);
  if (!care.ok) return care;
  const [weights, managed, ratePerSec] = await Promise.all([
    readWeights(aim),
    readManaged(room, aim),
    todaysRate(room, service, from.value, typed.value.plan),
  ]);
  if (!weights.ok) return weights;
  const planned = planWith({ care: care.value, weights: weights.value, ratePerSec });
  if (!planned.ok) return planned;
  const plan = await withSlowBounds(room, service, from.value, { ...planned.value.plan, managed });
  const surroundings = surroundingsOf(await toldOf(room.deploys, { service, environment }, now), now);
  return allow({
    aim,
    ...planned.value,
    plan,
    wayBack: state.value,
    surroundings,
    from: from.value,
    budget,
    policy,
  });
}

const takenOut = (id: string): Decision<never> =>
  refuse({ rule: "queued-rollout", message: `${id} was taken out of the queue.`, hint: "" });

export function inTheWay(
  { platform }: Room,
  reader: Actor,
  service: string,
  { holder, what, by, since }: Holder,
): Decision<never> {
  const catalog = platform.catalogs.current();
  return refuse({
    rule: oneAtATime,
    message: `${service} is already being moved: ${what} ${holder}, started by ${nameOf(catalog, by)} at ${clockText(catalog, reader, since)}.`,
    hint:
      what === "rollout" ? `Wait for it, or end it: rollout revert ${holder}.` : "Wait until it has ended.",
  });
}

const carefulText = ({ careful }: RolloutPlan): string =>
  careful === undefined ? "" : ` Careful: ${escapeText(careful, 300)}.`;

const weightsOf = (plan: RolloutPlan): string =>
  plan.steps.map(({ weightPercent }) => weightText(weightPercent)).join(",");

const deadlineMaxOf = ({ platform }: Room): number =>
  platform.catalogs.current().policies.rollout.deadlineMax;

function dryRun(room: Room, request: StartRequest, ready: Ready): Reply {
  const { aim, from, wayBack, budget, plan, deadlineMs } = ready;
  const lines = [
    `*Dry run: nothing was done.* ${escapeText(request.service)} ${escapeText(from)} → ${escapeText(request.version)}`,
    ...planText({ plan, deadlineMs, deadlineMax: deadlineMaxOf(room), from, budget }),
    `The way back: ${escapeText(from)} at 100 %. By hand:`,
    codeBlock(aim.engine.manualRevert(aim.target, wayBack)),
    ...(plan.migration ? [reversalText(plan.migration)] : []),
  ];
  const text = lines.join("\n");
  return { text, blocks: [section(text)] };
}
