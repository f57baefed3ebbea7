import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Database } from "./db/database.ts";
import type { Feature, MetricLine } from "./feature.ts";

/** What the platform itself tells; features add theirs. */
export function platformMetrics(database: Database): MetricLine[] {
  const one = async (read: () => Promise<{ n: string }>) => [{ value: Number((await read()).n) }];
  return [
    {
      name: "quarterdeck_rings_waiting",
      help: "Rings by lane that are due or to come.",
      type: "gauge",
      read: async () =>
        (
          await database.db
            .selectFrom("rings")
            .select((eb) => ["lane", eb.fn.countAll<string>().as("n")])
            .groupBy("lane")
            .execute()
        ).map((row) => ({ labels: { lane: row.lane }, value: Number(row.n) })),
    },
    {
      name: "quarterdeck_messages_behind",
      help: "Messages whose shown version is older than the wanted one.",
      type: "gauge",
      read: () =>
        one(() =>
          database.db
            .selectFrom("messages")
            .select((eb) => eb.fn.countAll<string>().as("n"))
            .whereRef("shown_version", "<", "wanted_version")
            .executeTakeFirstOrThrow(),
        ),
    },
    {
      name: "quarterdeck_inbox_open",
      help: "What people asked and is not answered yet.",
      type: "gauge",
      read: () =>
        one(() =>
          database.db
            .selectFrom("inbox")
            .select((eb) => eb.fn.countAll<string>().as("n"))
            .where("done_at", "is", null)
            .executeTakeFirstOrThrow(),
        ),
    },
  ];
}

/** Prometheus text of this process and of the installation. */
export async function metricsText(app: {
  database: Database;
  features: readonly Feature[];
  audit: { metrics: readonly MetricLine[] };
}): Promise<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const line of [
    ...platformMetrics(app.database),
    ...app.audit.metrics,
    ...app.features.flatMap((feature) => feature.metrics ?? []),
  ]) {
    const readings = await line.read();
    // A gauge without labels would stand at 0, which is a value of its own.
    if (readings.length === 0) continue;
    const labelNames = [...new Set(readings.flatMap((reading) => Object.keys(reading.labels ?? {})))];
    const gauge = new Gauge({ name: line.name, help: line.help, labelNames, registers: [registry] });
    for (const reading of readings) gauge.set(reading.labels ?? {}, reading.value);
  }
  return registry.metrics();
}
