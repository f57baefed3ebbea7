import { join, resolve } from "node:path";
import { readSettings } from "../config/config.ts";
import { createLog } from "../platform/log.ts";
import { Secret } from "../platform/secret.ts";
import { startRouter } from "../router/index.ts";
import { untilAsked } from "./stopping.ts";

export async function run(): Promise<void> {
  const settings = readSettings();
  if (!settings.ROUTER_TOKEN)
    throw Object.assign(new Error("ROUTER_TOKEN is not set."), {
      hint: "Set it to a random text of 16 characters or more; worker needs the same.",
    });
  const router = await startRouter({
    host: settings.HOST,
    port: settings.ROUTER_PORT,
    adminPort: settings.ROUTER_ADMIN_PORT,
    adminHost: settings.ROUTER_ADMIN_HOST,
    token: new Secret(settings.ROUTER_TOKEN),
    stateFile: settings.ROUTER_STATE ?? join(resolve(settings.DATA_DIR), "router", "routes.json"),
    log: createLog(settings.LOG_LEVEL, { role: "router" }),
  });
  process.stdout.write(`Router: traffic on ${router.port}, admin on ${router.adminPort}\n`);
  await untilAsked(
    () => router.close(),
    (line) => void process.stdout.write(`${line}\n`),
  );
}
