import type { Route } from "./routes.ts";

/** Upper bounds in seconds; close together where web latencies and their p95 lie. */
const bucketBoundsSec = [
  0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10,
];

/** Codes that exist from the first scrape, so that the first error is an increase and not a new series. */
const initialCodes = [200, 500, 502, 503, 504];

/** Versions without a route are forgotten past this many per service. */
const retiredVersionsMax = 32;

interface Series {
  readonly codes: Map<number, number>;
  readonly buckets: number[];
  durationSumSec: number;
  count: number;
  inflight: number;
}

/**
 * Counts per service and version, in the Prometheus text format 0.0.4. Besides what the backend answered, `code`
 * is 502 (not reached, or broke off), 504 (no answer in time) or 499 (the client went away first).
 */
export class RouterMetrics {
  readonly #services = new Map<string, Map<string, Series>>();
  #unrouted = 0;

  /** Makes the series of a route's versions exist, and forgets the oldest retired ones. */
  declare(route: Route): void {
    for (const backend of route.backends) this.#series(route.service, backend.version);
    const versions = this.#services.get(route.service) ?? new Map<string, Series>();
    const retired = [...versions].filter(
      ([version, series]) => series.inflight === 0 && !route.backends.some((one) => one.version === version),
    );
    for (const [version] of retired.slice(0, Math.max(0, retired.length - retiredVersionsMax))) {
      versions.delete(version);
    }
  }

  began(service: string, version: string): void {
    this.#series(service, version).inflight += 1;
  }

  ended(service: string, version: string, code: number, durationSec: number): void {
    const series = this.#series(service, version);
    series.inflight -= 1;
    series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
    series.count += 1;
    series.durationSumSec += durationSec;
    const bucket = bucketBoundsSec.findIndex((bound) => durationSec <= bound);
    if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  unrouted(): void {
    this.#unrouted += 1;
  }

  render(routes: readonly Route[]): string {
    const requests: string[] = [];
    const durations: string[] = [];
    const inflight: string[] = [];
    for (const [service, versions] of this.#services) {
      for (const [version, series] of versions) {
        const labels = `service="${service}",version="${version}"`;
        for (const [code, count] of series.codes) requests.push(`{${labels},code="${code}"} ${count}`);
        durations.push(...histogramLines(labels, series));
        inflight.push(`{${labels}} ${series.inflight}`);
      }
    }
    const weights = routes.flatMap((route) =>
      route.backends.map((one) => `{service="${route.service}",version="${one.version}"} ${one.weight}`),
    );
    const revisions = routes.map((route) => `{service="${route.service}"} ${route.revision}`);
    return [
      family(
        "quarterdeck_router_requests_total",
        "counter",
        "Requests by service, version and code.",
        requests,
      ),
      family(
        "quarterdeck_router_request_duration_seconds",
        "histogram",
        "From request to end of answer.",
        durations,
      ),
      family("quarterdeck_router_inflight_requests", "gauge", "Requests being served.", inflight),
      family(
        "quarterdeck_router_weight_percent",
        "gauge",
        "Share of requests a version should take.",
        weights,
      ),
      family("quarterdeck_router_route_revision", "gauge", "Revision of the route in force.", revisions),
      family("quarterdeck_router_unrouted_requests_total", "counter", "Requests that no route matched.", [
        ` ${this.#unrouted}`,
      ]),
    ].join("");
  }

  #series(service: string, version: string): Series {
    const versions = this.#services.get(service) ?? new Map<string, Series>();
    this.#services.set(service, versions);
    const known = versions.get(version);
    if (known) return known;
    const series: Series = {
      codes: new Map(initialCodes.map((code) => [code, 0])),
      buckets: bucketBoundsSec.map(() => 0),
      durationSumSec: 0,
      count: 0,
      inflight: 0,
    };
    versions.set(version, series);
    return series;
  }
}

// Service and version are plain characters by the route's schema, so label values need no escaping.
function histogramLines(labels: string, series: Series): string[] {
  let cumulative = 0;
  const buckets = bucketBoundsSec.map((bound, index) => {
    cumulative += series.buckets[index] ?? 0;
    return `_bucket{${labels},le="${bound}"} ${cumulative}`;
  });
  return [
    ...buckets,
    `_bucket{${labels},le="+Inf"} ${series.count}`,
    `_sum{${labels}} ${series.durationSumSec}`,
    `_count{${labels}} ${series.count}`,
  ];
}

function family(name: string, type: string, help: string, samples: readonly string[]): string {
  const lines = samples.map((sample) => `${name}${sample}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}
