import { existsSync } from "node:fs";
import { join } from "node:path";
import { environment, readSettings } from "../../src/config/config.ts";
import { createLog } from "../../src/platform/log.ts";
import type { ReadBack } from "../../src/providers/accessors/contract.ts";
import { start } from "../../src/start/start.ts";

/**
 * `start`, in which each of four effects does nothing while a file of its name lies in the data folder: it claims
 * success and changes nothing outside.
 */
const settings = readSettings();
const isOff = (effect: string): boolean => existsSync(join(settings.DATA_DIR, `off-${effect}`));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const gone: ReadBack = { exists: false, canLogin: false, validUntil: null, memberships: [], openSessions: 0 };

const started = await start({
  settings,
  env: environment(),
  log: createLog(settings.LOG_LEVEL),
  now: new Date(),
  say,
  overrides: {
    traffic: (engine) => ({
      ...engine,
      manualRevert: engine.manualRevert.bind(engine),
      describe: engine.describe.bind(engine),
      promote: engine.promote.bind(engine),
      snapshot: engine.snapshot.bind(engine),
      revert: engine.revert.bind(engine),
      parity: engine.parity.bind(engine),
      setWeight: async (target, version, percent, key, call) => {
        if (!isOff("setWeight")) return engine.setWeight(target, version, percent, key, call);
        const state = await engine.describe(target, call);
        const others = state.versions
          .filter((one) => one.version !== version)
          .map((one) => ({ ...one, weightPercent: 100 - percent }));
        return {
          ...state,
          changedBy: key,
          versions: [...others, { version, weightPercent: percent, address: null }],
        };
      },
    }),
    accessor: (accessor) => {
      // Verify lies only about what revoke claimed to have done: before that the login must be seen to be there.
      const claimed = new Set<string>();
      return {
        plan: accessor.plan.bind(accessor),
        grant: accessor.grant.bind(accessor),
        list: accessor.list.bind(accessor),
        verify: async (ref, options) =>
          claimed.has(ref.externalName) ? gone : accessor.verify(ref, options),
        revoke: async (ref, options) => {
          if (!isOff("revoke")) return accessor.revoke(ref, options);
          claimed.add(ref.externalName);
          return { sessionsEnded: 0, cleaned: [], readBack: gone, lastsUntil: null };
        },
      };
    },
    pager: (paging) => ({
      ...paging,
      page: async (tx, request) => (isOff("page") ? undefined : paging.page(tx, request)),
    }),
    slack: (api) => ({
      ...api,
      call: async (method, args) =>
        method === "chat.postMessage" && isOff("postMessage")
          ? ({ ok: true, channel: args.channel, ts: "1.000001" } as never)
          : api.call(method, args),
    }),
  },
});
say(`Quarterdeck is ready: ${started.url}`);
process.once("SIGTERM", () => void started.stop().then(() => process.exit(0)));
