/**
 * Deploy markers: what of a service's traffic changed, and when, on every chart, in Grafana, as a metric and to signed
 * webhooks. Owns: markers, and who was told of them. Pages about: nothing; what is not taken is said in the
 * organisation's channel.
 */
import { randomUUID } from "node:crypto";
import * as lookup from "../../catalog/lookup.ts";
import type { Db, Trx, Tx } from "../../platform/db/database.ts";
import type { Feature } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import type { MarkerSinks } from "../../providers/markers/instances.ts";
import { markersMigrations } from "./migrations.ts";
import { keyOf, type Marker, type NewMarker, newsMs } from "./model.ts";
import { countDeliveries, insertDelivery, insertMarker, markersBetween, newestMarkers } from "./store.ts";
import { sweepDeliveries, sweepJob, tellJob, tellMarker } from "./tell.ts";

export { chartMarks, withoutMarked } from "./chart.ts";
export { markersMigrations } from "./migrations.ts";
export type { Marker, NewMarker } from "./model.ts";

export interface Markers {
  /** Keeps it and has every system outside told of it. The same thing, kind and share again changes nothing. */
  mark(tx: Tx, marker: NewMarker): Promise<void>;
  /** Of a service in one environment, oldest first; of very many the newest. */
  between(
    db: Db | Trx,
    service: string,
    environment: string,
    from: Date,
    to: Date,
  ): Promise<readonly Marker[]>;
}

/** What this room asks of the deploys that others record. */
interface RecordedDeploys {
  find(id: string): Promise<
    | {
        readonly id: string;
        readonly service: string;
        readonly environment: string;
        /** Only `deploy` makes a version the one that runs. */
        readonly change: "deploy" | "config" | "flag";
        readonly version: string;
        readonly previous?: string | undefined;
        readonly source: string;
        readonly at: Date;
      }
    | undefined
  >;
}

/** Most that one chart asks for. */
const markersMax = 500;
const deployedJob = "markers.deployed";
const ownSources: readonly string[] = ["rollout", "rollback", "catalog"];
const metricSinceMs = 90 * 86_400_000;

export function createMarkers(
  platform: Platform,
  parts: { sinks: MarkerSinks; deploys: RecordedDeploys },
): { feature: Feature; api: Markers } {
  const { database, catalogs, clock } = platform;
  const api: Markers = {
    async mark(tx, marker) {
      const id = randomUUID();
      if (!(await insertMarker(tx.trx, { ...marker, id, key: keyOf(marker) }, tx.now))) return;
      if (tx.now.getTime() - marker.at.getTime() > newsMs) return;
      for (const { name, kinds, services } of lookup.markerSinks(catalogs.current())) {
        if (kinds !== undefined && !kinds.includes(marker.kind)) continue;
        if (services !== undefined && !services.includes(marker.service)) continue;
        const delivery = { id: randomUUID(), marker: id, sink: name };
        await insertDelivery(tx.trx, delivery, tx.now);
        tx.ring({ job: tellJob, ref: delivery.id, lane: "bulk" });
      }
    },
    between: (db, service, environment, from, to) =>
      markersBetween(db, { service, environment }, { from, to }, markersMax),
  };

  /** A deploy made elsewhere. What we made ourselves has its own markers, and the first of all is no news. */
  const markDeploy = async (ref: string): Promise<undefined> => {
    const deploy = await parts.deploys.find(ref);
    if (deploy?.change !== "deploy" || ownSources.includes(deploy.source)) return undefined;
    const { id, service, environment, version, previous, at } = deploy;
    await database.tx((tx) =>
      api.mark(tx, { service, environment, kind: "deployed", version, from: previous, thing: id, at }),
    );
    return undefined;
  };

  const told = { platform, sinks: parts.sinks };
  const feature: Feature = {
    name: "markers",
    about: "What of a service's traffic changed, and when: on charts, in Grafana, as a metric, to webhooks.",
    jobs: [
      {
        name: deployedJob,
        about: "Marks a deploy that was made elsewhere.",
        lane: "bulk",
        run: markDeploy,
      },
      {
        name: tellJob,
        about: "Tells one system outside of one deploy marker.",
        lane: "bulk",
        run: (id) => tellMarker(told, id),
      },
      {
        name: sweepJob,
        about: "Rings deploy markers again that wait to be told.",
        lane: "bulk",
        run: () => sweepDeliveries(told).then(() => undefined),
      },
    ],
    events: [{ on: "deploys.recorded", job: deployedJob }],
    schedules: [{ job: sweepJob, everySec: 300 }],
    metrics: [
      {
        name: "quarterdeck_deploy_marker_timestamp_seconds",
        help: "When the newest deploy marker of each kind was, by service and environment; the last 90 days.",
        type: "gauge",
        async read() {
          const newest = await newestMarkers(database.db, new Date(clock.now().getTime() - metricSinceMs));
          return newest.map(({ service, environment, kind, version, at }) => ({
            labels: { service, environment, kind, version },
            value: at.getTime() / 1_000,
          }));
        },
      },
      {
        name: "quarterdeck_deploy_marker_deliveries",
        help: "Deploy markers that systems outside have not taken: waiting to be told again, or given up.",
        type: "gauge",
        read: () => countDeliveries(database.db),
      },
    ],
    migrations: markersMigrations,
    retention: [
      { table: "marker_deliveries", column: "created_at", keepDays: 90 },
      { table: "markers", column: "at", keepDays: 400 },
      { table: "marker_sinks", column: "busy_until", keepDays: 90 },
    ],
  };
  return { feature, api };
}
