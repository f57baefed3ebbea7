/**
 * The catalog: what a company declares in YAML. Every file may hold any of the sections below; lists of all
 * files are joined, and `organisation` and `policies` stand in one file each.
 */
import { z } from "zod";
import { accessorInstanceSchema, resourceSchema } from "./accessors.ts";
import { freezeSchema } from "./freezes.ts";
import { hookSourceSchema } from "./hook-sources.ts";
import { markerSinkSchema } from "./marker-sinks.ts";
import { pagerInstanceSchema } from "./pagers.ts";
import { channelSchema, organisationSchema, personSchema, teamSchema } from "./people.ts";
import { metricsInstanceSchema, scmInstanceSchema, ticketingInstanceSchema } from "./providers.ts";
import { policiesSchema, serviceSchema } from "./services.ts";
import { sloSchema } from "./slos.ts";
import { trafficInstanceSchema } from "./traffic.ts";
import { watchdogSchema } from "./watchdogs.ts";

const providersSchema = z.strictObject({
  metrics: z.array(metricsInstanceSchema).default([]),
  traffic: z.array(trafficInstanceSchema).default([]),
  accessors: z.array(accessorInstanceSchema).default([]),
  ticketing: z.array(ticketingInstanceSchema).default([]),
  scm: z.array(scmInstanceSchema).default([]),
  pagers: z.array(pagerInstanceSchema).default([]),
  markers: z.array(markerSinkSchema).default([]),
});

/** One file. */
export const catalogFileSchema = z.strictObject({
  organisation: organisationSchema.optional(),
  channels: z.array(channelSchema).default([]),
  people: z.array(personSchema).default([]),
  teams: z.array(teamSchema).default([]),
  services: z.array(serviceSchema).default([]),
  slos: z.array(sloSchema).default([]),
  providers: providersSchema.prefault({}),
  resources: z.array(resourceSchema).default([]),
  hookSources: z.array(hookSourceSchema).default([]),
  watchdogs: z.array(watchdogSchema).default([]),
  freezes: z.array(freezeSchema).default([]),
  policies: policiesSchema.optional(),
});
export type CatalogFile = z.output<typeof catalogFileSchema>;

/** All files together, checked. Spans are in milliseconds. Plain data: it is stored as a row. */
export type Catalog = Required<CatalogFile>;

export type { AccessPolicy } from "./access-policy.ts";
export {
  type AccessorInstance,
  type AccessRole,
  type AccessTerms,
  accessTermsSchemas,
  accountsNeeded,
  type Resource,
  type TermsOf,
} from "./accessors.ts";
export type { DataMigration } from "./data-migration.ts";
export type { BudgetLevel, ErrorBudgetPolicy } from "./error-budget.ts";
export type { Histogram, LabelMatcher, Milliseconds, Selector } from "./fields.ts";
export type { CalendarFreeze } from "./freezes.ts";
export type { HookSource } from "./hook-sources.ts";
export type { MarkerKind, MarkerSinkInstance } from "./marker-sinks.ts";
export type { PagerInstance } from "./pagers.ts";
export type { Channel, Organisation, Person, Team } from "./people.ts";
export type {
  MetricsInstance,
  ScmInstance,
  TicketingInstance,
} from "./providers.ts";
export type { NoVerdict, RolloutStep, RolloutStrategy, WarmUp } from "./rollout.ts";
export type { OnCall, Rung, ScheduleLayer } from "./schedules.ts";
export type { Policies, Service } from "./services.ts";
export type { Signal } from "./signals.ts";
export type { AlertingRow } from "./slo-rows.ts";
export type { CalendarUnit, SloWindow } from "./slo-windows.ts";
export type { Indicator, Slo, SloSlices } from "./slos.ts";
export type { ServiceTraffic, TrafficInstance } from "./traffic.ts";
export type { Watchdog } from "./watchdogs.ts";
