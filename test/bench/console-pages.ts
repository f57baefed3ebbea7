import type { ServerResponse } from "node:http";
import type { App } from "../../src/app.ts";
import type { Actor } from "../../src/platform/people.ts";
import { askFor, keepRollout } from "../support/console-things.ts";
import { growHistory, type History, openTickets, pagePaths, wideSearch } from "../support/many-things.ts";
import { type Bench, type Benchmark, median, percentile, type Result } from "./measure.ts";

const large = { auditEntries: 1_000_000, tickets: 100_000, others: 10_000 };
const small = { auditEntries: 10_000, tickets: 1_000, others: 100 };
const warmUps = 10;
const readings = 100;

/**
 * Each page of the console asked for by one person, one after another, whole: session, rights, queries, HTML. Over all
 * of the history and over a hundredth of it in turn, so that what else the machine does falls on both; what is going on
 * is the same in both.
 */
export const consolePagesBenchmark: Benchmark = {
  name: "console-pages",
  about: "The console's pages over 1,000,000 audit entries and 100,000 tickets, against a hundredth of them.",
  async run(bench: Bench): Promise<Result[]> {
    const few = await consoleOver(bench, small);
    const many = await consoleOver(bench, large);
    const took = [...pagePaths, wideSearch].map((path) => ({
      path,
      few: [] as number[],
      many: [] as number[],
    }));
    for (let round = -warmUps; round < readings; round += 1)
      for (const page of took) {
        const [littleMs, muchMs] = [await few(page.path), await many(page.path)];
        if (round < 0) continue;
        page.few.push(littleMs);
        page.many.push(muchMs);
      }
    const rows = took.map(({ path, few, many }) => ({
      path,
      p95: percentile(many, 0.95),
      median: median(many),
      growth: median(many) / median(few),
    }));
    const slowest = rows.reduce((a, b) => (b.p95 > a.p95 ? b : a));
    const grown = rows
      .filter(({ path }) => path !== wideSearch)
      .reduce((a, b) => (b.growth > a.growth ? b : a));
    bench.show({
      name: "console-pages",
      caption: `One person, one request after another, ${readings} of each page; ${openTickets} tickets open in both. What \`${wideSearch}\` finds grows with the history.`,
      head: ["Page", "Median, ms", "p95, ms", "Against a hundredth"],
      rows: rows.map((row) => [
        `\`${row.path}\``,
        row.median.toFixed(1),
        row.p95.toFixed(1),
        `${row.growth.toFixed(2)} ×`,
      ]),
    });
    return [
      {
        name: "console-pages.p95",
        value: slowest.p95,
        goal: { atMost: 100 },
        unit: "ms",
        beside: `the slowest page, ${slowest.path}`,
      },
      {
        name: "console-pages.growth",
        value: grown.growth,
        goal: { atMost: 1.3 },
        unit: "ratio",
        beside: `medians, ${grown.path}; against ${small.auditEntries} entries and ${small.tickets} tickets`,
      },
    ];
  },
};

/** A console with that much behind it; what is answered reads a page and says how many milliseconds it took. */
async function consoleOver(
  { ground, say }: Bench,
  history: History,
): Promise<(path: string) => Promise<number>> {
  say(`${history.auditEntries} entries, ${history.tickets} tickets …`);
  const { app, ownerUrl, start } = await ground.install({ slackUrl: "http://127.0.0.1:1" });
  const dev: Actor = { team: "T0LOCAL", person: "U0DEV", door: "console" };
  await keepRollout(app, 1);
  await askFor(app, dev, "access request orders-db readonly 15m INC-42 orders are stuck");
  await growHistory(ownerUrl, history);
  const { port } = await start("web");
  const cookie = await signIn(app, "U0LEAD");
  return async (path) => {
    const began = performance.now();
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
    const html = await answer.text();
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${html.slice(0, 300)}`);
    return performance.now() - began;
  };
}

/** The cookie of a session that began like any other. */
async function signIn(app: App, person: string): Promise<string> {
  let cookie = "";
  const res = {
    appendHeader: (_name: string, value: string) => {
      cookie = value.split(";")[0] ?? "";
    },
  } as unknown as ServerResponse;
  await app.sessions.begin(res, { team: "T0LOCAL", person }, { by: "link" });
  return cookie;
}
