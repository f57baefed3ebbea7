/**
 * The demo service as a process: `server.ts --version v42 --port 3222 [--error-ratio 0.3] [--delay-ms 150]`.
 * Prints one line of JSON, `{"ready":true,"version":…,"port":…}`, once it serves; ends cleanly on SIGTERM.
 */
import { parseArgs } from "node:util";
import { readFault } from "./fault.ts";
import { startShop } from "./shop.ts";
import { shopVersions } from "./versions.ts";

const { values } = parseArgs({
  options: {
    version: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    "error-ratio": { type: "string" },
    "delay-ms": { type: "string" },
  },
});
if (values.version === undefined) throw new Error("--version is missing, for example --version v42");
const known = shopVersions.find((one) => one.version === values.version);
const fault = readFault(
  JSON.stringify({
    errorRatio: Number(values["error-ratio"] ?? known?.errorRatio ?? 0),
    delayMs: Number(values["delay-ms"] ?? known?.delayMs ?? 0),
  }),
);
if (!fault.ok) throw new Error(`--error-ratio, --delay-ms: ${fault.message}`);

const shop = await startShop({
  version: values.version,
  host: values.host,
  port: Number(values.port),
  fault: fault.fault,
  random: Math.random,
});
process.stdout.write(`${JSON.stringify({ ready: true, version: values.version, port: shop.port })}\n`);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void shop.close());
