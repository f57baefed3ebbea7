/** The router as a process of its own, for tests that kill it: `process.ts <stateFile> <token>`. */
import { Secret } from "../../src/platform/secret.ts";
import { startRouter } from "../../src/router/index.ts";

const [stateFile, token] = process.argv.slice(2);
if (!stateFile || !token) throw new Error("Usage: process.ts <stateFile> <token>");
const log = { info() {}, warn() {}, error() {} };
const router = await startRouter({
  host: "127.0.0.1",
  port: 0,
  adminPort: 0,
  stateFile,
  token: new Secret(token),
  log,
  // Past any test's patience: what ends earlier ended by itself.
  drainDeadlineMs: 300_000,
});
process.stdout.write(`${JSON.stringify({ port: router.port, adminPort: router.adminPort })}\n`);
process.once("SIGTERM", () => void router.close());
