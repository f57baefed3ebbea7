/** Any system, by a signed webhook: four typed requests, and answers that say what is there. */
import { z } from "zod";
import type { AccessTerms } from "../../catalog/schema.ts";
import { canonicalJson } from "../../platform/canonical.ts";
import { Secret } from "../../platform/secret.ts";
import { type ProviderCode, ProviderError, RateLimited } from "../errors.ts";
import { type Answer, exchange, jsonIn, retryAfterMs } from "../http.ts";
import { signedHeaders } from "../signed-webhook.ts";
import type { Accessor, GrantIntent, GrantRef, ReadBack } from "./contract.ts";
import { assertExternalName, assertKey } from "./names.ts";
import { type AccessAnswers, type AccessRequest, accessAnswersSchema } from "./webhook-messages.ts";

export interface WebhookAccessorOptions {
  /** The instance, for messages. */
  who: string;
  url: string;
  secret: Secret<string>;
  /** Terms of the roles that may be granted. */
  grantable: readonly AccessTerms[];
  /** Each call ends by then, in milliseconds. */
  deadlineMs: number;
  now: () => Date;
  /** For requests that are not to be recognised as one that was made before. */
  randomId: () => string;
}

type Kind = AccessRequest["type"];
type DataOf<Type extends Kind> = Extract<AccessRequest, { type: Type }>["data"];

const answerCharsMax = 8_388_608;
const wordsCharsMax = 200;
/** How long to stay away when no time is named. */
const stayAwayMs = 5_000;

export function createWebhookAccessor(options: WebhookAccessorOptions): Accessor {
  const { who, url, now, randomId } = options;
  const send = async <Type extends Kind>(
    type: Type,
    id: string,
    data: DataOf<Type>,
    signal: AbortSignal | undefined,
  ): Promise<AccessAnswers[Type]> => {
    const at = now();
    const body = JSON.stringify({ type, timestamp: at.toISOString(), data });
    const answer = await exchange({
      who,
      method: "POST",
      url,
      headers: {
        accept: "application/json",
        ...signedHeaders({ who, secret: options.secret, id, body, at }),
      },
      body,
      deadlineMs: options.deadlineMs,
      signal,
      answerCharsMax,
    });
    if (answer.status === 202) throw taken(who, type, answer);
    if (answer.status < 200 || answer.status > 299) throw refusalOf(who, type, answer, at);
    const parsed = accessAnswersSchema.shape[type].safeParse(jsonIn(answer.text));
    if (parsed.success) return parsed.data as AccessAnswers[Type];
    throw new ProviderError(
      "rejected",
      `${who} answered ${type} otherwise than documented: ${z.prettifyError(parsed.error).slice(0, 500)}`,
      "The receiver must answer as docs/schemas/access-answers.json says; what it did may stand.",
    );
  };

  return {
    plan: async (intent) => {
      const data = grantData(options, intent, "<grant>");
      const { grant, person, terms } = data;
      return {
        words: [
          `Tell ${who} to give ${intent.externalName} to ${intent.grantee.personId}: ${JSON.stringify(terms)}`,
          `It is told the end, ${data.expiresAt}, and at the end to take it away and read back that it is gone`,
        ],
        statements: [JSON.stringify({ type: "access.grant", data })],
        endStatements: [
          JSON.stringify({ type: "access.revoke", data: { grant, externalId: null, person, terms } }),
        ],
        obstacles: [],
      };
    },

    grant: async (intent, idempotencyKey, call) => {
      assertKey(idempotencyKey);
      const data = grantData(options, intent, idempotencyKey);
      const made = await send("access.grant", `grant:${idempotencyKey}`, data, call?.signal);
      return {
        credential: made.credential.map(({ isSecret, value, ...part }) => ({
          ...part,
          value: isSecret ? new Secret(value) : value,
        })),
        expiresAt: dateOf(made.expiresAt),
        lastsUntil: dateOf(made.lastsUntil),
        externalId: made.externalId,
        wasAdopted: made.wasAdopted,
      };
    },

    verify: async (ref, call) =>
      readBackOf(await send("access.verify", `verify:${randomId()}`, refData(ref), call?.signal)),

    revoke: async (ref, call) => {
      const id = `revoke:${ref.externalName}:${randomId()}`;
      const done = await send("access.revoke", id, refData(ref), call?.signal);
      return { ...done, readBack: readBackOf(done.readBack), lastsUntil: dateOf(done.lastsUntil) };
    },

    list: async (call) => {
      const { grants } = await send("access.list", `list:${randomId()}`, {}, call?.signal);
      return grants.map(({ grant, externalId, key, words, readBack, terms }) => ({
        ref: {
          externalName: grant,
          externalId,
          grantee: { personId: "", slack: { team: "", user: "" }, accounts: {} },
          terms,
        },
        idempotencyKey: key,
        words,
        readBack: readBackOf(readBack),
      }));
    },
  };
}

function grantData(
  { grantable }: Pick<WebhookAccessorOptions, "grantable">,
  intent: GrantIntent,
  key: string,
): DataOf<"access.grant"> {
  const { externalId: _none, ...ref } = refData(intent);
  const wanted = canonicalJson(ref.terms);
  if (!grantable.some((terms) => canonicalJson(terms) === wanted))
    throw new ProviderError("rejected", "These terms are of no role", "Declare the role in the catalog");
  return { ...ref, key, expiresAt: intent.expiresAt.toISOString() };
}

function refData({ externalName, externalId, grantee, terms }: GrantRef): DataOf<"access.revoke"> {
  assertExternalName(externalName);
  const { personId: id, slack, accounts } = grantee;
  return {
    grant: externalName,
    externalId: externalId ?? null,
    person: { id, slack: { ...slack }, accounts: { ...accounts } },
    terms: terms as DataOf<"access.revoke">["terms"],
  };
}

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));

const readBackOf = ({ validUntil, ...rest }: AccessAnswers["access.verify"]): ReadBack => ({
  ...rest,
  validUntil: dateOf(validUntil),
});

const messageIn = ({ text }: Answer): string => {
  const parsed = z.object({ message: z.string() }).safeParse(jsonIn(text));
  return parsed.success ? `: ${parsed.data.message.slice(0, wordsCharsMax)}` : "";
};

/** It took the order and is at it: it is asked again with the same id until it answers otherwise. */
const taken = (who: string, type: Kind, answer: Answer): ProviderError =>
  new ProviderError(
    "in_progress",
    `${who} has taken ${type} and is not done${messageIn(answer)}`,
    "It is asked again by itself.",
  );

function refusalOf(who: string, type: Kind, answer: Answer, at: Date): ProviderError {
  const { status, headers } = answer;
  const message = `${who} answered ${type} with ${status}${messageIn(answer)}`;
  if (status === 429 || (status === 503 && headers.has("retry-after")))
    return new RateLimited(
      message,
      "It is asked again when it says so.",
      retryAfterMs(headers, at, stayAwayMs),
    );
  const code = codeOf(status);
  return new ProviderError(code, message, hints[code]);
}

function codeOf(status: number): keyof typeof hints {
  if (status === 401 || status === 403) return "unauthorised";
  if (status === 404 || status === 410 || (status >= 300 && status < 400)) return "not_found";
  if (status === 409) return "conflict";
  return status === 408 || status >= 500 ? "unreachable" : "rejected";
}

const hints = {
  unauthorised:
    "Check the secret that the instance names, and that both clocks are right: the signature is dated.",
  not_found: "Check the instance's address in the catalog; redirects are not followed.",
  conflict: "Something of that name is there and another grant's; compare it with the grants on record.",
  unreachable: "It has trouble of its own; it is asked again by itself.",
  rejected: "What it says names the field; mend the role's terms or the receiver.",
} as const satisfies Partial<Record<ProviderCode, string>>;
