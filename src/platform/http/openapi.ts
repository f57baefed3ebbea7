import { z } from "zod";
import { type ApiRoute, type ApiScope, apiScopes } from "../feature.ts";

export const apiBase = "/api/v1";

const scopeWords: Readonly<Record<ApiScope, string>> = {
  read: "Look at all there is, the audit apart.",
  act: "Do what the person may do, by commands.",
  "audit:read": "Read the audit; that it was read is audited.",
};

const refusalSchema = z.object({
  error: z.string(),
  message: z.string(),
  /** Which rule refused. */
  rule: z.string().optional(),
  hint: z.string().optional(),
  whoCould: z.array(z.string()).optional(),
  retryAfterSec: z.number().optional(),
});

/** JSON Schema 2020-12, which OpenAPI 3.1 takes as it is. `io`: as somebody sends it, or as it is answered. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io }) as Record<string, unknown>;
  return rest;
}

/** The document of the API, made from the declarations. Source: OpenAPI Specification 3.1.1. */
export function openApiOf(routes: readonly ApiRoute[], serverUrl: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Quarterdeck",
      version: "1",
      description:
        "What the console shows and does, for programs. A token belongs to a person: it may do what they may, within its scopes and teams, for hours at most.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: serverUrl + apiBase }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: `\`quarterdeck token create api\`, or Tokens on the console. Scopes: ${apiScopes.map((scope) => `\`${scope}\`: ${scopeWords[scope]}`).join(" ")}`,
        },
      },
      schemas: { Refusal: schemaOf(refusalSchema, "output") },
    },
    security: [{ token: [] }],
  };
}

function operationOf(route: ApiRoute): Record<string, unknown> {
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name as string);
  const query = route.query ? schemaOf(route.query, "input") : {};
  const required = new Set((query.required as string[] | undefined) ?? []);
  const refusal = (description: string) => ({
    description,
    content: { "application/json": { schema: { $ref: "#/components/schemas/Refusal" } } },
  });
  return {
    operationId: route.operationId,
    summary: route.about,
    security: [{ token: [route.scope] }],
    parameters: [
      ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      ...Object.entries((query.properties as Record<string, unknown> | undefined) ?? {}).map(
        ([name, schema]) => ({
          name,
          in: "query",
          required: required.has(name),
          schema,
        }),
      ),
    ],
    ...(route.body
      ? {
          requestBody: {
            required: true,
            content: { "application/json": { schema: schemaOf(route.body, "input") } },
          },
        }
      : {}),
    responses: {
      "200": {
        description: "The answer.",
        content: { "application/json": { schema: schemaOf(route.answer, "output") } },
      },
      "400": refusal("The question cannot be read."),
      "401": refusal("No valid token."),
      "403": refusal("Not allowed; which rule says so, and who could."),
      "404": refusal("There is no such thing, or the token does not cover it."),
      "429": refusal("Too many requests; Retry-After says how long to wait."),
    },
  };
}
