import { expect, it } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { type Gathered, gather, type Sources } from "../../../src/features/runbooks/gather.ts";
import { standingOf, withMark } from "../../../src/features/runbooks/words.ts";
import { ProviderError } from "../../../src/providers/errors.ts";
import { keptLog } from "../../support/silent-log.ts";
import { at, front, readingOf, runbookOf, sampleCatalog } from "./support.ts";

const signals = "signals: [errors, latency, traffic, saturation]\n";

function gathering(
  catalog: Catalog,
  sources: Sources,
  more = signals,
  deadlineMs = 60_000,
): Promise<Gathered> {
  return gather(sources, {
    runbook: runbookOf(`${front(more)}{{signal "errors"}}`),
    service: "shop",
    environment: "production",
    catalog,
    at,
    deadlineMs,
    log: keptLog(),
  });
}
const values = ({ gauges }: Gathered) =>
  gauges.map((gauge) => `${gauge.name}: ${withMark(standingOf(gauge))}`);

/** Answers when told, and keeps what was asked. */
function heldSources(catalog: Catalog) {
  const asked: string[] = [];
  let answered = 0;
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const ask = async <T>(name: string, value: T): Promise<T> => {
    asked.push(name);
    await released;
    answered += 1;
    return value;
  };
  const sources: Sources = {
    signals: {
      read: (_service, { names }) => {
        const [name = ""] = names ?? [];
        return ask(name, [readingOf(catalog, name, 0.01, "1 %")]);
      },
      series: () => ask("series", []),
    },
    slos: { budgetOf: (service) => ask("budget", { service, at, users: "well" as const, readings: [] }) },
    deploys: { recent: () => ask("recent", []), current: () => ask("current", undefined) },
    markers: () => ask("markers", []),
  };
  return { sources, asked, answered: () => answered, release };
}

it("asks everything before any of it has answered, so that the slowest alone counts", async () => {
  const catalog = await sampleCatalog();
  const held = heldSources(catalog);
  const done = gathering(catalog, held.sources);
  await new Promise((resolve) => setImmediate(resolve));
  expect(held.asked.sort()).toEqual(
    [
      "budget",
      "current",
      "error-ratio",
      "latency-p95",
      "markers",
      "recent",
      "saturation",
      "series",
      "traffic",
    ].sort(),
  );
  expect(held.answered()).toBe(0);
  held.release();
  expect(values(await done)).toHaveLength(4);
});

it("asks a signal that several names stand for once", async () => {
  const catalog = await sampleCatalog();
  const held = heldSources(catalog);
  held.release();
  await gathering(catalog, held.sources, "signals: [errors, error-ratio]\n");
  expect(held.asked.filter((name) => name === "error-ratio")).toHaveLength(1);
});

it("shows a signal that never answers as late, with the rest there", async () => {
  const catalog = await sampleCatalog();
  const { sources } = heldSources(catalog);
  const never = new Promise<never>(() => undefined);
  const gathered = await gathering(
    catalog,
    {
      ...sources,
      signals: {
        read: async (_service, { names }) => {
          const [name = ""] = names ?? [];
          if (name === "latency-p95") return never;
          if (name === "traffic") throw new ProviderError("unreachable", "Prometheus is away", "Look at it");
          return [readingOf(catalog, name, name === "error-ratio" ? 0.09 : 3, "9 %")];
        },
        series: () => never,
      },
      slos: { budgetOf: () => never },
      deploys: {
        recent: async () => {
          throw new Error("connection lost");
        },
        current: async () => undefined,
      },
    },
    signals,
    50,
  );
  expect(values(gathered)).toEqual([
    "error-ratio: 🔴 9 % (past its limit 5 %)",
    "latency-p95: 🟠 no answer within 50 ms",
    "traffic: 🟠 no value: Prometheus is away. Look at it",
    "saturation: 🟢 9 % (limit 150 in flight)",
  ]);
  expect(gathered.budget).toEqual({ is: "late", deadlineMs: 50 });
  expect(gathered.deploys).toMatchObject({ is: "failed" });
  expect(gathered.series).toMatchObject({ is: "late" });
});

it("says of a signal the service does not declare that it is not declared", async () => {
  const catalog = await sampleCatalog();
  const shop = catalog.services.find(({ name }) => name === "shop");
  if (shop) shop.signals = shop.signals.filter(({ golden }) => golden !== "kpi");
  const held = heldSources(catalog);
  held.release();
  const gathered = await gathering(catalog, held.sources, "signals: [kpi, queue-depth]\n");
  expect(values(gathered).slice(0, 2)).toEqual([
    "kpi: 🟠 no value: shop declares no such signal",
    "queue-depth: 🟠 no value: shop declares no such signal",
  ]);
});
