/** What an SLO needs of the rest of the catalog, and what a service needs of SLOs. */
import { formatDuration } from "../platform/commands/time.ts";
import { type Checks, checkMeasured, type Say } from "./checks.ts";
import type { Catalog, Service, Slo } from "./schema.ts";
import { burnMax } from "./slo-rows.ts";
import { longestWindowMs, nominalWindowMs } from "./slo-windows.ts";

/** A critical service is looked at from this many sides at least: whether it answers, how fast, and whether it does its work. */
const criticalSlosMin = 3;

/** The longest window of a scrape instance: its samples are rolled up for as long. */
const scrapedWindowMaxMs = 35 * 86_400_000;

export function warnOfFewSlos(catalog: Catalog, service: Service, warn: Say): void {
  if (service.tier !== "critical") return;
  const count = catalog.slos.filter((slo) => slo.service === service.name).length;
  if (count >= criticalSlosMin) return;
  const has = count === 0 ? "no SLO: nothing says when to page" : `${count} SLO${count === 1 ? "" : "s"}`;
  warn(
    service,
    [],
    `is critical and has ${has}; declare ${criticalSlosMin} at least, such as availability, latency and one of its work`,
  );
}

export function checkSlo(checks: Checks, slo: Slo): void {
  const { catalog, say } = checks;
  checks.service(slo, ["service"], slo.service);
  checks.personOrTeam(slo, ["owner"], slo.owner);
  slo.dependencies.forEach((name, index) => {
    checks.service(slo, ["dependencies", index], name);
    if (name === slo.service) say(slo, ["dependencies", index], "names the SLO's own service; remove it");
  });
  const service = catalog.services.find(({ name }) => name === slo.service);
  if (service !== undefined) checkMeasured(checks, slo, [], slo.provider ?? service.metrics, slo.provider);
  checkProvider(checks, slo, slo.provider ?? service?.metrics);
  checkRows(checks, slo);
}

/** A scrape instance knows no PromQL, and keeps its samples for so long. */
function checkProvider({ catalog, say }: Checks, slo: Slo, provider: string | undefined): void {
  const instance = catalog.providers.metrics.find(({ name }) => name === provider);
  if (instance === undefined || instance.kind === "prometheus") return;
  if (slo.indicator.kind === "promql")
    say(
      slo,
      ["indicator", "kind"],
      `promql is for Prometheus, and ${instance.name} is not; name the metrics`,
    );
  const { window } = slo;
  if ("rolling" in window && window.rolling > scrapedWindowMaxMs)
    say(slo, ["window", "rolling"], `must be at most 35d: ${instance.name} keeps samples for as long`);
  else if (longestWindowMs(window) > scrapedWindowMaxMs && "calendar" in window)
    say(slo, ["window", "calendar"], `must be a month at most: ${instance.name} keeps samples for 35d`);
}

function checkRows({ say }: Checks, slo: Slo): void {
  const highest = burnMax(slo.objective);
  const windowMs = nominalWindowMs(slo.window);
  slo.alerting.forEach((row, index) => {
    if (row.burn >= highest) {
      const message = `can never fire: at ${slo.objective} % the burn rate stays under ${highest}; lower burn or raise objective`;
      say(slo, ["alerting", index, "burn"], message);
    }
    if (row.long > windowMs) {
      say(
        slo,
        ["alerting", index, "long"],
        `is longer than the SLO's window, ${formatDuration(windowMs)}; shorten it`,
      );
    }
    if (slo.slices !== undefined && row.short < slo.slices.length) {
      say(
        slo,
        ["alerting", index, "short"],
        `is shorter than a slice, ${formatDuration(slo.slices.length)}; lengthen it`,
      );
    }
  });
}
