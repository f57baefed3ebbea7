import { until } from "./until.ts";

export interface ShownBlock {
  type: string;
  elements?: {
    type: string;
    action_id?: string;
    value?: string;
    text?: { text: string };
    url?: string;
    options?: { text: { text: string }; value: string }[];
  }[];
  [key: string]: unknown;
}
export interface ShownMessage {
  ts: string;
  text: string;
  channel: string;
  user: string;
  thread_ts?: string;
  ephemeral?: boolean;
  edited?: unknown;
  blocks?: ShownBlock[];
}
export interface Deed {
  ok: boolean;
  error?: string;
  message?: string;
  ack?: { ok: boolean; status: number; body: unknown };
}

/** Redirects of one sign-in: to the provider, back, and on. */
const hopsMax = 6;

/** A person at the local workspace, through the endpoints its page uses: what they type, press and see. */
export class Person {
  #cookie = "";
  #token = "";

  constructor(
    private readonly base: string,
    readonly id: string,
  ) {}

  async #call<T>(path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.base}/workspace/api/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        cookie: this.#cookie,
        origin: this.base,
        "content-type": "application/json",
        ...(body === undefined ? {} : { "x-csrf-token": this.#token }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    this.#keepCookies(answer.headers.getSetCookie());
    return (await answer.json()) as T;
  }

  #keepCookies(set: readonly string[]): void {
    const jar = new Map(
      this.#cookie
        .split("; ")
        .filter(Boolean)
        .map((pair) => [pair.split("=")[0], pair]),
    );
    for (const line of set) {
      const pair = line.split(";")[0] as string;
      jar.set(pair.split("=")[0], pair);
    }
    this.#cookie = [...jar.values()].join("; ");
  }

  /** Cookies of the browser this person sits at, the console's session among them. */
  get cookie(): string {
    return this.#cookie;
  }

  async signIn(): Promise<this> {
    this.#token = (await this.#call<{ token: string }>("session")).token;
    this.#token = (await this.#call<{ token: string }>("act-as", { user: this.id })).token;
    await this.signInToConsole();
    return this;
  }

  /** As a browser does: to the identity provider and back. Answers who the provider says it is. */
  async signInToConsole(path = "/sign-in?next=/sign-in/done"): Promise<string> {
    let issuer = "";
    let at = new URL(path, this.base);
    for (let hop = 0; hop < hopsMax; hop += 1) {
      const answer = await fetch(at, { headers: { cookie: this.#cookie }, redirect: "manual" });
      this.#keepCookies(answer.headers.getSetCookie());
      const to = answer.headers.get("location");
      if (answer.status !== 303 || to === null) {
        if (answer.status !== 204)
          throw new Error(`${this.id} could not sign in: ${at.pathname} answered ${answer.status}`);
        return issuer;
      }
      at = new URL(to, at);
      issuer = at.searchParams.get("iss") ?? issuer;
    }
    throw new Error(`${this.id} could not sign in: the way to the identity provider has no end`);
  }

  send(channel: string, text: string, threadTs?: string): Promise<Deed> {
    return this.#call("send", { channel, text, ...(threadTs ? { thread_ts: threadTs } : {}) });
  }

  async see(channel: string, threadTs?: string): Promise<ShownMessage[]> {
    const state = await this.#call<{
      messages: ShownMessage[];
      thread?: { messages?: ShownMessage[] } | ShownMessage[];
    }>(`state?channel=${channel}${threadTs ? `&thread=${threadTs}` : ""}`);
    if (!threadTs) return state.messages;
    return Array.isArray(state.thread) ? state.thread : (state.thread?.messages ?? []);
  }

  /** Waits for a message whose text (or blocks) match. */
  sees(channel: string, what: RegExp, deadlineMs?: number): Promise<ShownMessage> {
    return until(
      `${this.id} to see ${what} in ${channel}`,
      async () =>
        (await this.see(channel)).findLast((message) =>
          what.test(`${message.text} ${JSON.stringify(message.blocks ?? [])}`),
        ),
      deadlineMs,
    );
  }

  /** Presses the button or overflow entry of that label. */
  press(message: ShownMessage, label: string): Promise<Deed> {
    for (const element of (message.blocks ?? []).flatMap((block) => block.elements ?? [])) {
      const at = { channel: message.channel, ts: message.ts, action_id: element.action_id };
      if (element.type === "button" && element.text?.text === label)
        return this.#call("action", { ...at, value: element.value });
      const option = element.options?.find((candidate) => candidate.text.text === label);
      if (option) return this.#call("action", { ...at, value: option.value });
    }
    throw new Error(`"${message.text}" has no button ${label}`);
  }

  state<T = Record<string, unknown>>(channel: string): Promise<T> {
    return this.#call(`state?channel=${channel}`);
  }

  submit(viewId: string, values: Record<string, Record<string, unknown>>): Promise<Deed> {
    return this.#call("view", { view_id: viewId, values });
  }
}

/** Labels of all buttons and overflow entries of a message, in order. */
export function labelsOf(message: ShownMessage): string[] {
  return (message.blocks ?? [])
    .flatMap((block) => block.elements ?? [])
    .flatMap((element) =>
      element.type === "button"
        ? [element.text?.text ?? ""]
        : (element.options?.map((option) => option.text.text) ?? []),
    );
}
