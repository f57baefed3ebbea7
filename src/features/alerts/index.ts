/**
 * Alerts: what monitoring says, kept before it is answered, each alert once, joined by cause.
 * Owns: deliveries, alerts, groups of alerts, events of hooks. Pages about: nothing; tickets decide.
 */

import type { HookSource } from "../../catalog/hook-sources.ts";
import type { Db, Trx } from "../../platform/db/database.ts";
import type { Feature, Hook } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Job } from "../../platform/rings/runner.ts";
import { changedEvent, createDrain } from "./drain.ts";
import { eventOf, type ToldEvent } from "./event-store.ts";
import {
  type AlertFilter,
  changesSince,
  countAlerts,
  type FiringOn,
  type Firings,
  firingOn,
  firingsOf,
  type ListedAlert,
  listAlerts,
  type ToldChange,
} from "./history.ts";
import { createIntake } from "./intake.ts";
import { alertMigrations } from "./migrations.ts";
import type { OwnPages } from "./own-pages.ts";
import { noteProblems } from "./problems.ts";
import {
  type AlertGroup,
  alertTables,
  firingGroupIds,
  groupIdOf,
  lockGroup,
  markStale,
  readGroup,
  readGroups,
} from "./store.ts";
import { createConfirmJob } from "./subscriptions.ts";
import { waitingSince } from "./watched.ts";
import { fetchOutside } from "./webhooks/fetch-outside.ts";
import { createProver } from "./webhooks/prove.ts";
import { readDelivery, senderKinds, senderOf } from "./webhooks/senders.ts";
import type { FetchBytes } from "./webhooks/sns/prove.ts";
import { confirmEvent } from "./webhooks/sns.ts";

export { changedEvent as alertsChanged } from "./drain.ts";
export type * from "./events.ts";
export { groupOf } from "./grouping.ts";
export type { AlertChange, AlertFilter, FiringOn, Firings, ListedAlert, ToldChange } from "./history.ts";
export { alertMigrations } from "./migrations.ts";
export { pagesWhenUnknown, type Severity, severityRank } from "./model.ts";
export type { OwnPages } from "./own-pages.ts";
export { canRead, type Preview, previewOf, sourceNamed } from "./preview.ts";
export type { AlertGroup } from "./store.ts";
export { type Told, toldLine, toldOf } from "./told.ts";
export { watchdogCame } from "./watched.ts";

export interface Alerts {
  /** A cause and its alerts, counted; undefined when no such group is kept. */
  readGroup(db: Db | Trx, id: string): Promise<AlertGroup | undefined>;
  /** Several causes; those not kept are left out. */
  readGroups(db: Db | Trx, ids: readonly string[]): Promise<readonly AlertGroup[]>;
  /** Ids of causes that fire in an environment, the longest known first. */
  firingGroupIds(db: Db | Trx, environment: string, limit: number): Promise<readonly string[]>;
  /** Alerts themselves, the firing first, the newest first. */
  listAlerts(
    db: Db | Trx,
    filter: AlertFilter,
    page: { limit: number; offset: number },
  ): Promise<readonly ListedAlert[]>;
  countAlerts(db: Db | Trx, filter: AlertFilter): Promise<number>;
  /** Beginnings and ends of alerts since a moment, in the order they were heard of. */
  changesSince(db: Db | Trx, since: Date, limit: number): Promise<readonly ToldChange[]>;
  /** Alerts of a service that fire now on instances of these versions, by the label that carries the version. */
  firingOn(
    db: Db | Trx,
    ask: { service: string; environment: string; label: string; versions: readonly string[] },
  ): Promise<readonly FiringOn[]>;
  /** How often each rule fired in [from, to). */
  firingsOf(db: Db, from: Date, to: Date, zone: string): Promise<readonly Firings[]>;
  /** The cause that an alert of a source is part of, by any of these fingerprints; undefined when none is known. */
  groupIdOf(db: Db | Trx, source: string, fingerprints: readonly string[]): Promise<string | undefined>;
  /** Locks a cause; decide about it under this lock. */
  lockGroup(trx: Trx, id: string): Promise<void>;
  /** When the oldest delivery came in that is not folded; null when none waits. */
  waitingSince(db: Db): Promise<Date | null>;
  /** What a hook told besides alerts, by the ref of `hooks.deploy`, `hooks.page` or `hooks.ticket`. */
  eventOf(db: Db | Trx, id: string): Promise<ToldEvent | undefined>;
}

/** Source served while the catalog declares none. */
const defaultSource: HookSource = { name: "alertmanager", kind: "alertmanager", team: "-" };
const staleBatchMax = 1_000;

export function createAlerts(
  platform: Platform,
  /** How certificates and confirmations are read; tests have their own. */
  fetchBytes: FetchBytes = fetchOutside,
  ownPages: OwnPages = async () => new Set(),
): Feature & { api: Alerts; receive: Hook["handle"]; drainOnce(): Promise<number> } {
  const { database, clock, catalogs } = platform;
  // A source that is declared no more is read as it would be by default: what it sent before must not be lost.
  const sourceOf = (source: string): HookSource =>
    catalogs.current().hookSources.find(({ name }) => name === source) ?? { ...defaultSource, name: source };
  const prove = createProver(platform, fetchBytes);
  const confirmJob = createConfirmJob(platform, sourceOf, fetchBytes);
  const intake = createIntake(platform, sourceOf);
  const drain = createDrain(
    platform,
    ({ source, body, headers, received_at: receivedAt }) =>
      readDelivery({ body, headers: headers ?? {}, source: sourceOf(source), receivedAt }),
    ownPages,
  );

  const staleJob: Job = {
    name: "alerts.stale",
    about: "Marks firing alerts that nobody has sent again for long; they are not resolved by that.",
    lane: "bulk",
    async run() {
      const before = new Date(clock.now().getTime() - catalogs.current().policies.alerts.staleAfter);
      const groups = await database.tx(async (tx) => {
        const changed = await markStale(tx.trx, before, tx.now, staleBatchMax);
        for (const id of changed) tx.emit(changedEvent, id);
        return changed;
      });
      return groups.length > 0 ? { again: clock.now() } : undefined;
    },
  };

  const hookOf = (source: HookSource): Hook => ({
    source: source.name,
    about: senderOf(source.kind)?.about ?? "",
    tokenHeader: senderOf(source.kind)?.tokenHeader,
    authenticate: prove(source),
    handle: intake,
    tooLarge: ({ source: name, bytesMax, receivedAt: at }) =>
      database.tx(async (tx) => {
        const why = `is larger than ${bytesMax / 1_000_000} MB: nothing of it was taken; let the sender group less`;
        await noteProblems(tx, platform, [
          { source: name, at, problems: [{ field: "body", why }], takenCount: 0 },
        ]);
      }),
  });
  const sources = (): readonly HookSource[] => {
    try {
      return catalogs.current().hookSources.filter(({ kind }) => senderOf(kind) !== undefined);
    } catch {
      // Before the first catalog is in force there is nothing to ask: what could be there is every kind there is.
      return senderKinds.map((kind) => ({ name: kind, kind, team: defaultSource.team }));
    }
  };

  return {
    name: "alerts",
    about: "What monitoring says: kept before it is answered, each alert once, joined by cause.",
    // Read anew each time: the catalog's sources may change while this runs.
    get hooks() {
      const declared = sources();
      return (declared.length > 0 ? declared : [defaultSource]).map(hookOf);
    },
    jobs: [drain.job, staleJob, confirmJob],
    events: [{ on: confirmEvent, job: confirmJob.name }],
    schedules: [{ job: staleJob.name, everySec: 60 }],
    migrations: alertMigrations,
    metrics: [
      {
        name: "quarterdeck_alerts_received_total",
        help: "Alerts read from webhooks, by source and what they said.",
        type: "counter",
        read: async () =>
          (await alertTables(database.db).selectFrom("alert_totals").selectAll().execute()).map(
            ({ source, outcome, seen }) => ({ labels: { source, outcome }, value: Number(seen) }),
          ),
      },
      {
        name: "quarterdeck_alert_deliveries_waiting",
        help: "Webhook bodies kept and not folded yet.",
        type: "gauge",
        read: async () => {
          const row = await alertTables(database.db)
            .selectFrom("alert_deliveries")
            .select((eb) => eb.fn.countAll<string>().as("n"))
            .where("folded_at", "is", null)
            .executeTakeFirstOrThrow();
          return [{ value: Number(row.n) }];
        },
      },
    ],
    retention: [
      { table: "alert_deliveries", column: "folded_at", keepDays: 2, where: "problems is null" },
      { table: "alert_deliveries", column: "folded_at", keepDays: 30, where: "problems is not null" },
      { table: "alerts", column: "last_seen_at", keepDays: 35, where: "status = 'resolved'" },
      { table: "alerts", column: "last_seen_at", keepDays: 120, where: "status = 'firing'" },
      {
        table: "alert_groups",
        column: "changed_at",
        keepDays: 120,
        where: "not exists (select 1 from alerts where alerts.group_id = alert_groups.id)",
      },
      { table: "alert_changes", column: "seen_at", keepDays: 35 },
      { table: "alert_totals", column: "last_at", keepDays: 400 },
      { table: "alert_problems", column: "last_at", keepDays: 35 },
      { table: "hook_subscriptions", column: "asked_at", keepDays: 400 },
      { table: "hook_events", column: "received_at", keepDays: 30 },
    ],
    api: {
      readGroup,
      readGroups,
      firingGroupIds,
      listAlerts,
      countAlerts,
      changesSince,
      firingOn,
      firingsOf,
      lockGroup,
      groupIdOf,
      eventOf,
      waitingSince,
    },
    // For rooms that answer other posts of the same sender and pass on what they tell.
    receive: intake,
    drainOnce: drain.drainOnce,
  };
}
