import type { Migration } from "kysely";
import { platformMigrations } from "../platform/db/migrations.ts";
import type { Feature } from "../platform/feature.ts";
import type { Platform } from "../platform/platform.ts";
import type { SlackApi } from "../platform/slack/client.ts";
import type { Accessor } from "../providers/accessors/contract.ts";
import { createAccessors } from "../providers/accessors/instances.ts";
import { createGitopsSystems } from "../providers/gitops/systems.ts";
import { createClusters } from "../providers/kubernetes/clusters.ts";
import { createMarkerSinks } from "../providers/markers/instances.ts";
import { createMetricsProviders } from "../providers/metrics/instances.ts";
import { createPagers } from "../providers/pagers/instances.ts";
import { createScms } from "../providers/scm/instances.ts";
import { createTicketingProviders } from "../providers/ticketing/instances.ts";
import type { TrafficEngine } from "../providers/traffic/contract.ts";
import { createTrafficEngines } from "../providers/traffic/instances.ts";
import { accessMigrations, createAccess } from "./access/index.ts";
import { alertMigrations, createAlerts } from "./alerts/index.ts";
import { createCatalogRoom } from "./catalog/index.ts";
import { createDeploys, deploysMigrations } from "./deploys/index.ts";
import { createFlagger, flaggerMigrations } from "./flagger/index.ts";
import { createFreezes, freezesMigrations } from "./freezes/index.ts";
import { clusterOf, createGitops, gitopsMigrations } from "./gitops/index.ts";
import { createHome } from "./home/index.ts";
import { createMarkers, markersMigrations } from "./markers/index.ts";
import { createPaging, type Paging, pagingMigrations } from "./paging/index.ts";
import { createQuality, qualityMigrations } from "./quality/index.ts";
import { createRollbacks, rollbacksMigrations } from "./rollbacks/index.ts";
import { createRollouts, rolloutsMigrations } from "./rollouts/index.ts";
import { createRunbooks, runbookMigrations } from "./runbooks/index.ts";
import { createSignals, signalsMigrations } from "./signals/index.ts";
import { createSlos, sloMigrations } from "./slos/index.ts";
import { createTickets, ticketMigrations } from "./tickets/index.ts";
import { createTokens } from "./tokens/index.ts";
import { createTrail, trailMigrations } from "./trail/index.ts";
import { createWatch, watchMigrations } from "./watch/index.ts";

/** Parts a caller may wrap or replace; production passes none. */
export interface FeatureOverrides {
  pager?: (paging: Paging) => Paging;
  traffic?: (engine: TrafficEngine) => TrafficEngine;
  accessor?: (accessor: Accessor) => Accessor;
  slack?: (api: SlackApi) => SlackApi;
}

/** Builds every feature and hands each the functions of the others it needs. */
export function buildFeatures(platform: Platform, overrides: FeatureOverrides): readonly Feature[] {
  const metrics = createMetricsProviders(platform);
  const signals = createSignals(platform, metrics);
  // What a provider sends back of our own pages, the room that pages knows; it hears of the rest from the alerts.
  const alerts = createAlerts(platform, undefined, (tx, source, told) => paging.ownPages(tx, source, told));
  const paging: ReturnType<typeof createPaging> = createPaging(
    platform,
    { alerts: alerts.api },
    overrides.pager,
  );
  const deploys = createDeploys(platform, { alerts: alerts.api });
  const markers = createMarkers(platform, { sinks: createMarkerSinks(platform), deploys: deploys.api });
  const slos = createSlos(platform, metrics, { deploys: deploys.api, markers: markers.api });
  const gitops = createGitops({
    platform,
    paging: paging.api,
    useCluster: clusterOf(platform, createClusters()),
    systemOf: createGitopsSystems(),
    scms: createScms(platform),
  });
  const freezes = createFreezes(platform);
  const moving = {
    platform,
    gitops: gitops.api,
    freezes: freezes.api,
    markers: markers.api,
    traffic: createTrafficEngines(platform, overrides.traffic),
    signals: signals.api,
    slos: slos.api,
    deploys: deploys.api,
    paging: paging.api,
    alerts: alerts.api,
  };
  const rollouts = createRollouts(moving);
  const rollbacks = createRollbacks({ ...moving, rollouts: rollouts.api });
  const tickets = createTickets(platform, {
    alerts: alerts.api,
    slos: slos.api,
    paging: paging.api,
    ticketing: createTicketingProviders(platform),
    deploys: deploys.api,
  });
  const flagger = createFlagger({
    platform,
    slos: slos.api,
    paging: paging.api,
    freezes: freezes.api,
    tellEvent: (request) => alerts.receive(request),
  });
  const access = createAccess(platform, {
    accessors: createAccessors(platform, overrides.accessor),
    paging: paging.api,
    tickets: tickets.api,
    freezes: freezes.api,
  });
  const runbooks = createRunbooks(platform, {
    signals: signals.api,
    slos: slos.api,
    deploys: deploys.api,
    markers: (service, environment, from, to) =>
      markers.api.between(platform.database.db, service, environment, from, to),
    tickets: tickets.api,
    alerts: alerts.api,
  });
  const quality = createQuality(platform, {
    alerts: alerts.api,
    tickets: tickets.api,
    runbooks: runbooks.api,
  });
  const trail = createTrail(platform);
  const watch = createWatch(platform, {
    alerts: alerts.api,
    paging: paging.api,
    pagers: createPagers(platform),
  });
  const features: Feature[] = [
    slos.feature,
    signals.feature,
    paging.feature,
    alerts,
    tickets,
    deploys.feature,
    rollouts.feature,
    rollbacks.feature,
    gitops.feature,
    flagger,
    freezes.feature,
    markers.feature,
    access,
    runbooks,
    quality,
    trail.feature,
    createCatalogRoom(platform),
    watch,
    createTokens(platform),
  ];
  const home = createHome(platform, () => features);
  features.unshift(home);
  return features;
}

/** Every table of every feature, for the release step and the check at start. */
export function allMigrations(): Record<string, Migration> {
  return {
    ...platformMigrations,
    ...signalsMigrations,
    ...sloMigrations,
    ...pagingMigrations,
    ...deploysMigrations,
    ...rolloutsMigrations,
    ...rollbacksMigrations,
    ...gitopsMigrations,
    ...flaggerMigrations,
    ...freezesMigrations,
    ...markersMigrations,
    ...alertMigrations,
    ...ticketMigrations,
    ...accessMigrations,
    ...runbookMigrations,
    ...qualityMigrations,
    ...trailMigrations,
    ...watchMigrations,
  };
}
