import type { App } from "../../app.ts";
import * as lookup from "../../catalog/lookup.ts";
import { markerSinks } from "../../catalog/lookup.ts";
import { pagersOf } from "../../catalog/paging.ts";
import type { Catalog, MetricsInstance } from "../../catalog/schema.ts";
import { aimOf } from "../../features/rollouts/index.ts";
import { listHookTokens } from "../../platform/hooktokens.ts";
import { createTicketingProviders } from "../../providers/ticketing/instances.ts";
import { createTrafficEngines } from "../../providers/traffic/instances.ts";
import { reasonOf } from "../world.ts";
import { checkAccessor } from "./accessors.ts";
import { type Finding, failed, notSet, ok } from "./finding.ts";
import { checkMarkerSink } from "./markers.ts";
import { checkPager } from "./pagers.ts";

/** Milliseconds one answer may take. */
const deadlineMs = 5_000;

/** Every instance the catalog names, asked something harmless. */
export async function checkProviders(app: App, catalog: Catalog): Promise<Finding[]> {
  const found = await Promise.all([
    ...catalog.providers.metrics.map((instance) => checkMetrics(app, instance)),
    ...catalog.services.flatMap(({ name }) =>
      lookup.trafficPlacesOf(catalog, name).map((environment) => checkTraffic(app, name, environment)),
    ),
    ...catalog.providers.accessors.map((instance) => checkAccessor(app, catalog, instance)),
    ...catalog.providers.ticketing.map(({ name }) => checkTicketing(app, name)),
    ...pagersOf(catalog).map((instance) => checkPager(app, instance)),
    ...markerSinks(catalog).map((instance) => checkMarkerSink(app, instance)),
    checkHookTokens(app, catalog),
  ]);
  return found.flat();
}

async function checkMetrics(app: App, instance: MetricsInstance): Promise<Finding[]> {
  const system = `Metrics ${instance.name}`;
  const urls =
    instance.kind === "scrape"
      ? instance.targets.map(({ url }) => url)
      : [`${instance.url.replace(/\/$/, "")}/api/v1/query?query=1`];
  const token =
    instance.kind === "prometheus" && instance.tokenEnv !== undefined
      ? app.env(instance.tokenEnv)
      : undefined;
  if (instance.kind === "prometheus" && instance.tokenEnv !== undefined && token === undefined)
    return [
      failed(
        system,
        `${instance.tokenEnv} is not set`,
        "Set it; the catalog names it as this instance's token.",
      ),
    ];
  const bad = (
    await Promise.all(
      urls.map(async (url) => {
        try {
          const answer = await fetch(url, {
            headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
            signal: AbortSignal.timeout(deadlineMs),
          });
          await answer.body?.cancel();
          return answer.ok ? [] : [`${url}: HTTP ${answer.status}`];
        } catch (error) {
          return [`${url}: ${reasonOf(error)}`];
        }
      }),
    )
  ).flat();
  if (bad.length === 0) return [ok(system, `${urls.length} of ${urls.length} answer`)];
  return [
    failed(
      system,
      bad.join("; "),
      `Check providers.metrics, ${instance.name}, in the catalog and the network to it.`,
    ),
  ];
}

async function checkTraffic(app: App, service: string, environment: string): Promise<Finding[]> {
  const system = `Traffic of ${service} in ${environment}`;
  const aim = aimOf(app, createTrafficEngines(app), service, environment);
  if (!aim.ok) return [failed(system, aim.refusal.message, aim.refusal.hint)];
  const { engine, target } = aim.value;
  try {
    const { versions } = await engine.describe(target, { deadlineMs });
    const weights = versions.map(({ version, weightPercent }) => `${version} ${weightPercent} %`).join(", ");
    return [ok(system, weights || "no route yet; the first worker makes it")];
  } catch (error) {
    const { hint } = error as { hint?: string };
    return [
      failed(
        system,
        reasonOf(error),
        hint ?? `Check the traffic of ${service} in the catalog, and its token.`,
      ),
    ];
  }
}

async function checkTicketing(app: App, name: string): Promise<Finding[]> {
  const system = `Tickets ${name}`;
  try {
    return [ok(system, await createTicketingProviders(app)(name).check())];
  } catch (error) {
    const { hint } = error as { hint?: string };
    return [failed(system, reasonOf(error), hint ?? `Check providers.ticketing, ${name}, in the catalog.`)];
  }
}

async function checkHookTokens(app: App, catalog: Catalog): Promise<Finding[]> {
  const valid = (await listHookTokens(app.database.db)).filter(({ revokedAt }) => revokedAt === null);
  return catalog.hookSources.map(({ name, team, secretEnv }) => {
    const own = valid.filter(({ source }) => source === name);
    if (secretEnv !== undefined && app.env(secretEnv) === undefined)
      return failed(`Hook ${name}`, `${secretEnv} is not set`, "Set it to the secret its sender signs with.");
    if (secretEnv !== undefined && own.length === 0)
      return ok(`Hook ${name}`, "takes its sender's signature");
    return own.length > 0
      ? ok(`Hook ${name}`, `${own.length} valid token(s)`)
      : notSet(`Hook ${name}`, "no token yet", `quarterdeck token create ${name} --team ${team}`);
  });
}
