/** Looks again and again while a process runs, whatever became of the look before. */
import type { Log } from "../../platform/log.ts";
import { spanText } from "./model.ts";

const everyMs = 10_000;
/** Milliseconds without a look that came to its end before it is said as loudly as a log can. */
const blindMaxMs = 60_000;

export function keepLooking(look: () => Promise<void>, log: Log): { stop(): Promise<void> } {
  let underWay: Promise<void> | undefined;
  let sawMs = performance.now();
  let isSaid = false;
  const once = async (): Promise<void> => {
    try {
      await look();
      sawMs = performance.now();
      isSaid = false;
    } catch (error) {
      const blindMs = performance.now() - sawMs;
      log.warn({ err: error }, "a look at Quarterdeck itself failed");
      if (isSaid || blindMs < blindMaxMs) return;
      isSaid = true;
      // Nothing can be kept and so nobody told from here: the heartbeat that stays away tells.
      log.fatal(`Quarterdeck cannot see itself for ${spanText(blindMs)}: no heartbeat goes out`);
    }
  };
  const timer = setInterval(() => {
    underWay ??= once().finally(() => {
      underWay = undefined;
    });
  }, everyMs);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await underWay;
    },
  };
}
