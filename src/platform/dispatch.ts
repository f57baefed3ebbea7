import { grammarOf } from "../catalog/grammar.ts";
import type { Catalog } from "../catalog/schema.ts";
import { refuseHeld } from "./audit/held.ts";
import { type Authz, onlyIfKnown } from "./authz.ts";
import type { Catalogs } from "./catalogs.ts";
import type { Clock } from "./clock.ts";
import type { GrammarContext } from "./commands/context.ts";
import { parseLine } from "./commands/parse.ts";
import { type CommandIndex, indexCommands } from "./commands/resolve.ts";
import type { CommandSpec, ParsedLine } from "./commands/spec.ts";
import { AlreadyDone, type Database } from "./db/database.ts";
import type { Command, Reply, Scope } from "./feature.ts";
import { actorOf, type IncomingPayload, inboxJob } from "./inbox.ts";
import type { Log } from "./log.ts";
import { context, escapeText, section } from "./messages/blocks.ts";
import type { Actor } from "./people.ts";
import type { Decision, Refusal } from "./refusal.ts";
import type { Job } from "./rings/runner.ts";

interface Parts {
  database: Database;
  clock: Clock;
  log: Log;
  catalogs: Catalogs;
  authz: Authz;
  commands: () => readonly Command[];
  /** Why only what ends or takes back may be done now. */
  heldWhy?: (() => Promise<string | undefined>) | undefined;
}

/** Attempts after which the person is told that it is still being tried. */
const sayStillTryingAt = 3;

export interface Dispatcher {
  readonly jobs: readonly Job[];
  /** Reads and authorises a line; changes nothing. `typedAt`: what the words' times are counted from. */
  check(actor: Actor, line: string, typedAt: Date): Promise<Decision<{ command: Command; line: ParsedLine }>>;
  /** Tells a person why not, once per `key`, without keeping what they said: it may hold a secret. */
  sayRefusal(
    key: string,
    person: string,
    place: { channel: string; thread?: string | undefined },
    refusal: Refusal,
  ): Promise<void>;
}

/** One way from words to a command, whichever door they came in by. */
export function createDispatcher(parts: Parts): Dispatcher {
  // Features are built once; each line is read with the same commands.
  let known: { index: CommandIndex; bySpec: ReadonlyMap<CommandSpec, Command> } | undefined;
  const commands = () => {
    if (known) return known;
    const bySpec = new Map(parts.commands().map((command) => [command.spec, command]));
    known = { index: indexCommands([...bySpec.keys()]), bySpec };
    return known;
  };
  const grammar = rememberGrammar();

  const check: Dispatcher["check"] = async (actor, text, typedAt) => {
    const catalog = parts.catalogs.current();
    const person = onlyIfKnown(catalog, actor);
    if (!person.ok) return person;
    const { index, bySpec } = commands();
    const parsed = parseLine(text, index, grammar(catalog, actor, typedAt));
    if (!parsed.ok) return parsed;
    const command = bySpec.get(parsed.value.spec);
    if (!command) throw new Error(`no handler for command ${parsed.value.spec.name}`);
    const scope = (command.scope ?? scopeOfWords)(parsed.value);
    const allowed = await parts.authz.authorise(actor, command.spec.role, scope);
    if (!allowed.ok) return allowed;
    if (command.spec.acts && !command.spec.whileHeld) {
      const why = await parts.heldWhy?.();
      if (why !== undefined) return refuseHeld(why);
    }
    return { ok: true, value: { command, line: parsed.value } };
  };

  const handle = async (id: string, attempt: number): Promise<void> => {
    const row = await parts.database.db
      .selectFrom("inbox")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    if (!row || row.done_at) return;
    const payload = row.payload as IncomingPayload;
    const actor = actorOf(row, payload);
    const answer = await decide(actor, payload, row, attempt);
    await parts.database.tx(async (tx) => {
      const done = await tx.trx
        .updateTable("inbox")
        .set({
          done_at: tx.now,
          // Slack is sent the blocks; a terminal and a page read them from the row.
          answer: JSON.stringify({
            text: answer.text,
            ok: answer.ok,
            ...(payload.door === "slack" ? {} : { blocks: answer.blocks }),
          }),
        })
        .where("id", "=", id)
        .where("done_at", "is", null)
        .executeTakeFirst();
      if (done.numUpdatedRows === 0n || answer.silent || payload.door !== "slack") return;
      tx.say({
        key: `answer:${id}`,
        channel: payload.channel,
        onlyFor: row.person,
        replyTo: payload.responseUrl,
        thread: payload.thread,
        urgent: true,
        text: answer.text,
        blocks: answer.blocks,
      });
    });
  };

  const decide = async (
    actor: Actor,
    payload: IncomingPayload,
    row: { id: string; received_at: Date },
    attempt: number,
  ): Promise<Reply & { ok: boolean }> => {
    try {
      const checked = await check(actor, payload.line, row.received_at);
      const decision = checked.ok
        ? await checked.value.command.run({
            line: checked.value.line,
            actor,
            catalog: parts.catalogs.current(),
            inboxId: row.id,
            now: row.received_at,
            place: { channel: payload.channel, thread: payload.thread, messageTs: payload.messageTs },
          })
        : checked;
      return decision.ok ? { ...decision.value, ok: true } : { ...refusalReply(decision.refusal), ok: false };
    } catch (error) {
      if (error instanceof AlreadyDone)
        return { text: "Done. It took effect just before I could answer; the card shows it.", ok: true };
      if (attempt === sayStillTryingAt && payload.door === "slack")
        await sayStillTrying(row.id, payload, actor, error);
      throw error;
    }
  };

  const sayStillTrying = (
    id: string,
    payload: IncomingPayload,
    actor: Actor,
    error: unknown,
  ): Promise<void> =>
    parts.database.tx(async (tx) => {
      const why = error instanceof Error ? error.message : String(error);
      tx.say({
        key: `trying:${id}`,
        channel: payload.channel,
        onlyFor: actor.person,
        replyTo: payload.responseUrl,
        thread: payload.thread,
        urgent: true,
        text: `I have \`/ops ${escapeText(payload.line)}\` and cannot do it yet: ${escapeText(why, 200)}. I keep trying; nothing is lost.`,
      });
    });

  return {
    check,
    sayRefusal: (key, person, place, refusal) =>
      parts.database.tx(async (tx) =>
        tx.say({ key, ...place, onlyFor: person, urgent: true, ...refusalReply(refusal) }),
      ),
    jobs: [
      {
        name: inboxJob,
        about: "Does what a person asked and answers them.",
        lane: "urgent",
        isFirst: true,
        whileHeld: true,
        run: async (ref, { attempt }) => {
          await handle(ref, attempt);
          return undefined;
        },
      },
    ],
  };
}

/** What the grammar must know of a catalog, made once for each person and door while the catalog is in force. */
function rememberGrammar(): (catalog: Catalog, actor: Actor, typedAt: Date) => GrammarContext {
  const remembered = new WeakMap<Catalog, Map<string, GrammarContext>>();
  return (catalog, { team, person, door }, typedAt) => {
    const ofCatalog = remembered.get(catalog) ?? new Map<string, GrammarContext>();
    remembered.set(catalog, ofCatalog);
    // A terminal has no form to open.
    const hasModals = door === "slack" || door === "console";
    const key = `${team}|${person}|${hasModals}`;
    const made =
      ofCatalog.get(key) ?? grammarOf(catalog, { slackTeam: team, slackUser: person, typedAt, hasModals });
    ofCatalog.set(key, made);
    return { ...made, now: typedAt };
  };
}

/** The service named by the words, if one is. */
export function scopeOfWords(line: ParsedLine): Scope {
  for (const value of Object.values(line.args)) {
    if (value === null || typeof value !== "object") continue;
    if ("service" in value && typeof value.service === "string") return { service: value.service };
    if ("is" in value && value.is === "team" && "team" in value) return { team: String(value.team) };
  }
  return undefined;
}

/** A refusal as people read it: the fact first, then the rule, then what can be done and who could. */
export function refusalReply(refusal: Refusal): Reply {
  const who = refusal.whoCould.length > 0 ? ` Who could: ${refusal.whoCould.map(asPerson).join(", ")}.` : "";
  const text = `${escapeText(refusal.message, 1_000)} ${escapeText(refusal.hint, 1_000)}${who}`.trim();
  return { text, blocks: [section(text), context(`Rule: ${escapeText(refusal.rule)}`)] };
}

const asPerson = (who: string): string => (/^[UW][A-Z0-9]{4,}$/.test(who) ? `<@${who}>` : escapeText(who));
