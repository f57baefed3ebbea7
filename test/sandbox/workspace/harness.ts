/** A workspace with a real Bolt app behind it, on free ports. */
import { createServer, type IncomingMessage, request } from "node:http";
import { App, ExpressReceiver, LogLevel } from "@slack/bolt";
import { WebClient } from "@slack/web-api";
import {
  startWorkspace,
  type Workspace,
  type WorkspaceOptions,
} from "../../../src/sandbox/workspace/index.ts";

export const botToken = "xoxb-local-test";
export const signingSecret = "workspace-test-secret";
export const ops = "C0OPS";
export const quiet = "C0QUIET";
export const ada = "U0ADA";
export const lea = "U0LEA";
export const dan = "U0DAN";
export const bot = "U0QUARTER";

const users = [
  { id: ada, name: "ada", realName: "Ada On-call", email: "ada@shop.example", title: "On call", actAs: true },
  { id: lea, name: "lea", realName: "Lea Lead", email: "lea@shop.example", title: "Team lead", actAs: true },
  { id: dan, name: "dan", realName: "Dan Dev", email: "dan@shop.example", title: "Developer", actAs: true },
  {
    id: "U0ROB",
    name: "rob",
    realName: "Rob Remote",
    email: "rob@shop.example",
    title: "Auditor",
    actAs: false,
  },
];

export interface Harness {
  workspace: Workspace;
  app: App;
  client: WebClient;
  origin: string;
  /** Everything the app received, newest last: body and headers. */
  received: { headers: IncomingMessage["headers"]; url: string }[];
  options: WorkspaceOptions;
  close(): Promise<void>;
}

export async function openHarness(change: Partial<WorkspaceOptions> = {}): Promise<Harness> {
  const received: Harness["received"] = [];
  const receiver = new ExpressReceiver({ signingSecret, endpoints: "/slack/events" });
  let workspace: Workspace | undefined;
  const server = createServer((req, res) => {
    void (async () => {
      if (await workspace?.handle(req, res)) return;
      received.push({ headers: req.headers, url: req.url ?? "" });
      receiver.app(req, res);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  const options: WorkspaceOptions = {
    teamId: "T0LOCAL",
    teamName: "Shop Local",
    users,
    channels: [
      { id: ops, name: "ops", topic: "Operations", members: [ada, lea, dan] },
      { id: quiet, name: "leads", members: [lea] },
      { id: "C0GENERAL", name: "general", members: [ada, lea, dan, "U0ROB"] },
    ],
    usergroups: [{ id: "S0LEADS", handle: "leads-team", name: "Leads", users: [lea] }],
    botToken,
    signingSecret,
    botUser: { id: bot, name: "quarterdeck" },
    eventsUrl: () => `${origin}/slack/events`,
    apiPort: 0,
    completions: () => [
      { usage: "/ops status [service]", help: "how a service is" },
      { usage: "/ops rollout start <service> <version>", help: "start a canary" },
    ],
    tour: [
      {
        title: "Ask for the state",
        body: "One command shows it.",
        try: "/ops status",
        as: ada,
        channel: ops,
      },
    ],
    now: () => new Date(),
    log: () => undefined,
    ...change,
  };
  workspace = await startWorkspace(options);
  const app = new App({
    token: botToken,
    receiver,
    logLevel: LogLevel.ERROR,
    clientOptions: { slackApiUrl: workspace.webApiUrl },
  });
  const running = workspace;
  return {
    workspace: running,
    app,
    client: new WebClient(botToken, { slackApiUrl: running.webApiUrl, retryConfig: { retries: 0 } }),
    origin,
    received,
    options,
    close: async () => {
      await running.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: what a page gets back is read field by field in assertions
export type Body = Record<string, any>;

/** One browser's worth of cookies, as an automated driver would hold them. */
export class Person {
  #cookie = "";
  token = "";
  readonly #origin: string;

  private constructor(origin: string) {
    this.#origin = origin;
  }

  static async as(harness: Harness, user: string): Promise<Person> {
    const person = new Person(harness.origin);
    const opened = await person.get("session");
    person.token = opened.token;
    person.token = (await person.post("act-as", { user })).token;
    return person;
  }

  get cookie(): string {
    return this.#cookie;
  }

  async get(path: string): Promise<Body> {
    return this.#read(
      await fetch(`${this.#origin}/workspace/api/${path}`, { headers: { cookie: this.#cookie } }),
    );
  }

  async post(path: string, body: object): Promise<Body> {
    const headers = { cookie: this.#cookie, "content-type": "application/json", "x-csrf-token": this.token };
    const res = await fetch(`${this.#origin}/workspace/api/${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    return this.#read(res);
  }

  screen(channel = ops, thread = ""): Promise<Body> {
    return this.get(`state?channel=${channel}&thread=${thread}`);
  }

  async #read(res: Response): Promise<Body> {
    const set = res.headers.getSetCookie().find((one) => one.startsWith("quarterdeck_workspace="));
    if (set) this.#cookie = set.split(";")[0] ?? "";
    const body: unknown = await res.json();
    return body as Body;
  }
}

/** A request with exactly these headers: fetch would not let Host be anything else. */
export function rawRequest(
  origin: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; headers: IncomingMessage["headers"]; text: string }> {
  const url = new URL(path, origin);
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: url.hostname,
        port: url.port,
        path,
        method: options.method ?? "GET",
        headers: options.headers ?? {},
      },
      (res) => {
        let text = "";
        res.setEncoding("utf8");
        res.on("data", (chunk: string) => {
          text += chunk;
        });
        res.on("end", () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }));
      },
    );
    req.on("error", reject);
    req.end(options.body);
  });
}

/** Waits until something holds, by looking, at most ten seconds. */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = performance.now() + 10_000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > end) throw new Error(`not seen within 10 s: ${look.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
