/** Everything a runbook shows, asked at once under one deadline: what is late or fails is said so, the rest is there. */
import type { Catalog } from "../../catalog/schema.ts";
import { underDeadline } from "../../platform/deadline.ts";
import type { Log } from "../../platform/log.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { Deploy, Deploys } from "../deploys/index.ts";
import type { Marker } from "../markers/index.ts";
import type { SignalReading, SignalSeries, Signals } from "../signals/index.ts";
import type { Budget, Slos } from "../slos/index.ts";
import { signalsNamed } from "./model.ts";
import type { Runbook } from "./read.ts";

export interface Sources {
  signals: Pick<Signals, "read" | "series">;
  slos: Pick<Slos, "budgetOf">;
  deploys: Pick<Deploys, "recent" | "current">;
  /** Of a service in one environment, oldest first. */
  markers(service: string, environment: string, from: Date, to: Date): Promise<readonly Marker[]>;
}

export type Answer<T> =
  | { is: "here"; value: T }
  | { is: "late"; deadlineMs: number }
  | { is: "failed"; why: string };

/** One signal the runbook names; `name` as it is shown. */
export interface Gauge {
  name: string;
  reading: Answer<SignalReading>;
}

export interface RecentDeploys {
  /** Of the last seven days, newest first. */
  recent: readonly Deploy[];
  /** What runs, when nothing went out lately. */
  current: Deploy | undefined;
}

export interface Gathered {
  at: Date;
  service: string;
  /** One per signal, in the runbook's order. */
  gauges: readonly Gauge[];
  /** Names of the runbook to the gauges that stand for them. */
  gaugesOf: ReadonlyMap<string, readonly Gauge[]>;
  budget: Answer<Budget>;
  deploys: Answer<RecentDeploys>;
  /** The chart's line; undefined when the runbook names no signal this service has. */
  series: Answer<SignalSeries> | undefined;
  /** What happened to its traffic in the time of the chart. */
  markers: Answer<readonly Marker[]>;
}

const dayMs = 86_400_000;
const deploysSinceMs = 7 * dayMs;
const deploysMax = 5;
export const chartSpanMs = 15 * 60_000;
const chartStepSec = 15;

/**
 * Takes as long as the slowest part, at most `deadlineMs`. Rejects for nothing that a part does.
 */
export async function gather(
  sources: Sources,
  asked: {
    runbook: Runbook;
    service: string;
    environment: string;
    catalog: Catalog;
    at: Date;
    deadlineMs: number;
    log: Log;
  },
): Promise<Gathered> {
  const { runbook, service, environment, catalog, at, deadlineMs, log } = asked;
  const ask = async <T>(what: string, question: () => Promise<T>): Promise<Answer<T>> => {
    try {
      const value = await underDeadline(deadlineMs, async () => question());
      return value === "late" ? { is: "late", deadlineMs } : { is: "here", value: value as T };
    } catch (error) {
      if (error instanceof ProviderError) return { is: "failed", why: `${error.message}. ${error.hint}` };
      log.error({ err: error, runbook: runbook.name, service }, `a runbook could not show ${what}`);
      return { is: "failed", why: "it could not be read; the log says more" };
    }
  };

  const windowSec = Math.max(1, Math.round(runbook.front.window / 1_000));
  const names = [...new Set([...runbook.front.signals, ...(runbook.template?.uses.signals ?? [])])];
  const signalOf = new Map(names.map((name) => [name, signalsNamed(catalog, service, name)]));
  const readings = new Map<string, Promise<Answer<SignalReading>>>();
  for (const { name } of [...signalOf.values()].flat())
    if (!readings.has(name))
      readings.set(
        name,
        ask(name, async () => {
          const [reading] = await sources.signals.read(service, { at, windowSec, names: [name], deadlineMs });
          if (!reading)
            throw new ProviderError("not_found", `${name} was not answered`, "Look at its metrics system");
          return reading;
        }),
      );
  const drawn = (
    runbook.front.chart === undefined
      ? [...signalOf.values()].flat()
      : signalsNamed(catalog, service, runbook.front.chart)
  )[0];
  const series =
    drawn &&
    ask("its chart", async () => {
      const from = new Date(at.getTime() - chartSpanMs);
      const [line] = await sources.signals.series(service, drawn.name, {
        from,
        to: at,
        stepSec: chartStepSec,
      });
      if (!line)
        throw new ProviderError("not_found", `${drawn.name} has no line`, "Look at its metrics system");
      return line;
    });
  const budget = ask("the budget", () => sources.slos.budgetOf(service, at));
  const deploys = ask("deploys", async () => {
    const [recent, current] = await Promise.all([
      sources.deploys.recent(service, {
        since: new Date(at.getTime() - deploysSinceMs),
        limit: deploysMax,
        environment,
      }),
      sources.deploys.current(service, environment),
    ]);
    return { recent, current };
  });

  const markers = ask("deploy markers", () =>
    sources.markers(service, environment, new Date(at.getTime() - chartSpanMs), at),
  );

  const gauges = new Map<string, Gauge>();
  for (const [name, reading] of readings) gauges.set(name, { name, reading: await reading });
  const gaugesOf = new Map(
    names.map((name) => {
      const found = (signalOf.get(name) ?? []).flatMap((signal) => gauges.get(signal.name) ?? []);
      const undeclared: Gauge = {
        name,
        reading: { is: "failed", why: `${service} declares no such signal` },
      };
      return [name, found.length > 0 ? found : [undeclared]] as const;
    }),
  );
  return {
    at,
    service,
    gauges: [...new Map([...gaugesOf.values()].flat().map((gauge) => [gauge.name, gauge])).values()],
    gaugesOf,
    budget: await budget,
    deploys: await deploys,
    series: await series,
    markers: await markers,
  };
}
