import { readSettings } from "../config/config.ts";
import { buildFeatures } from "../features/all.ts";
import type { Feature } from "../platform/feature.ts";
import type { Platform } from "../platform/platform.ts";

/**
 * Every feature as data, without database, Slack or catalog: declarations are read, nothing is run. What a feature
 * asks of the platform while it is built must therefore wait until it runs; the error names what did not.
 */
export function declaredFeatures(): readonly Feature[] {
  const catalogs: Platform["catalogs"] = {
    // As before the first catalog is in force.
    current: () => absentCall("catalogs"),
    digest: () => "none",
    offer: async () => absentCall("catalogs"),
    put: async () => absentCall("catalogs"),
    refresh: async () => absentCall("catalogs"),
    start: () => undefined,
    stop: () => undefined,
    onSwitch: () => undefined,
  };
  const platform: Partial<Platform> = {
    settings: readSettings({}),
    env: () => undefined,
    random: () => 0,
    publicUrl: "http://127.0.0.1",
    slackTeam: () => absentCall("slackTeam"),
    catalogs,
  };
  return buildFeatures(partlyAbsent(platform), {});
}

/** A platform of which only these parts are there: the others may be handed on and looked into, not used. */
export const partlyAbsent = (given: Partial<Platform>): Platform =>
  new Proxy(given as Platform, {
    get: (parts, part: string) => parts[part as keyof Platform] ?? absent(part),
  });

function absentCall(part: string): never {
  throw new Error(`A feature used ${part} while it was declared; it must wait until it runs.`);
}

/** Stands for a part of the platform: it may be handed on and looked into, not used. */
// biome-ignore lint/complexity/noBannedTypes: it stands for functions and objects alike.
function absent(part: string): Function {
  return new Proxy(() => undefined, {
    get: (_target, name) =>
      typeof name === "symbol" || name === "then" ? undefined : absent(`${part}.${name}`),
    apply: () => absentCall(part),
  });
}
