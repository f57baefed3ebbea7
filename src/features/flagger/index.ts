/**
 * Flagger: its canaries get a card each, and its webhooks their answers: gates closed until somebody opens them.
 * Owns: the runs of Flagger's canaries and the decisions about them. Pages when: Flagger does not take a rollback.
 */
import * as lookup from "../../catalog/lookup.ts";
import type { Feature, SummaryLine } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { runLine } from "./cards.ts";
import { flaggerCommands } from "./commands.ts";
import { lookAtRun, sweepRuns } from "./look.ts";
import { flaggerMigrations } from "./migrations.ts";
import { hookTypes, type Run, waitingGate } from "./model.ts";
import { createRoom, type FlaggerParts, jobs } from "./room.ts";
import { countRuns, findRun, listRuns } from "./store.ts";
import { flaggerHooks } from "./webhooks.ts";

export { flaggerMigrations } from "./migrations.ts";

/** Source named while the catalog declares none; for the reference. */
const usualSource = "flagger";
const goingMax = 200;
const mineMax = 5;

export function createFlagger(parts: FlaggerParts): Feature {
  const room = createRoom(parts);
  const { database, catalogs, clock } = parts.platform;
  const sources = (): readonly string[] => {
    try {
      return catalogs
        .current()
        .hookSources.filter(({ kind }) => kind === "flagger")
        .map(({ name }) => name);
    } catch {
      // Before the first catalog is in force there is nothing to ask.
      return [usualSource];
    }
  };
  const whyLines = (run: Run): SummaryLine[] => {
    const asked = hookTypes.flatMap((type) => {
      const last = run.asked[type];
      return last && type !== "event" && type !== "post-rollout" ? [{ type, ...last }] : [];
    });
    return [
      { rank: 10, text: runLine(run, clock.now()) },
      ...asked.map(({ type, hasPassed, because }, index) => ({
        rank: 11 + index,
        text: `• ${type} ${hasPassed ? "passed" : "closed"}: ${escapeText(because, 300)}`,
      })),
    ];
  };
  return {
    name: "flagger",
    about: "Flagger's canaries: a card each, gates closed until somebody opens them, and the way back.",
    commands: flaggerCommands(room),
    // Read anew each time: the catalog's sources may change while this runs.
    get hooks() {
      return flaggerHooks(room, sources());
    },
    jobs: [
      {
        name: jobs.look,
        about: "Reads how the service of a Flagger canary stands, for the answers to its gates.",
        lane: "normal",
        run: (ref) => lookAtRun(room, ref),
      },
      {
        name: jobs.sweep,
        about: "Rings Flagger canaries that are going again.",
        lane: "bulk",
        run: () => sweepRuns(room),
      },
    ],
    schedules: [{ job: jobs.sweep, everySec: 30 }],
    summaries: {
      async mine({ team, person }) {
        const catalog = catalogs.current();
        const known = lookup.personBySlack(catalog, team, person);
        if (!known) return [];
        const own = new Set(lookup.teamsOf(catalog, known.id).map(({ name }) => name));
        const now = clock.now();
        return (await listRuns(database.db, { isGoing: true, limit: goingMax }))
          .filter((run) => waitingGate(run, now) && own.has(lookup.owningTeam(catalog, run.service).name))
          .slice(0, mineMax)
          .map((run) => ({ rank: 3, text: runLine(run, now) }));
      },
      async status(service) {
        const going = await listRuns(database.db, { service, isGoing: true, limit: 3 });
        return going.map((run) => ({ rank: run.rollback ? 0 : 15, text: runLine(run, clock.now()) }));
      },
      async why(thing) {
        const run =
          "id" in thing
            ? await findRun(database.db, thing.id)
            : (await listRuns(database.db, { service: thing.service, isGoing: true, limit: 1 }))[0];
        return run ? whyLines(run) : [];
      },
    },
    metrics: [
      {
        name: "quarterdeck_flagger_canaries",
        help: "Runs of Flagger's canaries kept, by state.",
        type: "gauge",
        read: () => countRuns(database.db),
      },
    ],
    migrations: flaggerMigrations,
    retention: [{ table: "flagger_runs", column: "ended_at", keepDays: 400 }],
  };
}
