import type { IncomingMessage, ServerResponse } from "node:http";
import type { z } from "zod";
import type { Catalog } from "../../catalog/schema.ts";
import type { ApiToken } from "../apitokens.ts";
import { onlyIfKnown } from "../authz.ts";
import type { ApiRoute } from "../feature.ts";
import type { Actor } from "../people.ts";
import { type Decision, type Refusal, refuse } from "../refusal.ts";
import { type Limits, sendTooMany } from "./limits.ts";
import { match } from "./match.ts";
import { apiBase, openApiOf } from "./openapi.ts";
import { BodyTooLarge, type Handle, readBody, sendJson } from "./server.ts";

interface Parts {
  routes: () => readonly ApiRoute[];
  authenticate(
    token: string,
  ): Promise<Pick<ApiToken, "id" | "team" | "person" | "scopes" | "teams"> | undefined>;
  catalog: () => Catalog;
  publicUrl: string;
  limits: Limits;
}

const bodyBytesMax = 16_000;
const documentPath = `${apiBase}/openapi.json`;

/**
 * `/api/v1`: by `Authorization: Bearer qda_…` alone, never by a cookie, so that no page of another site can ask. Rights
 * are the person's, within the token's scopes and teams.
 */
export function apiHandler(parts: Parts): Handle {
  return async (req, res, url) => {
    if (!url.pathname.startsWith(`${apiBase}/`)) return false;
    if (url.pathname === documentPath && req.method === "GET") {
      // What may be asked is no secret; whoever asks is.
      sendJson(res, 200, openApiOf(parts.routes(), parts.publicUrl));
      return true;
    }
    const token = /^Bearer (\S+)$/i.exec(req.headers.authorization ?? "")?.[1];
    const owner = token?.startsWith("qda_") ? await parts.authenticate(token) : undefined;
    const waitSec = owner
      ? parts.limits.take("person", `${owner.team}/${owner.person}`)
      : parts.limits.take("token", parts.limits.addressOf(req));
    if (waitSec !== undefined) {
      req.resume();
      sendTooMany(res, waitSec, "json");
    } else if (owner) await answer(parts, owner, req, res, url);
    else {
      req.resume();
      res.setHeader("www-authenticate", 'Bearer realm="quarterdeck"');
      const message =
        "No valid token. Make one on the console under Tokens, or: quarterdeck token create api --person <Slack id>.";
      sendJson(res, 401, { error: "unauthenticated", message });
    }
    return true;
  };
}

type Owner = NonNullable<Awaited<ReturnType<Parts["authenticate"]>>>;

async function answer(
  parts: Parts,
  owner: Owner,
  req: IncomingMessage,
  res: ServerResponse,
  url: URL,
): Promise<void> {
  const path = url.pathname.slice(apiBase.length);
  const there = parts.routes().flatMap((route) => {
    const params = match(route.path, path);
    return params ? [{ route, params }] : [];
  });
  const found = there.find(({ route }) => route.method === req.method);
  if (!found) {
    req.resume();
    if (there.length > 0) res.setHeader("allow", there.map(({ route }) => route.method).join(", "));
    const message = `There is no ${req.method} ${url.pathname}. ${documentPath} says what there is.`;
    return sendJson(res, there.length > 0 ? 405 : 404, { error: "not_found", message });
  }
  const decided = await decide(parts, owner, found.route, found.params, req, url);
  if (!decided.ok) return sendRefusal(res, decided.refusal);
  // What leaves is what the document says: nothing slips out that no schema names.
  sendJson(res, 200, found.route.answer.parse(decided.value) as Record<string, unknown>);
}

async function decide(
  { catalog: catalogOf }: Parts,
  owner: Owner,
  route: ApiRoute,
  params: Record<string, string>,
  req: IncomingMessage,
  url: URL,
): Promise<Decision<unknown>> {
  const catalog = catalogOf();
  const actor: Actor = { team: owner.team, person: owner.person, door: "api" };
  // Also a token ends to be worth anything the moment its person is in the catalog no more.
  const known = onlyIfKnown(catalog, actor);
  if (!known.ok) return known;
  if (!owner.scopes.includes(route.scope))
    return refuse({
      rule: "token-scope",
      message: `This needs a token with the scope ${route.scope}; this one has ${owner.scopes.join(", ")}.`,
      hint: "Make another one.",
    });
  const query = read(route.query, Object.fromEntries(url.searchParams), "query");
  if (!query.ok) return query;
  const body = route.body ? await bodyOf(req, route.body) : ({ ok: true, value: undefined } as const);
  if (!body.ok) return body;
  const { teams } = owner;
  const services =
    teams === null
      ? undefined
      : catalog.services.filter(({ team }) => teams.includes(team ?? "")).map(({ name }) => name);
  return route.handle({
    actor,
    params,
    query: query.value,
    body: body.value,
    services,
    covers: (service) => services === undefined || (service !== null && services.includes(service)),
  });
}

async function bodyOf(req: IncomingMessage, schema: z.ZodType): Promise<Decision<unknown>> {
  try {
    return read(schema, JSON.parse((await readBody(req, bodyBytesMax)).toString("utf8")), "body");
  } catch (error) {
    if (error instanceof BodyTooLarge) return refuse({ rule: "too-large", message: error.message });
    if (error instanceof SyntaxError)
      return refuse({ rule: "readable", message: `The body is not JSON: ${error.message}` });
    throw error;
  }
}

function read(schema: z.ZodType | undefined, given: unknown, what: string): Decision<unknown> {
  if (!schema) return { ok: true, value: undefined };
  const parsed = schema.safeParse(given);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  return refuse({
    rule: "readable",
    message: `${[what, ...(issue?.path ?? [])].join(".")}: ${issue?.message}`,
  });
}

const statusOf: Readonly<Record<string, number>> = {
  readable: 400,
  "too-large": 413,
  "known-thing": 404,
};

function sendRefusal(res: ServerResponse, refusal: Refusal): void {
  const { rule, message, hint, whoCould } = refusal;
  sendJson(res, statusOf[rule] ?? 403, { error: "refused", rule, message, hint, whoCould });
}
