/** Which channels and direct messages a person has, asked from emulate and kept until membership changes. */
import type { SlackEmulator } from "./emulator.ts";
import { isJson, type Json, listOf, textOf } from "./model.ts";

export interface Room {
  id: string;
  name: string;
  kind: "channel" | "dm";
  topic: string;
}

export class Rooms {
  readonly #slack: SlackEmulator;
  #known = new Map<string, Promise<Room[]>>();

  readonly #order: readonly string[];

  /** `order`: channel ids as declared; what was made later comes after them. */
  constructor(slack: SlackEmulator, order: readonly string[]) {
    this.#slack = slack;
    this.#order = order;
  }

  /** Somebody joined, left, or a channel was made or renamed. */
  forget(): void {
    this.#known = new Map();
  }

  of(user: string): Promise<Room[]> {
    const known = this.#known.get(user);
    if (known) return known;
    const asked = this.#ask(user);
    this.#known.set(user, asked);
    asked.catch(() => this.#known.delete(user));
    return asked;
  }

  async find(user: string, id: string): Promise<Room | undefined> {
    return (await this.of(user)).find((room) => room.id === id);
  }

  async #ask(user: string): Promise<Room[]> {
    const types = "public_channel,private_channel,im";
    const reply = await this.#slack.call("conversations.list", user, {
      types,
      limit: 1000,
      exclude_archived: true,
    });
    if (reply.ok !== true) throw new Error(`channels of ${user} cannot be read: ${String(reply.error)}`);
    const mine = listOf(reply.channels).filter(
      (one) => !this.#slack.isUndeclared(textOf(one.id)) && isMine(one),
    );
    const rank = (room: Room): number => this.#order.indexOf(room.id) + 1 || this.#order.length + 1;
    const rooms = mine.map(
      (one): Room => ({
        id: textOf(one.id),
        name: one.is_im === true ? textOf(one.user) : textOf(one.name),
        kind: one.is_im === true ? "dm" : "channel",
        topic: isJson(one.topic) ? textOf(one.topic.value) : "",
      }),
    );
    return rooms.sort((a, b) => rank(a) - rank(b));
  }
}

function isMine(channel: Json): boolean {
  return channel.is_im === true || channel.is_member === true;
}
