/** A small HTTP server in a ticket system's place: records every request, and can lose an answer or refuse one. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface Recorded {
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface StandIn {
  url: string;
  requests: Recorded[];
  /** The next request of this method is done, and its answer is lost. */
  loseNext(method: string): void;
  /** The next request is answered with this, and not done. */
  refuseNext(answer: Answer): void;
  /** `POST /issue`, in order; for comparing with what was expected. */
  asked(): string[];
  close(): Promise<void>;
}

export async function startStandIn(
  answer: (request: Recorded) => Answer | Promise<Answer>,
): Promise<StandIn> {
  const requests: Recorded[] = [];
  const toLose: string[] = [];
  const refusals: Answer[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", async () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const request: Recorded = {
        method: req.method ?? "",
        path: req.url ?? "",
        headers: req.headers,
        body: text === "" ? undefined : JSON.parse(text),
      };
      requests.push(request);
      const reply = refusals.shift() ?? (await answer(request));
      if (toLose[0] === request.method) {
        toLose.shift();
        req.socket.destroy();
        return;
      }
      res.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
      res.end(reply.body === undefined ? "" : JSON.stringify(reply.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    loseNext: (method) => void toLose.push(method),
    refuseNext: (reply) => void refusals.push(reply),
    asked: () => requests.map(({ method, path }) => `${method} ${path}`),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
