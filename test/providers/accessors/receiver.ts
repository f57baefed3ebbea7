/** A receiver as anybody would write one from docs/schemas: checks signature and age, keeps grants, answers. */
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type AccessRequest,
  accessRequestSchema,
} from "../../../src/providers/accessors/webhook-messages.ts";

export interface Received {
  id: string;
  request: AccessRequest;
}
interface Held {
  key: string;
  role: string;
  expiresAt: string;
  password: string;
}
export interface Receiver {
  url: string;
  received: Received[];
  held: Map<string, Held>;
  /** The next request is answered with this, and not done. */
  answerNext(status: number, body?: unknown, headers?: Record<string, string>): void;
  /** While true, orders are carried out and their answers never come. */
  isHanging: boolean;
  close(): Promise<void>;
}

/** Seconds a signature is good for. Source: Standard Webhooks specification, "Verifying webhooks". */
const toleranceSec = 300;

function isSigned(headers: IncomingHttpHeaders, body: string, key: Buffer, nowSec: number): boolean {
  const id = headers["webhook-id"];
  const sent = headers["webhook-timestamp"];
  if (typeof id !== "string" || typeof sent !== "string") return false;
  if (Math.abs(Number(sent) - nowSec) > toleranceSec) return false;
  const wanted = `v1,${createHmac("sha256", key).update(`${id}.${sent}.${body}`).digest("base64")}`;
  return headers["webhook-signature"] === wanted;
}

export async function startReceiver(key: Buffer, now: () => Date): Promise<Receiver> {
  const received: Received[] = [];
  const held = new Map<string, Held>();
  const next: { status: number; body: unknown; headers: Record<string, string> }[] = [];
  let made = 0;

  const readBackOf = (grant: string) => {
    const one = held.get(grant);
    return one
      ? { exists: true, canLogin: true, validUntil: one.expiresAt, memberships: [one.role] }
      : { exists: false, canLogin: false };
  };
  const answerTo = (request: AccessRequest): { status: number; body: unknown } => {
    switch (request.type) {
      case "access.grant": {
        const { grant, key: grantKey, terms, expiresAt } = request.data;
        const known = held.get(grant);
        if (known && known.key !== grantKey)
          return { status: 409, body: { message: `${grant} is another grant's` } };
        made += 1;
        const password = `password-${made}-${"x".repeat(32)}`;
        held.set(grant, { key: grantKey, role: String(terms.role), expiresAt, password });
        const credential = [
          { id: "login", label: "Login", value: grant, isSecret: false },
          { id: "password", label: "Password", value: password },
        ];
        return {
          status: 200,
          body: { externalId: `vpn/${grant}`, expiresAt, wasAdopted: known !== undefined, credential },
        };
      }
      case "access.verify":
        return { status: 200, body: readBackOf(request.data.grant) };
      case "access.revoke":
        held.delete(request.data.grant);
        return { status: 200, body: { readBack: readBackOf(request.data.grant) } };
      case "access.list":
        return {
          status: 200,
          body: {
            grants: [...held].map(([grant, one]) => ({
              grant,
              key: one.key,
              words: `${grant} on the VPN`,
              readBack: readBackOf(grant),
              terms: { role: one.role },
            })),
          },
        };
    }
  };

  const receiver: Receiver = {
    url: "",
    received,
    held,
    isHanging: false,
    answerNext: (status, body, headers = {}) => void next.push({ status, body, headers }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const send = (status: number, answer: unknown, headers: Record<string, string> = {}) =>
        response
          .writeHead(status, { "content-type": "application/json", ...headers })
          .end(answer === undefined ? "" : JSON.stringify(answer));
      if (!isSigned(incoming.headers, body, key, now().getTime() / 1_000))
        return void send(401, { message: "not signed with the secret we share" });
      const request = accessRequestSchema.parse(JSON.parse(body));
      received.push({ id: String(incoming.headers["webhook-id"]), request });
      const instead = next.shift();
      if (instead) return void send(instead.status, instead.body, instead.headers);
      const { status, body: answer } = answerTo(request);
      if (receiver.isHanging) return;
      send(status, answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/access`;
  return receiver;
}
