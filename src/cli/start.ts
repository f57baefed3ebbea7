import { environment, readSettings } from "../config/config.ts";
import { createLog } from "../platform/log.ts";
import { start } from "../start/start.ts";
import { untilAsked } from "./stopping.ts";

export async function run(): Promise<void> {
  const settings = readSettings();
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  say("Starting Quarterdeck on embedded defaults …");
  const started = await start({
    settings,
    env: environment(),
    log: createLog(settings.LOG_LEVEL),
    now: new Date(),
    say,
  });
  say(`Quarterdeck is ready: ${started.url}`);
  await untilAsked(started.stop, say);
  process.exit(0);
}
