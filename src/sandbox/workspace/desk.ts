/** Everything the parts of one workspace share: who, what was said, what is open on whose screen. */
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Conversation } from "./conversation.ts";
import type { SlackEmulator } from "./emulator.ts";
import type { FileShelf } from "./files.ts";
import { nextTs, tsOf } from "./ids.ts";
import type { Modals } from "./modals.ts";
import type { Ephemeral, Json, WorkspaceOptions, WorkspaceUsergroup } from "./model.ts";
import type { ResponseUrls } from "./response-urls.ts";
import type { Rooms } from "./rooms.ts";

export interface Desk {
  readonly options: WorkspaceOptions;
  readonly slack: SlackEmulator;
  readonly conversation: Conversation;
  readonly ephemerals: Ephemerals;
  readonly modals: Modals;
  readonly files: FileShelf;
  readonly responseUrls: ResponseUrls;
  readonly triggers: Triggers;
  readonly rooms: Rooms;
  readonly reads: Reads;
  readonly changes: Changes;
  readonly usergroups: Map<string, WorkspaceUsergroup>;
  /** `http://127.0.0.1:PORT` of the Web API. */
  readonly apiBase: string;
  /** Pages that listen for changes; ended when the workspace closes. */
  readonly streams: Set<ServerResponse>;
  /** Runs something after seconds, unless the workspace closes first. */
  readonly later: (afterSec: number, run: () => void) => void;
}

/** How far each person has read; what was there at the start counts as read. */
export class Reads {
  readonly #read = new Map<string, string>();
  readonly #startTs: string;

  constructor(startTs: string) {
    this.#startTs = startTs;
  }
  mark(user: string, channel: string, ts: string): void {
    this.#read.set(`${user} ${channel}`, ts);
  }
  upTo(user: string, channel: string): string {
    return this.#read.get(`${user} ${channel}`) ?? this.#startTs;
  }
}

/** Whose deed a trigger came from, so that the modal opens on that person's screen. */
export class Triggers {
  readonly #users = new Map<string, string>();

  keep(trigger: string, user: string): void {
    this.#users.set(trigger, user);
    const [oldest] = this.#users.keys();
    if (this.#users.size > triggersMax && oldest !== undefined) this.#users.delete(oldest);
  }
  get(trigger: string): string | undefined {
    return this.#users.get(trigger);
  }
}
const triggersMax = 1_000;

/** An ephemeral before it has its time. */
type Said = Pick<Ephemeral, "channel" | "target" | "user" | "text" | "blocks" | "thread_ts">;

/** Per person; older ones go. */
const ephemeralsMax = 200;

export class Ephemerals {
  readonly #byTarget = new Map<string, Ephemeral[]>();
  #lastTs = "0";

  add(message: Said, now: Date, ts?: string): Ephemeral {
    const fresh = tsOf(now);
    this.#lastTs = ts ?? (fresh > this.#lastTs ? fresh : nextTs(this.#lastTs));
    const added: Ephemeral = { ...message, ts: this.#lastTs };
    this.#byTarget.set(message.target, [...this.of(message.target), added].slice(-ephemeralsMax));
    return added;
  }
  of(target: string): readonly Ephemeral[] {
    return this.#byTarget.get(target) ?? [];
  }
  find(target: string, ts: string): Ephemeral | undefined {
    return this.of(target).find((message) => message.ts === ts);
  }
  replace(target: string, ts: string, change: Json): void {
    const changed = this.of(target).map((m) => (m.ts === ts ? ({ ...m, ...change, ts } as Ephemeral) : m));
    this.#byTarget.set(target, changed);
  }
  remove(target: string, ts: string): void {
    this.#byTarget.set(
      target,
      this.of(target).filter((message) => message.ts !== ts),
    );
  }
}

/** Counts changes and tells the pages that are open. */
export class Changes {
  readonly #listeners = new Set<(version: number) => void>();
  #version = 1;

  get version(): number {
    return this.#version;
  }
  bump(): void {
    this.#version++;
    for (const listener of this.#listeners) listener(this.#version);
  }
  /** Returns how to stop listening. */
  listen(listener: (version: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Slack names blocks and elements that came without a name; presses refer to them. */
export function withIds(blocks: unknown): unknown {
  if (!Array.isArray(blocks)) return blocks;
  return blocks.map((block: Json) => {
    const named: Json = { ...block, block_id: block.block_id || shortId() };
    if (Array.isArray(block.elements) && block.type === "actions") {
      named.elements = block.elements.map((element: Json) => withActionId(element));
    }
    if (block.accessory) named.accessory = withActionId(block.accessory as Json);
    if (block.element) named.element = withActionId(block.element as Json);
    return named;
  });
}

function withActionId(element: Json): Json {
  return element.type === "image" ? element : { ...element, action_id: element.action_id || shortId() };
}

export function shortId(): string {
  return randomBytes(4).toString("base64url").slice(0, 5);
}
