/**
 * Deploys: which version of a service runs, since when, by whom, and how it turned out. `/ops deploys`.
 * Owns: deploys, and posted ones that could not be read. Pages about: nothing.
 */
import { z } from "zod";
import * as lookup from "../../catalog/lookup.ts";
import { arg, argsOf, defineCommand, flagsOf } from "../../platform/commands/spec.ts";
import type { CommandContext, Feature, Hook, Reply, SummaryLine } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import type { Alerts } from "../alerts/index.ts";
import { deployLine } from "./cards.ts";
import { deploysMigrations } from "./migrations.ts";
import { createDeployHook, createDeploysApi } from "./service.ts";
import { countOutcomes, currentDeploy, findDeploy, listDeploys } from "./store.ts";
import { createToldJob } from "./told.ts";
import type { Deploys } from "./types.ts";

export { deploysMigrations } from "./migrations.ts";
export { placeOf } from "./place.ts";
export type * from "./types.ts";

const dayMs = 86_400_000;
const linesMax = 20;
const hookName = "deploys";

export const deploysSpec = defineCommand({
  name: "deploys",
  args: z.object({ service: arg.service().optional() }),
  flags: z.object({ since: arg.duration().optional() }),
  role: "anyone",
  acts: false,
  summary: "Which versions, settings and flags went out, when, by whom, and how each turned out.",
  example: "deploys shop --since 7d",
});

export function createDeploys(
  platform: Platform,
  parts: { alerts: Pick<Alerts, "eventOf"> },
): { feature: Feature; api: Deploys } {
  const { database, catalogs } = platform;
  const api = createDeploysApi(platform);
  const handle = createDeployHook(platform, api);
  const toldJob = createToldJob(platform, api, parts.alerts);

  const deploys = async ({ line, now }: CommandContext): Promise<Decision<Reply>> => {
    const { service: target } = argsOf(deploysSpec, line);
    const sinceMs = flagsOf(deploysSpec, line).since ?? 7 * dayMs;
    const found = await listDeploys(database.db, {
      ...(target ? { services: [target.service], environment: target.environment } : {}),
      since: new Date(now.getTime() - sinceMs),
      limit: linesMax,
    });
    if (found.length > 0)
      return allow({ text: found.map((deploy) => deployLine(deploy, target === undefined)).join("\n") });
    const current = target && (await currentDeploy(database.db, target.service, target.environment));
    const nothing = "No deploy in that time. Look further back: `--since 30d`.";
    return allow({ text: current ? `${nothing}\nRuns: ${deployLine(current, false)}` : nothing });
  };

  const status = async (service: string): Promise<readonly SummaryLine[]> => {
    const environment = catalogs.current().organisation.defaultEnvironment;
    const current = await currentDeploy(database.db, service, environment);
    return current ? [{ rank: 50, text: `Runs ${deployLine(current, false)}` }] : [];
  };

  const why = async (thing: { id: string } | { service: string }): Promise<readonly SummaryLine[]> => {
    const deploy =
      "id" in thing && thing.id.startsWith("D-") ? await findDeploy(database.db, thing.id) : undefined;
    return deploy ? [{ rank: 50, text: deployLine(deploy, true) }] : [];
  };

  const hookOf = (source: string): Hook => ({
    source,
    about:
      "Deploys made elsewhere: `{ service, environment?, kind?, version, by, url?, at?, reference?, migration?: { id, note?, reversal? } }` or a list of them; kind is deploy, config or flag.",
    handle,
  });

  const feature: Feature = {
    name: "deploys",
    about: "Which version of a service runs, since when, by whom, and how it turned out.",
    commands: [{ spec: deploysSpec, run: deploys }],
    /** One for every source of this kind that the catalog in force names, and always the one of the room's name. */
    get hooks() {
      return [...new Set([hookName, ...declaredSources(catalogs)])].map(hookOf);
    },
    jobs: [
      toldJob,
      {
        name: "deploys.seed",
        about: "Records the version each service began with, in each environment.",
        lane: "bulk",
        async run() {
          const catalog = catalogs.current();
          for (const { name: service } of catalog.services)
            for (const environment of lookup.trafficPlacesOf(catalog, service))
              await database.tx((tx) => api.seed(tx, { service, environment }));
        },
      },
    ],
    events: [{ on: "hooks.deploy", job: toldJob.name }],
    schedules: [{ job: "deploys.seed", everySec: 30 }],
    summaries: { status, why },
    metrics: [
      {
        name: "quarterdeck_deploys",
        help: "Deploys kept, by outcome.",
        type: "gauge",
        read: () => countOutcomes(database.db),
      },
    ],
    migrations: deploysMigrations,
    retention: [
      { table: "deploys", column: "at", keepDays: 400, where: "outcome <> 'good'" },
      { table: "deploys", column: "at", keepDays: 1_200 },
      { table: "deploy_posts", column: "received_at", keepDays: 30 },
    ],
  };
  return { feature, api };
}

function declaredSources(catalogs: Platform["catalogs"]): string[] {
  if (catalogs.digest() === "none") return [];
  return catalogs
    .current()
    .hookSources.filter(({ kind }) => kind === "deploys")
    .map(({ name }) => name);
}
