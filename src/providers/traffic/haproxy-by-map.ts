import { ProviderError } from "../errors.ts";
import type { HaproxyProcess } from "./haproxy-api.ts";
import { serialOf } from "./haproxy-held.ts";
import type { Lever } from "./haproxy-lever.ts";
import { type MapBackend, mapContent, mapEntries, markKey, readMap } from "./haproxy-map.ts";
import { readServers } from "./haproxy-servers.ts";

/** Shares by a map of 10,000 numbers, replaced as a whole at one moment. `map` is the file's path, also its name. */
export function createMapLever(map: string, backends: readonly MapBackend[]): Lever {
  const backendOf = (version: string) => backends.find((one) => one.version === version)?.backend;
  return {
    place: map,
    addressOf: backendOf,

    serversOf(version) {
      const proxy = backendOf(version);
      return proxy === undefined ? undefined : { proxy, servers: undefined };
    },

    async read(process) {
      const reply = await process.ask(`show map ${map}`);
      if (/^Unknown map/.test(reply)) throw process.refused(reply);
      return readMap(reply, backends);
    },

    async assertReady(process, version) {
      const backend = backendOf(version) ?? version;
      const servers = await readServers(process, backend);
      if (servers.length === 0 || servers.some(({ isOut }) => !isOut)) return;
      throw new ProviderError(
        "conflict",
        `Every server of ${backend} was taken out of service at ${process.socket}`,
        `Give one back: set server ${backend}/${servers[0]?.server} state ready`,
      );
    },

    contentOf: ({ versions }) => mapContent(versions),

    /** A mark can be deleted once only, so that of several who read it one goes on. */
    async claim(process, held) {
      if (held.rawMark === undefined) return true;
      const reply = await process.ask(`del map ${map} ${markKey(serialOf(held))}`);
      if (/^Key not found/.test(reply)) return false;
      if (reply.trim() !== "") throw process.refused(reply);
      return true;
    },

    async write(process, { versions }, _held, mark) {
      const version = await prepare(process, map);
      const entries = mapEntries(versions, mark);
      await process.tell(entries.map(([key, value]) => `add map @${version} ${map} ${key} ${value}`));
      await process.tell([`commit map @${version} ${map}`]);
    },

    manual(snapshot) {
      const entries = mapEntries(snapshot.versions, undefined);
      return [`clear map ${map}`, ...entries.map(([key, value]) => `add map ${map} ${key} ${value}`)].join(
        ";",
      );
    },
  };
}

async function prepare(process: HaproxyProcess, map: string): Promise<string> {
  const reply = await process.ask(`prepare map ${map}`);
  const version = /New version created: (\d+)/.exec(reply)?.[1];
  if (version === undefined) throw process.refused(reply);
  return version;
}
