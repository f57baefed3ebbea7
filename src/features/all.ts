import type { Migration } from "kysely";
import { platformMigrations } from "../platform/db/migrations.ts";
import type { Feature } from "../platform/feature.ts";
import type { Platform } from "../platform/platform.ts";
import { createHome } from "./home/index.ts";
import { createTrail } from "./trail/index.ts";

/** Parts a caller may wrap or replace; production passes none. */
export type FeatureOverrides = Record<string, never>;

/** Builds every feature and hands each the functions of the others it needs. */
export function buildFeatures(platform: Platform, _overrides: FeatureOverrides): readonly Feature[] {
  const trail = createTrail(platform);
  const features: Feature[] = [trail];
  const home = createHome(platform, () => features);
  features.unshift(home);
  return features;
}

/** Every table of every feature, for the release step and the check at start. */
export function allMigrations(): Record<string, Migration> {
  return { ...platformMigrations };
}
