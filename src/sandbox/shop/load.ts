/**
 * Steady load as a process: `load.ts --url http://127.0.0.1:3212 [--rps 300] [--host shop] [--checkout-ratio 0.3]
 * [--port 3225]`. Prints `{"ready":true,"port":…}`; `GET /` on that port answers the summary so far as JSON.
 * On SIGTERM it waits for the last answers, prints the summary and ends.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { startLoad } from "./generator.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    rps: { type: "string", default: "300" },
    host: { type: "string", default: "shop" },
    "checkout-ratio": { type: "string", default: "0.3" },
    port: { type: "string", default: "0" },
  },
});
if (values.url === undefined || !URL.canParse(values.url)) {
  throw new Error("--url is missing or not an address, for example --url http://127.0.0.1:3212");
}
const requestsPerSec = Number(values.rps);
if (!(requestsPerSec >= 0 && requestsPerSec <= 10_000))
  throw new Error("--rps must be a number from 0 to 10000");
const checkoutRatio = Number(values["checkout-ratio"]);
if (!(checkoutRatio >= 0 && checkoutRatio <= 1))
  throw new Error("--checkout-ratio must be a number from 0 to 1");

const load = startLoad({
  url: values.url,
  host: values.host,
  requestsPerSec,
  checkoutRatio,
  random: Math.random,
});
const server = createServer((_request, answer) => {
  answer.writeHead(200, { "content-type": "application/json" });
  answer.end(`${JSON.stringify(load.summary())}\n`);
});
server.listen(Number(values.port), "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ ready: true, port: (server.address() as AddressInfo).port })}\n`);
});

async function stop(): Promise<void> {
  server.close();
  server.closeIdleConnections();
  process.stdout.write(`${JSON.stringify(await load.stop())}\n`);
}
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop());
