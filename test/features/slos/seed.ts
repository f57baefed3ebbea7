import type { Db } from "../../../src/platform/db/database.ts";
import { tables } from "../../../src/platform/db/database.ts";
import { type MetricsTables, writeSamples } from "../../../src/providers/metrics/samples.ts";

const hourMs = 3_600_000;
const minuteMs = 60_000;

/**
 * Four weeks and a day of the sample's shop, as if it had been scraped: 20,000 requests an hour, of which `badOf` fail and one in
 * a hundred is slow; the last three hours by the minute, the last minutes by the second.
 */
export async function seedShop(db: Db, now: Date, badOf: (hoursAgo: number) => number): Promise<void> {
  const endMs = Math.floor(now.getTime() / 1000) * 1000;
  const times: { at: Date; hours: number; hoursAgo: number }[] = [];
  for (let atMs = endMs - 29 * 24 * hourMs; atMs <= endMs; ) {
    const stepMs = endMs - atMs > 3 * hourMs ? hourMs : endMs - atMs > 5 * minuteMs ? minuteMs : 1_000;
    times.push({ at: new Date(atMs), hours: stepMs / hourMs, hoursAgo: (endMs - atMs) / hourMs });
    atMs += stepMs;
  }
  const series = (
    name: string,
    labels: Record<string, string>,
    valueAt: (time: { hours: number; hoursAgo: number }) => number,
  ) => ({
    hash: JSON.stringify([name, labels]),
    name,
    labels: { service: "shop", version: "v41", ...labels },
    kind: "counter" as const,
    points: times.map((time) => ({ at: time.at, value: valueAt(time) })),
    lastValue: 1,
    at: new Date(endMs),
  });
  const perHour = 20_000;
  const buckets = [
    ["0.2", 0.99],
    ["1", 0.999],
    ["+Inf", 1],
  ] as const;
  await tables<MetricsTables>(db)
    .transaction()
    .execute((trx) =>
      writeSamples(trx, "local-scrape", "http://127.0.0.1:3221/metrics", [
        series(
          "http_requests_total",
          { code: "200" },
          ({ hours, hoursAgo }) => perHour * hours * (1 - badOf(hoursAgo)),
        ),
        series(
          "http_requests_total",
          { code: "500" },
          ({ hours, hoursAgo }) => perHour * hours * badOf(hoursAgo),
        ),
        ...buckets.map(([le, share]) =>
          series("http_request_duration_seconds_bucket", { le }, ({ hours }) => perHour * hours * share),
        ),
      ]),
    );
}
