/**
 * What was said, as the page shows it and as a restart finds it again. emulate stays the judge of what may be
 * posted; only what it accepted comes here. Kept as JSON lines, rewritten at each start with the newest messages.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isJson, type Json, type Message, textOf } from "./model.ts";

/** Newest messages kept per channel, threads included; older ones are gone after a restart. */
export const messagesPerChannelMax = 1_000;

type Line = { is: "said"; message: Message } | { is: "gone"; channel: string; ts: string };

export class Conversation {
  readonly #channels = new Map<string, Map<string, Message>>();
  /** Channel and thread → times of its replies. */
  readonly #replies = new Map<string, Set<string>>();
  readonly #file: string | undefined;

  constructor(file?: string) {
    this.#file = file;
    if (file === undefined) return;
    mkdirSync(dirname(file), { recursive: true });
    if (existsSync(file)) for (const line of readLines(file)) this.#apply(line);
    this.#compact(file);
  }

  /** Adds a message or replaces the one with its time. */
  say(message: Message): void {
    this.#keep({ is: "said", message });
  }

  remove(channel: string, ts: string): void {
    this.#keep({ is: "gone", channel, ts });
  }

  get(channel: string, ts: string): Message | undefined {
    return this.#channels.get(channel)?.get(ts);
  }

  /** Messages of a channel outside threads (and those sent to the channel as well), oldest first. */
  channel(channel: string): Message[] {
    return this.#sorted(channel).filter((m) => !isReply(m) || m.reply_broadcast === true);
  }

  /** A thread's parent and its replies, oldest first. */
  thread(channel: string, ts: string): Message[] {
    return this.#sorted(channel).filter((m) => m.ts === ts || m.thread_ts === ts);
  }

  repliesTo(channel: string, ts: string): { count: number; lastTs: string } {
    const replies = this.#replies.get(`${channel} ${ts}`) ?? new Set<string>();
    return { count: replies.size, lastTs: [...replies].sort().at(-1) ?? ts };
  }

  /** Everything in the order it was said: what a start says again to emulate. */
  all(): Message[] {
    return [...this.#channels.keys()].flatMap((channel) => this.#sorted(channel)).sort(byTs);
  }

  latestTs(channel: string): string {
    return this.#sorted(channel).at(-1)?.ts ?? "0";
  }

  /** Messages come nearly always in order, so sorting again costs one pass. */
  #sorted(channel: string): Message[] {
    return [...(this.#channels.get(channel)?.values() ?? [])].sort(byTs);
  }

  #keep(line: Line): void {
    this.#apply(line);
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  #apply(line: Line): void {
    if (line.is === "gone") {
      const gone = this.get(line.channel, line.ts);
      this.#channels.get(line.channel)?.delete(line.ts);
      if (gone && isReply(gone)) this.#replies.get(`${line.channel} ${gone.thread_ts}`)?.delete(line.ts);
      return;
    }
    const { channel, ts } = line.message;
    if (isReply(line.message)) {
      const key = `${channel} ${line.message.thread_ts}`;
      this.#replies.set(key, (this.#replies.get(key) ?? new Set()).add(ts));
    }
    const messages = this.#channels.get(channel) ?? new Map<string, Message>();
    this.#channels.set(channel, messages.set(ts, line.message));
  }

  #compact(file: string): void {
    const lines: string[] = [];
    for (const [channel, messages] of this.#channels) {
      const kept = this.#sorted(channel).slice(-messagesPerChannelMax);
      messages.clear();
      for (const message of kept) {
        messages.set(message.ts, message);
        lines.push(JSON.stringify({ is: "said", message } satisfies Line));
      }
    }
    const fresh = `${file}.new`;
    writeFileSync(fresh, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    renameSync(fresh, file);
  }
}

export function isReply(message: Json): boolean {
  return typeof message.thread_ts === "string" && message.thread_ts !== message.ts;
}

function byTs(a: Message, b: Message): number {
  return a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0;
}

/** A line cut short by a crash is the last one and is left out. */
function readLines(file: string): Line[] {
  const lines: Line[] = [];
  for (const text of readFileSync(file, "utf8").split("\n")) {
    const line = parseLine(text);
    if (line) lines.push(line);
  }
  return lines;
}

function parseLine(text: string): Line | undefined {
  if (text === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJson(value)) return undefined;
  if (value.is === "gone") return { is: "gone", channel: textOf(value.channel), ts: textOf(value.ts) };
  if (value.is === "said" && isMessage(value.message)) return { is: "said", message: value.message };
  return undefined;
}

function isMessage(value: unknown): value is Message {
  return isJson(value) && typeof value.channel === "string" && typeof value.ts === "string";
}
