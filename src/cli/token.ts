import type { Catalog } from "../catalog/schema.ts";
import { readSettings } from "../config/config.ts";
import { createApiToken, listApiTokens, revokeApiToken } from "../platform/apitokens.ts";
import type { Db } from "../platform/db/database.ts";
import { createHookToken, listHookTokens, revokeHookToken } from "../platform/hooktokens.ts";
import { createOperatorToken, listOperatorTokens, revokeOperatorToken } from "../platform/operatortokens.ts";
import { type Decision, refusalText } from "../platform/refusal.ts";
import { SecretBox } from "../platform/secretbox.ts";
import { CommandError, encryptionKey, say, shellActor, table, withDatabase } from "./world.ts";

export interface CreateOptions {
  team?: string;
  person?: string;
  days?: string;
  scope?: string;
  minutes?: string;
}

function granted<T>(decision: Decision<T>): T {
  if (!decision.ok) throw new CommandError(refusalText(decision.refusal), "");
  return decision.value;
}

/** The catalog in force; tokens name its teams, sources and people. */
async function catalogInForce(db: Db): Promise<Catalog> {
  const row = await db
    .selectFrom("catalog_in_force")
    .innerJoin("catalogs", "catalogs.digest", "catalog_in_force.digest")
    .select("content")
    .executeTakeFirst();
  if (!row)
    throw new CommandError(
      "No catalog is in force yet.",
      "Start a worker once with CATALOG_PATH set to its folder.",
    );
  return row.content as Catalog;
}

function known(what: string, name: string, among: readonly string[]): string {
  if (among.includes(name)) return name;
  throw new CommandError(`The catalog has no ${what} "${name}".`, `It has: ${among.join(", ") || "none"}.`);
}

/** Prints the token alone on stdout, so that it can be piped; the words go to stderr. */
export async function create(source: string, options: CreateOptions): Promise<void> {
  const note = (line: string) => void process.stderr.write(`${line}\n`);
  await withDatabase(readSettings(), async ({ db, database }) => {
    const catalog = await catalogInForce(db);
    if (source === "ops") {
      const person = slackPerson(catalog, options.person);
      const days = options.days === undefined ? undefined : Number(options.days);
      const made = granted(await createOperatorToken(database, shellActor(), person, days));
      say(made.token);
      note(
        `${made.id}: signs in a terminal as ${person.person} until ${made.expiresAt.toISOString()}. Shown once.`,
      );
      note("There: quarterdeck ops --url <address of Quarterdeck> --token <it>");
      return;
    }
    if (source === "api") {
      const person = slackPerson(catalog, options.person);
      const wish = {
        scopes: (options.scope ?? "read").split(",").map((scope) => scope.trim()),
        teams: options.team === undefined ? undefined : options.team.split(",").map((name) => name.trim()),
        minutes: options.minutes === undefined ? undefined : Number(options.minutes),
      };
      const teams = catalog.teams.map(({ name }) => name);
      const made = granted(
        await createApiToken(database, shellActor(), person, wish, teams, await secretBox()),
      );
      say(made.token);
      note(
        `${made.id}: asks /api/v1 as ${person.person} (${wish.scopes.join(", ")}) until ${made.expiresAt.toISOString()}. Shown once.`,
      );
      return;
    }
    known(
      "hook source",
      source,
      catalog.hookSources.map(({ name }) => name),
    );
    if (catalog.hookSources.some(({ name, kind }) => name === source && kind === "sns"))
      throw new CommandError(
        `${source} takes no token: SNS signs what it sends.`,
        `Name the topic's ARN in its topics, and subscribe POST /hooks/${source} to it.`,
      );
    if (options.team === undefined)
      throw new CommandError(
        "A hook token belongs to a team.",
        `Add --team: ${catalog.teams.map(({ name }) => name).join(", ")}.`,
      );
    const team = known(
      "team",
      options.team,
      catalog.teams.map(({ name }) => name),
    );
    const made = granted(await createHookToken(database, shellActor(), source, team));
    say(made.token);
    note(`${made.id}: for POST /hooks/${source}, as "Authorization: Bearer <it>". Shown once.`);
  });
}

async function secretBox(): Promise<SecretBox> {
  const key = await encryptionKey(readSettings());
  if (key !== undefined) return new SecretBox(key);
  throw new CommandError("ENCRYPTION_KEY is not set.", "Set the one that web and worker have.");
}

/** By Slack id, or by the person's id in the catalog. */
function slackPerson(catalog: Catalog, given: string | undefined): { team: string; person: string } {
  const people = catalog.people.flatMap(({ id, slack }) =>
    Object.entries(slack).map(([team, person]) => ({ id, team, person: String(person) })),
  );
  const found = people.find(({ id, person }) => given === person || given?.replace(/^@/, "") === id);
  if (found) return { team: found.team, person: found.person };
  throw new CommandError(
    given === undefined ? "This token belongs to a person." : `The catalog knows nobody "${given}" on Slack.`,
    `Add --person with one of: ${people.map(({ id, person }) => `${person} (${id})`).join(", ")}.`,
  );
}

export async function list(options: { json?: boolean }): Promise<void> {
  await withDatabase(readSettings(), async ({ db, now }) => {
    const hooks = await listHookTokens(db);
    const operators = await listOperatorTokens(db);
    const api = await listApiTokens(db);
    if (options.json) return say(JSON.stringify({ hooks, operators, api }));
    const at = (date: Date | null) => date?.toISOString().slice(0, 16).replace("T", " ") ?? "never";
    const rows = [
      ...hooks.map((token) => [
        token.id,
        token.source,
        token.team,
        token.revokedAt ? `revoked ${at(token.revokedAt)}` : "valid",
        at(token.lastUsedAt),
      ]),
      ...[...operators, ...api].map((token) => [
        token.id,
        token.id.startsWith("api_") ? "api" : "ops",
        token.person,
        token.revokedAt
          ? `revoked ${at(token.revokedAt)}`
          : token.expiresAt > now()
            ? `valid until ${at(token.expiresAt)}`
            : "expired",
        at(token.lastUsedAt),
      ]),
    ];
    say(
      rows.length === 0
        ? "There are no tokens. Make one: quarterdeck token create <source> --team <team>"
        : table(["id", "source", "of", "state", "last used (UTC)"], rows),
    );
  });
}

export async function revoke(id: string): Promise<void> {
  await withDatabase(readSettings(), async ({ database }) => {
    if (id.startsWith("opr_")) {
      const { person } = granted(await revokeOperatorToken(database, shellActor(), id));
      return say(`${id} of ${person} is revoked.`);
    }
    if (id.startsWith("api_")) {
      const { person } = granted(await revokeApiToken(database, shellActor(), id));
      return say(`${id} of ${person} is revoked.`);
    }
    const { source, team } = granted(await revokeHookToken(database, shellActor(), id));
    say(`${id} of ${source}, team ${team}, is revoked; it works for 5 more seconds at most.`);
  });
}
