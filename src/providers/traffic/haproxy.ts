import { setTimeout as pause } from "node:timers/promises";
import { Turns } from "../../platform/turns.ts";
import { ProviderError } from "../errors.ts";
import { checkKey, checkSnapshot, quoteForShell } from "./checks.ts";
import type {
  Parity,
  TrafficCall,
  TrafficEngine,
  TrafficSnapshot,
  TrafficState,
  TrafficTarget,
  TrafficVersion,
} from "./contract.ts";
import { deadlineOf, HaproxyProcess, socatAddressOf } from "./haproxy-api.ts";
import { leverOf, readConfig } from "./haproxy-config.ts";
import { elsewhere, type Held, isAgreed, latestOf, serialOf, stateOf } from "./haproxy-held.ts";
import type { Lever, Wanted } from "./haproxy-lever.ts";
import { healthOf, readStat, serverRows } from "./haproxy-stat.ts";
import { compareSnapshots } from "./parity.ts";
import { reweigh } from "./weights.ts";

const engine = "haproxy";

/** Milliseconds in which a change that somebody has begun is over, when its mark is gone. */
const changeMs = 200;

/** A map replaced by somebody else at the same moment is replaced again this often. */
const revertTriesMax = 5;

interface Site {
  readonly processes: readonly HaproxyProcess[];
  readonly lever: Lever;
  readonly signal: AbortSignal;
}

/** Traffic through HAProxy's runtime API. Several sockets are several processes, all of them kept alike. */
export function createHaproxyEngine(): TrafficEngine {
  const turns = new Turns();
  const change: TrafficEngine["setWeight"] = async (target, version, percent, key, call) => {
    checkKey(key);
    const site = open(target, call);
    // The deadline runs while it waits.
    return turns.take(`${site.processes[0]?.socket} ${site.lever.place}`, () =>
      setWeight(target, site, version, percent, key),
    );
  };

  return {
    engine,

    versions: (target) => readConfig(target).versions.map(({ version }) => version),
    knows: (target, version) => readConfig(target).versions.some((one) => one.version === version),
    addressOf(target, version) {
      const url = readConfig(target).versions.find((one) => one.version === version)?.url;
      return url === undefined ? null : new URL(url).origin;
    },
    weights: async () => null,

    async health(target, version, call) {
      const { processes, lever } = open(target, call);
      const place = lever.serversOf(version);
      if (place === undefined)
        return { state: "down", ready: null, wanted: null, detail: `${version} is not declared` };
      const stats = await Promise.all(processes.map((process) => process.ask("show stat -1 4 -1")));
      return healthOf(stats.flatMap((text) => serverRows(readStat(text), place)));
    },

    async describe(target, call) {
      return stateOf(target, await readAll(open(target, call)));
    },

    setWeight: change,
    promote: (target, version, key, call) => change(target, version, 100, key, call),

    async snapshot(target, call) {
      const site = open(target, call);
      const all = await readAll(site);
      assertAgreed(site, all);
      return snapshotOf(target, all[0]) ?? throwUnknown(target);
    },

    async revert(target, snapshot, key, call) {
      checkKey(key);
      checkSnapshot(engine, target, snapshot);
      const site = open(target, call);
      const { versions, fields } = snapshot;
      const wanted = Object.keys(fields).length === 0 ? { versions } : { versions, fields };
      await everywhere(site, (process) => putBack(site.lever, process, wanted, key));
      return stateOf(target, await readAll(site));
    },

    async parity(target, snapshot, call) {
      checkSnapshot(engine, target, snapshot);
      const site = open(target, call);
      return parityOf(target, snapshot, site, await readAll(site));
    },

    manualRevert(target, snapshot) {
      checkSnapshot(engine, target, snapshot);
      const config = readConfig(target);
      const commands = leverOf(config).manual(snapshot);
      return config.sockets.map(
        (socket) => `echo ${quoteForShell(commands)} | socat stdio ${quoteForShell(socatAddressOf(socket))}`,
      );
    },
  };
}

function open(target: TrafficTarget, call: TrafficCall): Site {
  const config = readConfig(target);
  const deadline = deadlineOf(call);
  return {
    processes: config.sockets.map((socket) => new HaproxyProcess(socket, deadline)),
    lever: leverOf(config),
    signal: deadline.signal,
  };
}

function readAll({ processes, lever }: Site): Promise<Held[]> {
  return Promise.all(
    processes.map(async (process) => {
      await process.assertAdmin();
      return lever.read(process);
    }),
  );
}

async function setWeight(
  target: TrafficTarget,
  site: Site,
  version: string,
  percent: number,
  key: string,
): Promise<TrafficState> {
  const { processes, lever } = site;
  const address = lever.addressOf(version);
  if (address === undefined) {
    const known = readConfig(target).versions.map((one) => one.version);
    throw new ProviderError(
      "not_found",
      `version ${version} of ${target.service} is not declared; known: ${known.join(", ")}`,
      "Add it to the service's traffic versions in the catalog.",
    );
  }
  // All are read before one is changed: where one cannot be reached, none moves.
  const before = await readSettled(site);
  const current = latestOf(before)?.versions.filter((one) => one.version !== elsewhere) ?? [];
  const reweighed = reweigh(current, { version, address }, percent);
  if (!reweighed.ok)
    throw new ProviderError("rejected", `${target.service}: ${reweighed.message}`, reweighed.hint);
  const wanted: Wanted = { versions: reweighed.versions };
  if (percent > 0) await Promise.all(processes.map((process) => lever.assertReady(process, version)));
  const isStanding = before.every((held) => held.content === lever.contentOf(wanted, held));
  if (isStanding) return stateOf(target, before);

  const [first] = processes;
  const [held] = before;
  if (first === undefined || held === undefined || !(await lever.claim(first, held)))
    throw changedMeanwhile(target);
  const mark = { key, serial: Math.max(...before.map(serialOf)) + 1 };
  await Promise.all(
    processes.map((process, index) => lever.write(process, wanted, before[index] ?? held, mark)),
  );
  const after = await readAll(site);
  assertAgreed(site, after);
  const state = stateOf(target, after);
  if (!isSame(state.versions, wanted.versions)) throw changedMeanwhile(target);
  return state;
}

/** Between the claim and the end of a change its mark is gone; a map written by hand never had one. */
async function readSettled(site: Site): Promise<Held[]> {
  const all = await readAll(site);
  const isUnmarked = all.some(({ rawMark, versions }) => rawMark === undefined && versions.length > 0);
  if (!isUnmarked) return all;
  await pause(changeMs, undefined, { signal: site.signal }).catch(() => undefined);
  return readAll(site);
}

function isSame(found: readonly TrafficVersion[], wanted: readonly TrafficVersion[]): boolean {
  const shares = (versions: readonly TrafficVersion[]) =>
    new Map(versions.map(({ version, weightPercent }) => [version, weightPercent]));
  const [now, due] = [shares(found), shares(wanted)];
  return [...new Set([...now.keys(), ...due.keys()])].every(
    (name) => (now.get(name) ?? 0) === (due.get(name) ?? 0),
  );
}

async function putBack(lever: Lever, process: HaproxyProcess, wanted: Wanted, key: string): Promise<void> {
  await process.assertAdmin();
  for (let tries = 1; ; tries += 1) {
    const held = await lever.read(process);
    if (held.content === lever.contentOf(wanted, held)) return;
    try {
      await lever.write(process, wanted, held, { key, serial: serialOf(held) + 1 });
      return;
    } catch (error) {
      const isOvertaken = error instanceof ProviderError && error.code === "conflict";
      if (!isOvertaken || tries >= revertTriesMax) throw error;
    }
  }
}

/** At every process that can be reached; then the first failure of the others is thrown. */
async function everywhere(
  { processes }: Site,
  work: (process: HaproxyProcess) => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(processes.map(work));
  const failed = results.find((result) => result.status === "rejected");
  if (failed === undefined) return;
  const error: unknown = failed.reason;
  const done = results.filter(({ status }) => status === "fulfilled").length;
  if (!(error instanceof ProviderError) || done === 0) throw error;
  throw new ProviderError(
    error.code,
    `${error.message}; ${done} of ${processes.length} processes are put back`,
    error.hint,
    error,
  );
}

function snapshotOf(
  { service, environment }: TrafficTarget,
  held: Held | undefined,
): TrafficSnapshot | undefined {
  if (held === undefined || held.versions.length === 0) return undefined;
  const stray = held.versions.find(({ address }) => address === null);
  if (stray !== undefined)
    throw new ProviderError(
      "conflict",
      `${stray.weightPercent} % of ${service} goes to no backend of the map`,
      "Give the numbers 0 to 9999 of the map to backends, or set the weights once.",
    );
  return { engine, service, environment, versions: [...held.versions], fields: { ...held.fields } };
}

function parityOf(
  target: TrafficTarget,
  snapshot: TrafficSnapshot,
  { processes }: Site,
  all: readonly Held[],
): Parity {
  if (all.every(({ versions }) => versions.length === 0)) throwUnknown(target);
  const each = all.map((held) => compareHeld(snapshot, held));
  const [first] = each;
  if (first !== undefined && isAgreed(all)) return first;
  const differences = each.flatMap(({ differences: found }, index) =>
    found.map((one) => ({ ...one, field: `${processes[index]?.socket} ${one.field}` })),
  );
  return { equal: differences.length === 0, differences };
}

/** Where weights of servers are compared, a version at 0 is no more than they say. */
function compareHeld(snapshot: TrafficSnapshot, held: Held): Parity {
  if (Object.keys(snapshot.fields).length === 0)
    return compareSnapshots(snapshot, { ...snapshot, versions: [...held.versions], fields: {} });
  const taking = (versions: readonly TrafficVersion[]) =>
    versions.filter(({ weightPercent }) => weightPercent > 0);
  const fields = Object.entries(held.fields).filter(
    ([server, weight]) => weight > 0 || server in snapshot.fields,
  );
  return compareSnapshots(
    { ...snapshot, versions: taking(snapshot.versions) },
    { ...snapshot, versions: taking(held.versions), fields: Object.fromEntries(fields) },
  );
}

function assertAgreed({ processes }: Site, all: readonly Held[]): void {
  if (isAgreed(all)) return;
  const shares = all.map(({ versions }, index) => {
    const said = versions.map(({ version, weightPercent }) => `${version} ${weightPercent} %`).join(", ");
    return `${processes[index]?.socket} has ${said || "none"}`;
  });
  throw new ProviderError(
    "conflict",
    `The HAProxy processes do not agree: ${shares.join("; ")}`,
    "One was restarted or changed by hand. Setting the weights, or a revert, brings all of them in step.",
  );
}

function changedMeanwhile({ service }: TrafficTarget): ProviderError {
  return new ProviderError(
    "conflict",
    `Somebody changed the weights of ${service} at the same moment`,
    "Read them, decide and try again.",
  );
}

function throwUnknown(target: TrafficTarget): never {
  throw new ProviderError(
    "not_found",
    `HAProxy has no shares for ${target.service}`,
    "Give the service its first version at 100 %.",
  );
}
