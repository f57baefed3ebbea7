/** What a rollback would do: read from the engine and from what was recorded; nothing is changed. */
import { underDeadline } from "../../platform/deadline.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { Parity, TrafficSnapshot } from "../../providers/traffic/contract.ts";
import type { Deploy } from "../deploys/index.ts";
import {
  type Aim,
  changedSince,
  holderOf,
  readManaged,
  type Surroundings,
  surroundingsOf,
  toldOf,
  trafficDeadlineMs,
  turnOf,
} from "../rollouts/index.ts";
import { inTheWay } from "./changed.ts";
import { allTo, mostOf, onlyTo, type Preview, promised } from "./model.ts";
import type { Room } from "./room.ts";
import type { RollbackRequest } from "./service.ts";
import { listRollbacks } from "./store.ts";

const historyMs = 365 * 86_400_000;
/** Longest the SLOs of back then are waited for: they are shown, and decide nothing. */
const usersThenDeadlineMs = 1_500;

type At = Pick<RollbackRequest, "service" | "environment">;

/** Reads where the traffic is and where it would go. An engine that is away holds no rollback up: it is said. */
export async function preview(room: Room, request: RollbackRequest): Promise<Decision<Preview>> {
  const { platform, deploys } = room;
  const { service, environment } = request;
  const place = { service, environment };
  const found = room.aim(place);
  if (!found.ok) return found;
  const aim = found.value;
  await platform.database.tx((tx) => deploys.seed(tx, place));
  const turn = await turnOf(platform.database.db, place);
  const holder = await holderOf(platform.database.db, place);
  if (holder) return inTheWay(room, request.actor, holder);
  const [now, managed, current, good] = await Promise.all([
    snapshotOf(aim),
    readManaged(room, aim),
    deploys.current(service, environment),
    deploys.good(service, environment),
  ]);
  if (!now.ok) return now;
  const from = mostOf(now.value) ?? current?.version ?? aim.initialVersion ?? "nothing";
  const target = await targetOf(room, aim, request, good, from);
  if (!target.ok) return target;
  const to = target.value.version;
  const left = await leftBy(room, place, from, to);
  const recorded = left?.wayBack ?? allTo(now.value.snapshot ?? onlyTo(aim, to), to, aim.addressOf(to));
  const way = left ? "snapshot" : "version";
  const compared = await differencesTo(aim, recorded, now.value.unreadable);
  if (!compared.ok) return compared;
  if (compared.value.equal && from === to && now.value.unreadable === undefined)
    return refuse({
      rule: "another-version",
      message: `${service} is on ${to} already, as recorded.`,
      hint: "",
    });
  const stay = await stayOf(room, place, from, to);
  const beside = await besideSince(room, place, to, stay?.until, left?.surroundings);
  return allow({
    ...place,
    from,
    to,
    recorded,
    way,
    ...beside,
    unreadable: now.value.unreadable,
    managed: managed?.means,
    usersThen: await usersThen(room, service, stay?.until),
    current,
    target: target.value.deploy,
    ranMs: stay && stay.until.getTime() - stay.since.getTime(),
    differences: promised(way, compared.value),
    tookMs: await usualMs(room, service),
    turn,
  });
}

/** The named version, if it was ever recorded; else the last good one. */
async function targetOf(
  { platform, deploys }: Room,
  aim: Aim,
  { service, environment, version }: RollbackRequest,
  good: readonly Deploy[],
  from: string,
): Promise<Decision<{ version: string; deploy?: Deploy | undefined }>> {
  const names = good.map((deploy) => deploy.version).filter((name) => aim.knows(name));
  const known =
    names.length > 0 ? `Recorded as good: ${names.join(", ")}.` : "No version is recorded as good yet.";
  if (version === undefined) {
    const deploy = good.find((one) => one.version !== from && aim.knows(one.version));
    if (deploy) return allow({ version: deploy.version, deploy });
    return refuse({
      rule: "a-good-version",
      message: `No good version of ${service} other than ${from} is recorded.`,
      hint: `Name one: rollback ${service}@${environment} <version>. ${aim.versions.length === 0 ? "Any recorded one can be given traffic." : `It can take ${aim.versions.join(", ")}.`}`,
    });
  }
  const since = new Date(platform.clock.now().getTime() - historyMs);
  const deploy =
    good.find((one) => one.version === version) ??
    (await deploys.recent(service, { since, limit: 500, environment })).find(
      (one) => one.version === version,
    );
  if (deploy && aim.knows(version)) return allow({ version, deploy });
  return refuse({
    rule: "recorded-version",
    message: `${version} of ${service} ${deploy ? "can take no traffic any more" : "was never recorded as deployed"}.`,
    hint: known,
  });
}

/** The rollout by which the version was left, if it was: it recorded the state before its first step. */
async function leftBy({ rollouts }: Room, { service, environment }: At, from: string, to: string) {
  const past = await rollouts.recent(service, 20, environment);
  const left = past.find((rollout) => rollout.state.is === "promoted");
  return left && left.to === from && left.from === to ? left : undefined;
}

/** From when until when the version ran the last time; undefined when that is not known. */
async function stayOf(
  { platform, deploys }: Room,
  { service, environment }: At,
  from: string,
  version: string,
): Promise<{ since: Date; until: Date } | undefined> {
  const since = new Date(platform.clock.now().getTime() - historyMs);
  const past = [...(await deploys.recent(service, { since, limit: 200, environment }))].reverse();
  const began = past.findLastIndex((deploy) => deploy.version === version);
  const own = past[began];
  // A canary that was taken back did not end it.
  const next = past
    .slice(began + 1)
    .find((deploy) => deploy.version !== version && (deploy.outcome !== "bad" || deploy.version === from));
  return own && next ? { since: own.at, until: next.at } : undefined;
}

/** What was changed beside the version since it was left, as far as it was told. */
async function besideSince(
  { platform, deploys }: Room,
  place: At,
  to: string,
  leftAt: Date | undefined,
  recorded: Surroundings | undefined,
): Promise<Pick<Preview, "surroundings" | "beside" | "migrations">> {
  const [told, met] = await Promise.all([
    toldOf(deploys, place, platform.clock.now()),
    deploys.migrationsSince(place.service, place.environment, to),
  ]);
  const surroundings = recorded ?? (leftAt && surroundingsOf(told, leftAt));
  const isTold = told.some(({ migration }) => migration !== undefined);
  return {
    surroundings,
    beside: surroundings ? changedSince(surroundings, told).filter(({ what }) => what !== "schema") : [],
    // What it already ran with before it was left breaks nothing now.
    migrations: isTold ? met.filter(({ at }) => leftAt === undefined || at >= leftAt) : undefined,
  };
}

async function usersThen(
  { slos }: Room,
  service: string,
  leftAt: Date | undefined,
): Promise<Preview["usersThen"]> {
  if (leftAt === undefined) return "unknown";
  const budget = await underDeadline(usersThenDeadlineMs, () => slos.budgetOf(service, leftAt));
  return budget === "late" ? "unknown" : budget.users;
}

async function usualMs({ platform }: Room, service: string): Promise<number | undefined> {
  const done = await listRollbacks(platform.database.db, { service, state: "back", limit: 5 });
  const took = done.flatMap(({ state, startedAt }) =>
    state.is === "back" ? [state.at.getTime() - startedAt.getTime()] : [],
  );
  return took.length === 0 ? undefined : took.reduce((sum, ms) => sum + ms, 0) / took.length;
}

interface Now {
  snapshot?: TrafficSnapshot | undefined;
  versions: TrafficSnapshot["versions"];
  /** Why the engine cannot be read. */
  unreadable?: string | undefined;
}

async function snapshotOf({ engine, target }: Aim): Promise<Decision<Now>> {
  try {
    const snapshot = await engine.snapshot(target, { deadlineMs: trafficDeadlineMs });
    return allow({ snapshot, versions: snapshot.versions });
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    if (isAway(error)) return allow({ versions: [], unreadable: error.message });
    return notReadable(error);
  }
}

async function differencesTo(
  { engine, target }: Aim,
  recorded: TrafficSnapshot,
  unreadable: string | undefined,
): Promise<Decision<Parity>> {
  if (unreadable !== undefined) return allow({ equal: false, differences: [] });
  try {
    return allow(await engine.parity(target, recorded, { deadlineMs: trafficDeadlineMs }));
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return isAway(error) ? allow({ equal: false, differences: [] }) : notReadable(error);
  }
}

/** It may be back by the time it is asked to move: the move is tried until it is. */
const isAway = ({ code }: ProviderError): boolean =>
  code === "unreachable" || code === "timeout" || code === "unauthorised" || code === "in_progress";

const notReadable = ({ message, hint }: ProviderError): Decision<never> =>
  refuse({
    rule: "traffic-readable",
    message: `The traffic cannot be read: ${message}. Nothing was done.`,
    hint: `${hint} The commands by hand stand in the thread of its last rollout.`,
  });
