import { readFile, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { accessEndBenchmark } from "./access-end.ts";
import { alertIntakeBenchmark } from "./alert-intake.ts";
import { auditCostBenchmark } from "./audit-cost.ts";
import { auditVerifyBenchmark } from "./audit-verify.ts";
import { consolePagesBenchmark } from "./console-pages.ts";
import { prepareGrounds } from "./ground.ts";
import { jobsBenchmark } from "./jobs.ts";
import { judgeBenchmark } from "./judge.ts";
import type { Benchmark, Result, Table } from "./measure.ts";
import { pressBenchmark } from "./press-to-provider.ts";
import { readersBenchmark } from "./readers.ts";
import { intoPage, json, ownTableIntoPage, plainOwnTable, plainTable } from "./report.ts";
import { routerCostBenchmark } from "./router-cost.ts";
import { runbookBenchmark } from "./runbook-20-signals.ts";
import { slashCommandBenchmark } from "./slash-command.ts";
import { sloStatusBenchmark } from "./slo-status.ts";
import { alertMemoryBenchmark, stormBenchmark } from "./storm.ts";

const benchmarks: readonly Benchmark[] = [
  slashCommandBenchmark,
  alertIntakeBenchmark,
  readersBenchmark,
  judgeBenchmark,
  stormBenchmark,
  jobsBenchmark,
  runbookBenchmark,
  pressBenchmark,
  routerCostBenchmark,
  auditCostBenchmark,
  auditVerifyBenchmark,
  alertMemoryBenchmark,
  sloStatusBenchmark,
  consolePagesBenchmark,
  accessEndBenchmark,
];

const usage = `npm run bench -- [--only NAME] [--list] [--json] [--write]
  --only NAME   run one benchmark, or show one figure of it (slash-command, slash-command.p99)
  --list        name the benchmarks
  --json        print [{ name, value, goal, unit, ok }] and nothing else
  --write       put the tables into docs/benchmarks.md; with --only, that benchmark's own table alone`;

/** Runs the benchmarks asked for; answers the exit code. A missed goal is a result, not a failure. */
export async function bench(args: string[]): Promise<number> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const print = (text: string) => void process.stdout.write(`${text}\n`);
  const options = readOptions(args);
  if (typeof options === "string") {
    say(`${options}\n${usage}`);
    return 2;
  }
  if (options.list) {
    for (const { name, about } of benchmarks) print(`${name}  ${about}`);
    return 0;
  }
  const wanted = benchmarks.filter(
    ({ name }) => options.only === undefined || name === options.only.split(".")[0],
  );
  if (wanted.length === 0) {
    say(`There is no benchmark ${options.only}; there are ${benchmarks.map(({ name }) => name).join(", ")}.`);
    return 2;
  }
  const tables: Table[] = [];
  const results = await runAll(wanted, say, tables);
  const shown = results.filter(({ name }) => !options.only?.includes(".") || name === options.only);
  if (shown.length === 0) {
    say(`${options.only} was not measured; there are ${results.map(({ name }) => name).join(", ")}.`);
    return 2;
  }
  print(options.json ? json(shown) : [plainTable(shown), ...tables.map(plainOwnTable)].join("\n\n"));
  if (options.write) await writePage(options.only === undefined ? shown : undefined, tables);
  return 0;
}

function readOptions(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        only: { type: "string" },
        list: { type: "boolean" },
        json: { type: "boolean" },
        write: { type: "boolean" },
      },
    });
    return values.write && values.only !== undefined && values.only !== judgeBenchmark.name
      ? `--write needs all benchmarks: leave --only out; of those with a table of their own (${judgeBenchmark.name}) it writes that.`
      : values;
  } catch (error) {
    return (error as Error).message;
  }
}

async function runAll(
  wanted: readonly Benchmark[],
  say: (line: string) => void,
  tables: Table[],
): Promise<Result[]> {
  const results: Result[] = [];
  const grounds = await prepareGrounds(say);
  // Postgres is a process group of its own and would live on; the servers end with their parent.
  const interrupted = () => void grounds.close().finally(() => process.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupted);
  try {
    for (const { name, run } of wanted) {
      const startedMs = performance.now();
      say(`${name} …`);
      const { ground, clear } = grounds.next();
      try {
        results.push(
          ...(await run({ ground, say: (line) => say(`  ${line}`), show: (table) => tables.push(table) })),
        );
      } finally {
        await clear();
      }
      say(`${name}: ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
    }
  } finally {
    await grounds.close();
  }
  return results;
}

async function writePage(results: readonly Result[] | undefined, tables: readonly Table[]): Promise<void> {
  const path = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));
  const cpu = cpus();
  const ranOn = `${new Date().toISOString().slice(0, 10)}, ${cpu.length} × ${cpu[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}.`;
  const page = await readFile(path, "utf8");
  const withResults = results === undefined ? page : intoPage(page, results, ranOn);
  await writeFile(
    path,
    tables.reduce((text, table) => ownTableIntoPage(text, table, ranOn), withResults),
  );
}
