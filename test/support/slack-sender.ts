import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { signatureOf } from "../../src/sandbox/workspace/delivery.ts";

/** Something a person sent, and how the app acknowledged it. */
export interface Sent {
  /** Names the address its answers come to. */
  id: string;
  status: number;
}

/**
 * What Slack sends: signed slash commands and presses, each with a response_url of its own. What the app says there
 * is kept, so that a test can count who was told what, and how often.
 */
export interface SlackSender {
  command(person: string, text: string, at?: { door?: string; channel?: string }): Promise<Sent>;
  /** A press of a button that carries `line`; the same `pressedAt` is the same press delivered again. */
  press(
    person: string,
    line: string,
    at?: { door?: string; channel?: string; ts?: string; pressedAt?: string },
  ): Promise<Sent>;
  /** Texts said to the person who sent this, in order. */
  answers(sent: Sent): readonly string[];
  /** While set, answers are turned away with this status. */
  answerStatus: number | undefined;
  close(): Promise<void>;
}

/** `door`: address of the web process that is sent to, asked for each time. */
export async function startSlackSender(signingSecret: string, door: () => string): Promise<SlackSender> {
  const said = new Map<string, string[]>();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => void chunks.push(chunk));
    req.on("end", () => {
      if (sender.answerStatus !== undefined) return void res.writeHead(sender.answerStatus).end();
      const { text } = JSON.parse(Buffer.concat(chunks).toString()) as { text: string };
      said.get((req.url ?? "/").slice(1))?.push(text);
      res.end("ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const replies = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let count = 0;

  const post = async (id: string, fields: Record<string, string>, to = door()): Promise<Sent> => {
    const body = new URLSearchParams(fields).toString();
    const sec = Math.floor(Date.now() / 1_000);
    const answer = await fetch(`${to}/slack/events`, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": String(sec),
        "x-slack-signature": signatureOf(signingSecret, sec, body),
        connection: "close",
      },
    });
    await answer.text();
    return { id, status: answer.status };
  };
  const next = () => {
    count += 1;
    const id = `sent-${count}`;
    said.set(id, []);
    return id;
  };
  const sender: SlackSender = {
    answerStatus: undefined,
    command: (person, text, { door: to, channel = "C0OPS" } = {}) => {
      const id = next();
      return post(
        id,
        {
          command: "/ops",
          text,
          user_id: person,
          team_id: "T0LOCAL",
          channel_id: channel,
          trigger_id: `trigger.${id}`,
          response_url: `${replies}/${id}`,
        },
        to,
      );
    },
    press: (person, line, { door: to, channel = "C0OPS", ts, pressedAt } = {}) => {
      const id = next();
      return post(
        id,
        {
          payload: JSON.stringify({
            type: "block_actions",
            team: { id: "T0LOCAL" },
            user: { id: person, team_id: "T0LOCAL" },
            channel: { id: channel },
            ...(ts ? { message: { ts }, container: { message_ts: ts } } : {}),
            trigger_id: `trigger.${id}`,
            response_url: `${replies}/${id}`,
            actions: [
              { type: "button", action_id: "a1", block_id: "b1", value: line, action_ts: pressedAt ?? id },
            ],
          }),
        },
        to,
      );
    },
    answers: ({ id }) => said.get(id) ?? [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return sender;
}
