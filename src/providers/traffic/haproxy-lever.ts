import type { TrafficSnapshot, TrafficVersion } from "./contract.ts";
import type { HaproxyProcess } from "./haproxy-api.ts";
import type { Held, Mark } from "./haproxy-held.ts";

/** Shares that are wanted; with `fields` exactly as a snapshot holds them. */
export interface Wanted {
  readonly versions: readonly TrafficVersion[];
  readonly fields?: TrafficSnapshot["fields"];
}

/** One way of setting shares in a HAProxy process. Methods throw ProviderError. */
export interface Lever {
  /** What it moves: changes of the same place are made one after the other. */
  readonly place: string;
  /** Where a version's requests go, as this lever writes it; undefined for an unknown version. */
  addressOf(version: string): string | undefined;
  /** Proxy and, where one proxy holds several versions, servers whose statistics are this version's. */
  serversOf(version: string): { proxy: string; servers: readonly string[] | undefined } | undefined;
  read(process: HaproxyProcess): Promise<Held>;
  /** `not_found` or `conflict` unless this process would serve the version when given traffic. */
  assertReady(process: HaproxyProcess, version: string): Promise<void>;
  /** `Held.content` once `wanted` stands; `rejected` for shares it cannot set. */
  contentOf(wanted: Wanted, held: Held): string;
  /** Takes the right to change what was read; false when somebody changed or is changing it since. */
  claim(process: HaproxyProcess, held: Held): Promise<boolean>;
  write(process: HaproxyProcess, wanted: Wanted, held: Held, mark: Mark): Promise<void>;
  /** One line of commands that a person can send to put a snapshot back. */
  manual(snapshot: TrafficSnapshot): string;
}
