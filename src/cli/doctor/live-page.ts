import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { owningTeam, teamsOf } from "../../catalog/lookup.ts";
import { createPaging } from "../../features/paging/index.ts";
import { shellActor } from "../world.ts";
import { eventually } from "./eventually.ts";
import { type Finding, failed, notProven, ok } from "./finding.ts";
import { byWhom, type LiveParts, personMaxMs, secondsText, testerOf, workMaxMs } from "./live-parts.ts";

const system = "Live page";

/** A page like any other, but for its words: by the outbox, the worker and Slack to a person, and back. */
export async function provePage(parts: LiveParts): Promise<Finding> {
  const { app, catalog, options, runner } = parts;
  const person = options.person ? testerOf(catalog, app.slackTeam(), options.person) : runner;
  if (!person)
    return failed(
      system,
      `${options.person} is nobody with a Slack id in the catalog`,
      "Name somebody: --person",
    );
  const mayPress = parts.actsForPeople || (!parts.mayWait && person.slackUser === runner.slackUser);
  if (!mayPress && !parts.mayWait)
    return notProven(
      system,
      `left out: with --no-wait only your own page can be acknowledged, not ${person.name}'s`,
    );

  const { db } = app.database;
  const paging = createPaging(app).api;
  const key = `doctor:${randomBytes(6).toString("hex")}`;
  const actor = { ...shellActor(), team: app.slackTeam(), person: runner.slackUser };
  const team = teamsOf(catalog, person.id)[0] ?? owningTeam(catalog, "");
  const sentMs = performance.now();
  const since = () => secondsText(performance.now() - sentMs);
  await app.database.tx((tx) =>
    paging.page(tx, {
      team: team.name,
      headline: `TEST page ${byWhom(parts)}: nothing is wrong, please acknowledge`,
      dedupKey: key,
      subject: "doctor",
      person: person.id,
      verbs: [],
      detail: { isTest: true },
      actor,
    }),
  );
  try {
    const { rows } = await sql<{ id: string }>`select id from pages where dedup_key = ${key}`.execute(db);
    const id = rows[0]?.id ?? "";
    const posted = await eventually(workMaxMs, () =>
      db
        .selectFrom("messages")
        .select(["ts", "error"])
        .where("key", "like", `page:${id}%`)
        .where("channel", "=", person.slackUser)
        .where((eb) => eb.or([eb("ts", "is not", null), eb("error", "is not", null)]))
        .executeTakeFirst(),
    );
    if (!posted?.ts)
      return failed(
        system,
        posted
          ? `Slack refused the message to ${person.name}: ${posted.error}`
          : `nobody showed it to ${person.name} within 30 s`,
        posted
          ? "Check the person's Slack id in the catalog and the scope im:write."
          : "Check that a worker runs and reaches Slack.",
      );
    const shown = `shown to ${person.name} after ${since()}`;
    if (mayPress) {
      const answer = await parts.ask(person.slackUser, `page-ack ${id}`);
      if (!answer.ok)
        return failed(
          system,
          `${shown}; it could not be acknowledged: ${answer.text}`,
          "Check the person's teams in the catalog.",
        );
    } else
      parts.say(
        `A test page went to ${person.name} in Slack. Press Acknowledge (waiting up to 5 minutes; Ctrl-C gives up).`,
      );
    const taken = await eventually(mayPress ? workMaxMs : personMaxMs, async () => {
      const standing = await paging.standing(db, key);
      return standing?.state === "acknowledged" ? standing : undefined;
    });
    if (!taken)
      return failed(
        system,
        `${shown}, acknowledged by nobody`,
        "Check Interactivity's address in the Slack app (`quarterdeck manifest`), then try again.",
      );
    const by = testerOf(catalog, app.slackTeam(), taken.acknowledgedBy ?? "")?.name ?? taken.acknowledgedBy;
    return ok(
      system,
      `${shown}, acknowledged by ${by}${mayPress ? " at the terminal's door" : ""} after ${since()}, ended`,
    );
  } finally {
    await app.database.tx((tx) => paging.resolve(tx, key, actor));
  }
}
