/** Both ends of Slack: requests as it signs them, and a Web API that only counts. */
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { postBytes } from "./client.ts";

export const signingSecret = "signing-secret-of-benchmarks";

/** A signed request to the door for Slack. `nonce` makes it one of its own. */
function signed(body: string, atSec: number): Buffer {
  const signature = createHmac("sha256", signingSecret).update(`v0:${atSec}:${body}`).digest("hex");
  return postBytes(
    "/slack/events",
    {
      "content-type": "application/x-www-form-urlencoded",
      "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
      "x-slack-request-timestamp": String(atSec),
      "x-slack-signature": `v0=${signature}`,
    },
    body,
  );
}

const nowSec = (): number => Math.floor(Date.now() / 1_000);

/** A slash command with the fields Slack sends. */
export function slashCommand(text: string, nonce: string, answersUrl: string): Buffer {
  const body = new URLSearchParams({
    token: "gIkuvaNzQIHg97ATvDxqgjtO",
    team_id: "T0LOCAL",
    team_domain: "sample",
    channel_id: "C0OPS",
    channel_name: "ops",
    user_id: "U0ONCALL",
    user_name: "olive",
    command: "/ops",
    text,
    api_app_id: "A0LOCAL",
    is_enterprise_install: "false",
    response_url: `${answersUrl}/answers/${nonce}`,
    trigger_id: `${nonce}.trigger`,
  }).toString();
  return signed(body, nowSec());
}

/** The press of a button whose value is a command line. */
export function press(line: string, nonce: string, answersUrl: string): Buffer {
  const payload = JSON.stringify({
    type: "block_actions",
    user: { id: "U0ONCALL", team_id: "T0LOCAL" },
    team: { id: "T0LOCAL" },
    api_app_id: "A0LOCAL",
    trigger_id: `${nonce}.trigger`,
    container: { type: "message", message_ts: "1700000000.000100", channel_id: "C0OPS" },
    channel: { id: "C0OPS", name: "ops" },
    message: { ts: "1700000000.000100", text: "card" },
    response_url: `${answersUrl}/answers/${nonce}`,
    actions: [{ type: "button", action_id: "verb", block_id: "b", value: line, action_ts: nonce }],
  });
  return signed(new URLSearchParams({ payload }).toString(), nowSec());
}

export interface CountingSlack {
  url: string;
  /** When which response_url was written to first, by nonce; `performance.now()`. */
  answered: Map<string, number>;
  /** Messages posted and edited: when, and their text. */
  messages: { atMs: number; text: string }[];
  close(): Promise<void>;
}

/** Says ok to everything and remembers which response_url was used. */
export async function startCountingSlack(): Promise<CountingSlack> {
  const answered = new Map<string, number>();
  let posts = 0;
  const messages: CountingSlack["messages"] = [];
  const server = createServer((req, res) => {
    const atMs = performance.now();
    const nonce = /^\/answers\/(.+)$/.exec(req.url ?? "")?.[1];
    if (nonce !== undefined && !answered.has(nonce)) answered.set(nonce, atMs);
    let body = "";
    req.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    req.on("end", () => {
      if (/chat\.(postMessage|update)$/.test(req.url ?? ""))
        messages.push({ atMs, text: decodeURIComponent(body) });
      posts += 1;
      res.writeHead(200, { "content-type": "application/json" }).end(
        JSON.stringify({
          ok: true,
          channel: "C0OPS",
          ts: `1700000000.${String(posts).padStart(6, "0")}`,
          upload_url: `http://${req.headers.host}/upload`,
          file_id: "F0CHART",
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answered,
    messages,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
