import type { Migration } from "kysely";
import { platformMigrations } from "../platform/db/migrations.ts";
import type { Feature } from "../platform/feature.ts";
import type { Platform } from "../platform/platform.ts";
import type { Accessor } from "../providers/accessors/contract.ts";
import { createMetricsProviders } from "../providers/metrics/instances.ts";
import type { TrafficEngine } from "../providers/traffic/contract.ts";
import { alertMigrations } from "./alerts/index.ts";
import { createHome } from "./home/index.ts";
import { createPaging, type Paging, pagingMigrations } from "./paging/index.ts";
import { createSignals, signalsMigrations } from "./signals/index.ts";
import { createSlos } from "./slos/index.ts";
import { ticketMigrations } from "./tickets/index.ts";
import { createTrail } from "./trail/index.ts";

/** Parts a caller may wrap or replace; production passes none. */
export interface FeatureOverrides {
  pager?: (paging: Paging) => Paging;
  traffic?: (engine: TrafficEngine) => TrafficEngine;
  accessor?: (accessor: Accessor) => Accessor;
}

/** Builds every feature and hands each the functions of the others it needs. */
export function buildFeatures(platform: Platform, overrides: FeatureOverrides): readonly Feature[] {
  const metrics = createMetricsProviders(platform);
  const signals = createSignals(platform, metrics);
  const slos = createSlos(platform, metrics);
  const paging = createPaging(platform, overrides.pager);
  const trail = createTrail(platform);
  const features: Feature[] = [slos.feature, signals.feature, paging.feature, trail];
  const home = createHome(platform, () => features);
  features.unshift(home);
  return features;
}

/** Every table of every feature, for the release step and the check at start. */
export function allMigrations(): Record<string, Migration> {
  return {
    ...platformMigrations,
    ...signalsMigrations,
    ...pagingMigrations,
    ...alertMigrations,
    ...ticketMigrations,
  };
}
