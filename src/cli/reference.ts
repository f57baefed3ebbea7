/** The generated pages under docs/: everything in them comes from declarations. */
import { z } from "zod";
import { settingsSchema } from "../config/config.ts";
import { usageOf } from "../platform/commands/help.ts";
import type { CommandSpec } from "../platform/commands/spec.ts";
import type { Feature } from "../platform/feature.ts";
import { commandRoutes } from "../platform/http/api-commands.ts";
import { doRoutes } from "../platform/http/do.ts";
import { openApiOf } from "../platform/http/openapi.ts";
import { platformRetention } from "../platform/retention.ts";
import { scopes } from "../platform/slack/scopes.ts";
import { platformMetrics } from "../platform/telemetry.ts";
import { accessAnswersSchema, accessRequestSchema } from "../providers/accessors/webhook-messages.ts";
import { markerEventSchema } from "../providers/markers/webhook.ts";

export interface Page {
  /** Relative to the project's folder. */
  file: string;
  text: string;
}

const generated = (from: string) => `<!-- Made by \`npm run docs\` from ${from}; edit that instead. -->\n`;

/** Text in a table's cell. */
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const row = (...cells: string[]) => `| ${cells.map(cell).join(" | ")} |`;
const rows = (head: string[], body: string[][]) =>
  [row(...head), row(...head.map(() => "---")), ...body.map((cells) => row(...cells))].join("\n");

export function referencePages(features: readonly Feature[]): Page[] {
  return [
    { file: "docs/configuration.md", text: configurationPage() },
    { file: "docs/commands.md", text: commandsPage(features) },
    { file: "docs/reference.md", text: referencePage(features) },
    {
      file: "docs/openapi.json",
      text: `${JSON.stringify(openApiOf(apiRoutesOf(features), exampleUrl), null, 2)}\n`,
    },
    { file: "docs/schemas/deploy-marker.json", text: jsonSchema("deploy-marker", markerEventSchema) },
    { file: "docs/schemas/access-request.json", text: jsonSchema("access-request", accessRequestSchema) },
    {
      file: "docs/schemas/access-answers.json",
      text: jsonSchema("access-answers", accessAnswersSchema, { io: "input" }),
    },
  ];
}

/** What is sent, for the programs that take it, or with `input` what they answer. */
const jsonSchema = (name: string, schema: z.ZodType, options: { io?: "input" } = {}): string =>
  `${JSON.stringify({ title: name, ...z.toJSONSchema(schema, options) }, null, 2)}\n`;
const exampleUrl = "https://ops.example.com";

/** All routes of the HTTP API; what answers them is not asked here. */
const apiRoutesOf = (features: readonly Feature[]) => [
  ...features.flatMap(({ apiRoutes }) => apiRoutes ?? []),
  ...commandRoutes(undefined as never),
];

interface SettingSchema {
  type?: string;
  default?: unknown;
  description?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  pattern?: string;
  format?: string;
}

function configurationPage(): string {
  const { properties = {} } = z.toJSONSchema(settingsSchema, { io: "input", unrepresentable: "any" }) as {
    properties?: Record<string, SettingSchema>;
  };
  const kindOf = (setting: SettingSchema): string => {
    if (setting.enum) return setting.enum.map((value) => `\`${value}\``).join(", ");
    if (setting.minimum !== undefined && setting.maximum !== undefined)
      return `${setting.minimum} to ${setting.maximum}`;
    if (setting.format === "uri") return "address";
    if (setting.pattern) return `\`${setting.pattern}\``;
    return setting.minLength ? `text, ${setting.minLength} characters or more` : "text";
  };
  return `${generated("src/config/config.ts")}
# Configuration

Settings come from the environment; an empty one counts as unset. One that cannot be used stops the start and is named.
\`quarterdeck doctor\` checks what they lead to. What a company declares (services, teams, people, SLOs) is not here: that
is the catalog, YAML files in \`CATALOG_PATH\`, checked by \`quarterdeck lint\`.

${rows(
  ["Variable", "What", "Values", "Default"],
  Object.entries(properties).map(([name, setting]) => [
    `\`${name}\``,
    setting.description ?? "",
    kindOf(setting),
    setting.default === undefined ? "" : `\`${String(setting.default)}\``,
  ]),
)}

Secrets of systems the catalog names (\`tokenEnv\`, \`urlEnv\`) are read from the variables it names.
`;
}

const roleWords: Record<CommandSpec["role"], string> = {
  anyone: "anyone the catalog knows",
  responder: "members and on-call of the owning team",
  lead: "leads of the owning team",
};

function commandsPage(features: readonly Feature[]): string {
  const rooms = features.filter((feature) => (feature.commands ?? []).length > 0);
  const one = ({ spec }: { spec: CommandSpec }) => {
    const aliases = (spec.aliases ?? []).map((alias) => (alias === "" ? "`/ops` alone" : `\`${alias}\``));
    return [
      `### \`/ops ${usageOf(spec)}\``,
      "",
      spec.summary,
      "",
      `Who: ${roleWords[spec.role]}.${aliases.length > 0 ? ` Also: ${aliases.join(", ")}.` : ""}${spec.opensModal ? " Bare, it opens a form in Slack." : ""}`,
      "",
      "```",
      `/ops ${spec.example}`.trim(),
      "```",
    ].join("\n");
  };
  return `${generated("the commands' declarations")}
# Commands

One grammar, three doors: \`/ops …\` in any channel, \`@quarterdeck …\` in threads, \`quarterdeck ops "…"\` in a terminal.
Noun, verb, target, value; the rest of the line is the reason. Flags may stand anywhere. \`<service>\` is \`name\` or
\`name@environment\`; a time is \`90s 15m 2h 1d 1h30m\` or \`until fri 09:00\`. Verbs that act take \`--dry-run\` and \`--yes\`.

${rooms
  .map(
    (feature) =>
      `## ${feature.name}\n\n${feature.about}\n\n${(feature.commands ?? []).map(one).join("\n\n")}`,
  )
  .join("\n\n")}
`;
}

function referencePage(features: readonly Feature[]): string {
  const of = <T>(pick: (feature: Feature) => readonly T[] | undefined) =>
    features.flatMap((feature) => (pick(feature) ?? []).map((item) => ({ feature, item })));
  const none = "There are none.";
  const list = (head: string[], body: string[][]) => (body.length === 0 ? none : rows(head, body));
  return `${generated("the features' declarations")}
# Reference

## Webhooks

One for each hook source of the catalog, here by kind. It takes a token of its source, \`quarterdeck token create
<source> --team <team>\`, or its sender's signature; docs/senders.md says how each is set up.

${list(
  ["Address", "What"],
  of((feature) => feature.hooks).map(({ item }) => [
    `\`POST /hooks/${[item.source, item.path].filter(Boolean).join("/")}\``,
    item.about,
  ]),
)}

## Pages and endpoints

Signed in: \`/ops sign-in\` gives a link.

${list(
  ["Address", "What", "Who"],
  [...doRoutes(undefined as never).map((item) => ({ item })), ...of((feature) => feature.routes)].map(
    ({ item }) => [`\`${item.method} ${item.path}\``, item.about, roleWords[item.role]],
  ),
)}

## HTTP API

By \`Authorization: Bearer qda_…\`, a token of minutes to hours (\`quarterdeck token create api\`, or Tokens on the console) with a
person's rights or a part of them. docs/openapi.json (OpenAPI 3.1; also \`GET /api/v1/openapi.json\`) has every field.

${rows(
  ["Address", "Scope", "What"],
  apiRoutesOf(features).map(({ method, path, scope, about }) => [
    `\`${method} /api/v1${path}\``,
    `\`${scope}\``,
    about,
  ]),
)}

Besides: \`POST /slack/events\` (Slack, signed), \`POST /api/ops\` (terminals, with a person's token), \`/sign-in\`.
On \`ADMIN_PORT\`: \`/healthz\`, \`/readyz\`, \`/metrics\`.

## Metrics

${list(
  ["Name", "Type", "What"],
  [...platformMetrics(undefined as never).map((item) => ({ item })), ...of((feature) => feature.metrics)].map(
    ({ item }) => [`\`${item.name}\``, item.type, item.help],
  ),
)}

## Jobs

${list(
  ["Job", "Lane", "What"],
  of((feature) => feature.jobs).map(({ item }) => [`\`${item.name}\``, item.lane, item.about]),
)}

## How long rows stay

${list(
  ["Table", "Days", "Counted from"],
  [...platformRetention.map((item) => ({ item })), ...of((feature) => feature.retention)].map(({ item }) => [
    `\`${item.table}\``,
    String(item.keepDays),
    `\`${item.column}\`${item.where ? `, where ${item.where}` : ""}`,
  ]),
)}

## What Slack is asked for

${rows(
  ["Scope", "Why"],
  scopes.map(({ scope, why }) => [`\`${scope}\``, why]),
)}
`;
}
