/** Starting a rollout: everything outside is read first, then one transaction decides. */
import * as lookup from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Reply } from "../../platform/feature.ts";
import { channelLink, escapeText, section } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { TrafficSnapshot } from "../../providers/traffic/contract.ts";
import type { Budget, BudgetPolicy } from "../slos/index.ts";
import { reversalText } from "./cards.ts";
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
import { type Aim, aimOf, trafficDeadlineMs } from "./target.ts";
import { todaysRate } from "./todays-traffic.ts";
import { clockText, codeBlock, nameOf, weightText } from "./words.ts";

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

/** The state to come back to. A service the engine does not know yet gets its first version before anything else. */
async function readWayBack(room: Room, aim: Aim, isDryRun: boolean): Promise<Decision<TrafficSnapshot>> {
  const { engine, target, initialVersion } = aim;
  const within = { deadlineMs: trafficDeadlineMs };
  try {
    const { versions } = await engine.describe(target, within);
    if (versions.length > 0) return allow(await engine.snapshot(target, within));
    const { service, environment } = target;
    if (initialVersion === undefined)
      return refuse({
        rule: "way-back-known",
        message: `${aim.engine.engine} knows no version of ${target.service} yet, so there would be no way back. Nothing was started.`,
        hint: `Deploy a first version, or name initialVersion under traffic of ${target.service} in the catalog.`,
      });
    if (isDryRun)
      return allow({
        engine: engine.engine,
        service,
        environment,
        versions: [{ version: initialVersion, weightPercent: 100, address: aim.addressOf(initialVersion) }],
        fields: {},
      });
    await ensureRouted(room, aim);
    return allow(await engine.snapshot(target, within));
  } catch (error) {
    return unreadable(target.service, error);
  }
}

/** Shares the version can be given; null: any. */
async function readWeights({ engine, target }: Aim): Promise<Decision<readonly number[] | null>> {
  try {
    return allow(await engine.weights(target, { deadlineMs: trafficDeadlineMs }));
  } catch (error) {
    return unreadable(target.service, error);
  }
}

function unreadable(service: string, error: unknown): Decision<never> {
  if (!(error instanceof ProviderError)) throw error;
  return refuse({
    rule: "way-back-known",
    message: `The traffic of ${service} cannot be read (${error.message}), so there would be no way back. Nothing was started.`,
    hint: error.hint,
  });
}

/** Gives a service its version when the engine knows none: the recorded one, else the catalog's first. */
export async function ensureRouted(room: Room, aim: Aim): Promise<void> {
  const { engine, target, initialVersion } = aim;
  const { service, environment } = target;
  const within = { deadlineMs: trafficDeadlineMs };
  if ((await engine.describe(target, within)).versions.length > 0) return;
  const recorded = (await room.deploys.current(service, environment))?.version;
  const version = recorded !== undefined && aim.knows(recorded) ? recorded : initialVersion;
  // Such an engine knows what runs by itself; what it does not know, nobody may choose for it.
  if (version === undefined) return;
  await engine.promote(target, version, `first:${service}:${version}`, within);
}

function fromVersion(
  { service, environment, version: to }: StartRequest,
  { versions }: TrafficSnapshot,
): Decision<string> {
  const taking = versions.filter(({ weightPercent }) => weightPercent > 0);
  const [only] = taking;
  if (taking.length === 1 && only?.version === to)
    return refuse({
      rule: "another-version",
      message: `${to} already has all traffic of ${service}.`,
      hint: "",
    });
  if (taking.length !== 1 || !only)
    return refuse({
      rule: "one-version-before",
      message: `The traffic of ${service} is split outside any rollout: ${taking.map(({ version, weightPercent }) => `${version} ${weightPercent} %`).join(", ")}.`,
      hint: `Bring it to one version first: rollback ${service}@${environment}.`,
    });
  return allow(only.version);
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
