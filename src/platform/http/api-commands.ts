import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Catalog } from "../../catalog/schema.ts";
import { teamsOf } from "../authz.ts";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import { type Dispatcher, scopeOfWords } from "../dispatch.ts";
import { type ApiRoute, defineApiRoute } from "../feature.ts";
import type { Inbox } from "../inbox.ts";
import { plainReply } from "../messages/plain.ts";
import type { Actor } from "../people.ts";
import { allow, refuse } from "../refusal.ts";
import { waitForAnswer } from "./answers.ts";
import { namesIn } from "./frame.ts";

interface Parts {
  dispatcher: Dispatcher;
  inbox: Inbox;
  db: Db;
  clock: Clock;
  catalog: () => Catalog;
}

const answerSchema = z.object({
  /** Ask `/commands/{id}` again while it is false. */
  done: z.boolean(),
  id: z.string(),
  ok: z.boolean().optional(),
  text: z.string().optional(),
});

/** Command lines as people type them: same grammar, rights, inbox and audit as at every other door. */
export function commandRoutes(parts: Parts): readonly ApiRoute[] {
  const answerOf = async (actor: Actor, id: string) => {
    const asked = await waitForAnswer(parts, actor, id, () => false);
    if (asked.state === "unknown")
      return refuse({ rule: "known-thing", message: `You asked nothing with id ${id.slice(0, 40)}.` });
    if (asked.state === "pending") return allow({ done: false, id });
    const text = plainReply({ text: asked.text, blocks: asked.blocks }, namesIn(parts.catalog(), actor.team));
    return allow({ done: true, id, ok: asked.ok, text });
  };
  return [
    defineApiRoute({
      method: "POST",
      path: "/commands",
      operationId: "runCommand",
      about: "Runs a command line and waits 20 s for its answer.",
      scope: "act",
      body: z.strictObject({
        line: z
          .string()
          .trim()
          .min(1)
          .max(4_000)
          .meta({ examples: ["status shop"] }),
        id: z
          .uuid()
          .optional()
          .meta({ description: "Made by whoever asks: the same request sent twice is done once." }),
      }),
      answer: answerSchema,
      async handle({ actor, body, services }) {
        const checked = await parts.dispatcher.check(actor, body.line, parts.clock.now());
        if (!checked.ok) return checked;
        const { command, line } = checked.value;
        if (services !== undefined) {
          // Who may is decided elsewhere for some commands; what they are about still stands in their words.
          const scope = command.scope?.(line) ?? scopeOfWords(line);
          const isCovered =
            scope !== undefined &&
            ("service" in scope
              ? services.includes(scope.service)
              : teamsOf(parts.catalog(), scope).some(({ name }) =>
                  parts.catalog().services.some((one) => one.team === name && services.includes(one.name)),
                ));
          if (!isCovered)
            return refuse({
              rule: "token-teams",
              message:
                "This token covers the things of some teams only, and this line is not about one of theirs.",
              hint: "Name a service of theirs, or make a token without --team.",
            });
        }
        const { id } = await parts.inbox.receive({
          kind: "command",
          dedup: `api:${actor.team}:${actor.person}:${body.id ?? randomUUID()}`,
          team: actor.team,
          person: actor.person,
          payload: { line: body.line, door: "api", channel: actor.person },
        });
        return answerOf(actor, id);
      },
    }),
    defineApiRoute({
      method: "GET",
      path: "/commands/:id",
      operationId: "commandAnswer",
      about: "The answer to a command line of yours; waits 20 s for it.",
      scope: "act",
      answer: answerSchema,
      handle: async ({ actor, params }) =>
        z.uuid().safeParse(params.id).success
          ? answerOf(actor, params.id ?? "")
          : refuse({ rule: "known-thing", message: "An id is a UUID." }),
    }),
  ];
}
