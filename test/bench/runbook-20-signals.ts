import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { sql } from "kysely";
import { grammarOf } from "../../src/catalog/grammar.ts";
import { loadCatalog } from "../../src/catalog/load.ts";
import type { Catalog } from "../../src/catalog/schema.ts";
import { createRunbooks } from "../../src/features/runbooks/index.ts";
import type { SignalReading } from "../../src/features/signals/index.ts";
import { parseLine } from "../../src/platform/commands/parse.ts";
import { type Actor, systemActor } from "../../src/platform/people.ts";
import { type Bench, type Benchmark, median, type Result } from "./measure.ts";

const signalCount = 20;
const runs = 10;
/** The first signal answers after this, each further one a little later, up to the slowest. */
const fastestMs = 60;
const stepMs = 20;

const actor: Actor = { team: "T0LOCAL", person: "U0ONCALL", door: "slack" };

/**
 * A runbook whose steps name 20 signals, from the command to the card's committed row, against the slowest of those
 * signals. The metrics system is a stand-in that takes its time; the room, its files and the database are real.
 */
export const runbookBenchmark: Benchmark = {
  name: "runbook-20-signals",
  about: "A runbook with 20 signals, from its command to its card, against the slowest of the signals.",
  async run({ ground }: Bench): Promise<Result[]> {
    const { app } = await ground.install({ slackUrl: "http://127.0.0.1:1" });
    const catalog = await catalogWithSignals();
    await app.catalogs.put(catalog, "benchmark", "benchmark", systemActor);
    const folder = join(ground.dir, "runbooks");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "many-signals.md"), runbookText(catalog));
    const slow = slowSignals(catalog);
    const feature = createRunbooks(
      { ...app, settings: { ...app.settings, RUNBOOKS_PATH: folder } },
      {
        signals: slow,
        slos: {
          budgetOf: async (service, at) => ({ service, at, users: "well", readings: [], worst: undefined }),
        },
        markers: async () => [],
        deploys: { recent: async () => [], current: async () => undefined },
        tickets: { ticketOf: async () => undefined, openTicketsOf: async () => [] },
        alerts: { readGroup: async () => undefined, readGroups: async () => [] },
      },
    );
    const commands = feature.commands ?? [];
    const parsed = parseLine(
      "runbook shop many-signals",
      commands.map(({ spec }) => spec),
      grammarOf(catalog, {
        slackTeam: actor.team,
        slackUser: actor.person,
        typedAt: app.clock.now(),
        hasModals: true,
      }),
    );
    if (!parsed.ok) throw new Error(parsed.refusal.message);
    const command = commands.find(({ spec }) => spec === parsed.value.spec);
    const ratios: number[] = [];
    const tookMs: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      slow.slowestMs = 0;
      const inboxId = await inboxRow(app.database.db);
      const startedMs = performance.now();
      const answer = await command?.run({
        line: parsed.value,
        actor: { ...actor, inboxId },
        catalog,
        inboxId,
        now: app.clock.now(),
        place: { channel: "C0OPS" },
      });
      const took = performance.now() - startedMs;
      if (!answer?.ok) throw new Error(`the runbook was not opened: ${answer?.refusal.message}`);
      const { rows } = await sql<{
        text: string;
      }>`select wanted::text as text from messages where key = ${`runbook:${inboxId}`}`.execute(
        app.database.db,
      );
      if (!rows[0]?.text.includes(`signal-${signalCount}`)) throw new Error("the card lacks signals");
      tookMs.push(took);
      ratios.push(took / slow.slowestMs);
    }
    return [
      {
        name: "runbook-20-signals.ratio",
        value: median(ratios),
        goal: { atMost: 1.2 },
        unit: "ratio",
        beside: `${Math.round(median(tookMs))} ms with its card committed; the slowest signal takes ${fastestMs + stepMs * signalCount} ms`,
      },
    ];
  },
};

async function catalogWithSignals(): Promise<Catalog> {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const gauge = loaded.catalog.services
    .flatMap(({ signals }) => signals)
    .find(({ kind }) => kind === "gauge");
  if (!gauge) throw new Error("the sample declares no gauge any more");
  const signals = Array.from({ length: signalCount }, (_, index) => ({
    ...gauge,
    name: `signal-${index + 1}`,
  }));
  return {
    ...loaded.catalog,
    services: loaded.catalog.services.map((service) =>
      service.name === "shop" ? { ...service, signals } : service,
    ),
  };
}

const runbookText = (catalog: Catalog): string => {
  const names = catalog.services.find(({ name }) => name === "shop")?.signals.map(({ name }) => name) ?? [];
  return [
    "---",
    "title: Many signals",
    "owner: olive",
    "services: [shop]",
    `signals: [${names.join(", ")}]`,
    "---",
    ...names.map((name) => `- ${name}: {{signal "${name}"}}`),
    "",
  ].join("\n");
};

/** Answers each signal after its own time and keeps the longest that one really took. */
function slowSignals(catalog: Catalog) {
  const declared = catalog.services.find(({ name }) => name === "shop")?.signals ?? [];
  const slow = {
    slowestMs: 0,
    async read(
      _service: string,
      { at, names }: { at: Date; names?: readonly string[] },
    ): Promise<SignalReading[]> {
      return Promise.all(
        declared
          .filter(({ name }) => names === undefined || names.includes(name))
          .map(async (signal) => {
            const startedMs = performance.now();
            await pause(fastestMs + stepMs * Number(signal.name.split("-")[1]));
            slow.slowestMs = Math.max(slow.slowestMs, performance.now() - startedMs);
            return { signal, at, state: "ok" as const, value: 3, text: "3 in flight", isPartial: false };
          }),
      );
    },
    async series() {
      return [];
    },
  };
  return slow;
}

async function inboxRow(db: import("../../src/platform/db/database.ts").Db): Promise<string> {
  const id = randomUUID();
  await sql`insert into inbox (id, kind, dedup, payload, team, person, received_at)
    values (${id}, 'command', ${id}, '{}', ${actor.team}, ${actor.person}, now())`.execute(db);
  return id;
}
