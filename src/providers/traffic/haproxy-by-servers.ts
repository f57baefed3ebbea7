import { ProviderError } from "../errors.ts";
import type { TrafficVersion } from "./contract.ts";
import type { HaproxyProcess } from "./haproxy-api.ts";
import { type Held, markOf, markText, shareOut } from "./haproxy-held.ts";
import type { Lever, Wanted } from "./haproxy-lever.ts";
import { readServers } from "./haproxy-servers.ts";
import { algorithmOf, readStat } from "./haproxy-stat.ts";
import { type ServerGroup, weightsFor } from "./haproxy-weights.ts";

export interface VersionServers {
  readonly version: string;
  readonly servers: readonly string[];
}

/** Algorithms that follow a weight set at runtime; leastconn starves slow canaries, the others pin clients. */
const fairAlgorithms = ["roundrobin", "random"];

/** Shares by the weights of the servers of one backend. */
export function createServerLever(backend: string, declared: readonly VersionServers[]): Lever {
  const variable = `proc.quarterdeck_${backend.replace(/[^A-Za-z0-9]/g, (char) => `_${char.charCodeAt(0).toString(16)}`)}`;
  const path = (server: string) => `${backend}/${server}`;
  const serversOf = (version: string) => declared.find((one) => one.version === version)?.servers;
  const weightsOf = (wanted: Wanted, held: Held): Map<string, number> =>
    wanted.fields ? restored(wanted.fields, held) : chosen(wanted.versions, held);

  /** Servers that a snapshot does not know take nothing. */
  function restored(fields: NonNullable<Wanted["fields"]>, held: Held): Map<string, number> {
    const weights = new Map(Object.keys(held.fields).map((server) => [server, 0]));
    for (const [server, weight] of Object.entries(fields)) weights.set(server, Number(weight));
    return weights;
  }

  function chosen(versions: readonly TrafficVersion[], held: Held): Map<string, number> {
    const groups = versions.map(({ version, weightPercent }): ServerGroup => {
      const all = (serversOf(version) ?? [version]).map(path);
      return {
        version,
        weightPercent,
        servers: all,
        usable: all.filter((one) => !held.out.includes(one)).length,
      };
    });
    const none = Object.keys(held.fields).map((server) => [server, 0] as const);
    return new Map([...none, ...weightsFor(groups)]);
  }

  async function read(process: HaproxyProcess): Promise<Held> {
    const [states, rawMark] = await Promise.all([readServers(process, backend), readMark(process, variable)]);
    const known = new Set(declared.flatMap(({ servers }) => servers));
    const missing = [...known].find((name) => !states.some(({ server }) => server === name));
    if (missing !== undefined)
      throw new ProviderError(
        "not_found",
        `HAProxy at ${process.socket} has no server ${path(missing)}`,
        "Add it to HAProxy's configuration, or take it out of the service's traffic in the catalog.",
      );
    // A server that the catalog does not know takes traffic too.
    const groups = [
      ...declared,
      ...states
        .filter(({ server }) => !known.has(server))
        .map(({ server }) => ({ version: server, servers: [server] })),
    ];
    const strength = groups.map(({ servers }) =>
      states
        .filter(({ server, isOut }) => servers.includes(server) && !isOut)
        .reduce((sum, { weight }) => sum + weight, 0),
    );
    const shares = shareOut(strength);
    const versions = groups.map(({ version, servers }, index) => ({
      version,
      weightPercent: (shares[index] ?? 0) / 100,
      address: servers.map(path).join(","),
    }));
    const out = states.filter(({ isOut }) => isOut).map(({ server }) => path(server));
    const fields = Object.fromEntries(states.map(({ server, weight }) => [path(server), weight]));
    const content = contentOf(new Map(Object.entries(fields)), out);
    // Every server has a weight; only the mark knows which versions stand at 0 because they had traffic.
    const had = markOf({ rawMark, content })?.versions ?? [];
    return {
      versions: versions.filter(({ version, weightPercent }) => weightPercent > 0 || had.includes(version)),
      fields,
      out,
      content,
      rawMark,
    };
  }

  return {
    place: backend,
    addressOf: (version) => serversOf(version)?.map(path).join(","),

    serversOf(version) {
      const servers = serversOf(version);
      return servers && { proxy: backend, servers };
    },

    read,

    async assertReady(process, version) {
      const algorithm = algorithmOf(readStat(await process.ask("show stat -1 2 -1")), backend);
      if (algorithm !== undefined && algorithm !== "" && !fairAlgorithms.includes(algorithm))
        throw new ProviderError(
          "rejected",
          `Backend ${backend} balances by ${algorithm}, which does not follow the weights`,
          "Set `balance roundrobin` in this backend.",
        );
      const states = await readServers(process, backend);
      const own = states.filter(({ server }) => serversOf(version)?.includes(server));
      if (own.some(({ isOut }) => !isOut)) return;
      throw new ProviderError(
        "conflict",
        `Every server of ${version} was taken out of service at ${process.socket}`,
        `Give one back: set server ${path(own[0]?.server ?? "")} state ready`,
      );
    },

    contentOf: (wanted, held) => contentOf(weightsOf(wanted, held), held.out),

    /** Nothing in HAProxy lets only one of two go on; changes by others in between are seen, not prevented. */
    async claim(process, held) {
      return (await read(process)).content === held.content;
    },

    async write(process, wanted, held, mark) {
      const weights = weightsOf(wanted, held);
      // What gains goes first: no moment at which nobody takes the traffic.
      const byGain = [...weights].sort(
        ([a, toA], [b, toB]) => toB - (held.fields[b] ?? 0) - (toA - (held.fields[a] ?? 0)),
      );
      await process.tell(byGain.map(([server, weight]) => `set server ${server} weight ${weight}`));
      const had = wanted.versions.map(({ version }) => version);
      const text = markText({ ...mark, versions: had }, contentOf(weights, held.out));
      await process.tell([`experimental-mode on;set var ${variable} str(${text})`]);
    },

    manual(snapshot) {
      const gone = declared
        .flatMap(({ servers }) => servers.map(path))
        .filter((one) => !(one in snapshot.fields));
      return [...Object.entries(snapshot.fields), ...gone.map((one) => [one, 0] as const)]
        .sort(([, a], [, b]) => Number(b) - Number(a))
        .map(([server, weight]) => `set server ${server} weight ${weight}`)
        .join(";");
    },
  };
}

/** A variable of the process; it ends with it, and then nobody knows whose the weights are. */
async function readMark(process: HaproxyProcess, variable: string): Promise<string | undefined> {
  const reply = await process.ask(`get var ${variable}`);
  return /value=<([^>]*)>/.exec(reply)?.[1];
}

function contentOf(weights: ReadonlyMap<string, number>, out: readonly string[]): string {
  return [...weights]
    .map(([server, weight]) => `${server}=${weight}${out.includes(server) ? "!" : ""}`)
    .sort()
    .join(",");
}
