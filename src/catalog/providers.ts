/** Named instances of outside systems, the resources people ask access to, and the sources of hooks. */
import { z } from "zod";
import {
  durationOr,
  envNameField,
  labelsField,
  nameField,
  regexField,
  urlField,
  wordsField,
} from "./fields.ts";

const prometheusSchema = z.strictObject({
  name: nameField,
  kind: z.literal("prometheus"),
  url: urlField,
  tokenEnv: envNameField.optional(),
  deadline: durationOr("5s"),
});

const scrapeSchema = z.strictObject({
  name: nameField,
  kind: z.literal("scrape"),
  interval: durationOr("15s"),
  deadline: durationOr("2s"),
  /** Addresses of metrics pages; the labels are added to each of its series. */
  targets: z.array(z.strictObject({ url: urlField, labels: labelsField.default({}) })).min(1),
});

export const metricsInstanceSchema = z.discriminatedUnion("kind", [prometheusSchema, scrapeSchema]);
export type MetricsInstance = z.output<typeof metricsInstanceSchema>;

const postgresSchema = z.strictObject({
  name: nameField,
  kind: z.literal("postgres"),
  /** Variable with the connection address of a role that may create roles. */
  urlEnv: envNameField,
  /** Address people connect to, without user or password; taken from `urlEnv` when left out. */
  publicUrl: z.url({ protocol: /^postgres(ql)?$/, error: "must start with postgres://" }).optional(),
  /** Every database in which a grant may leave something behind. */
  databases: z.array(z.string().min(1).max(63)).min(1),
  /** NOLOGIN role that inherits what people made with a grant. */
  leftoversOwner: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be a Postgres role: lower-case letters, digits, '_'; at most 63")
    .default("quarterdeck_leftovers"),
  connectionsMax: z.number().int().min(1).max(50).default(3),
});
export const accessorInstanceSchema = z.discriminatedUnion("kind", [postgresSchema]);
export type AccessorInstance = z.output<typeof accessorInstanceSchema>;

const builtinTicketingSchema = z.strictObject({ name: nameField, kind: z.literal("builtin") });
const githubTicketingSchema = z.strictObject({
  name: nameField,
  kind: z.literal("github"),
  repo: z.string().regex(/^[\w.-]+\/[\w.-]+$/, "must be owner/name, such as acme/ops"),
  tokenEnv: envNameField,
  /** Of an Enterprise Server: https://HOST/api/v3. */
  apiUrl: urlField.default("https://api.github.com"),
  deadline: durationOr("10s"),
});
const gitlabTicketingSchema = z.strictObject({
  name: nameField,
  kind: z.literal("gitlab"),
  project: z
    .string()
    .regex(/^([\w.-]+(\/[\w.-]+)+|[0-9]+)$/, "must be a project's path or number, such as acme/ops or 42"),
  tokenEnv: envNameField,
  url: urlField.default("https://gitlab.com"),
  deadline: durationOr("10s"),
});
const jiraTicketingSchema = z.strictObject({
  name: nameField,
  kind: z.literal("jira"),
  url: urlField,
  project: z.string().regex(/^[A-Z][A-Z0-9_]+$/, "must be a project key, such as OPS"),
  issueType: wordsField.default("Task"),
  /** Variable with the account's e-mail address. */
  emailEnv: envNameField,
  tokenEnv: envNameField,
  deadline: durationOr("10s"),
});
export const ticketingInstanceSchema = z.discriminatedUnion("kind", [
  builtinTicketingSchema,
  githubTicketingSchema,
  gitlabTicketingSchema,
  jiraTicketingSchema,
]);
export type TicketingInstance = z.output<typeof ticketingInstanceSchema>;

const githubScmSchema = z.strictObject({
  name: nameField,
  kind: z.literal("github"),
  /** As it stands in the repositories' addresses. */
  host: z.string().min(1).max(253).default("github.com"),
  /** Of an Enterprise Server: https://HOST/api/v3. */
  apiUrl: urlField.default("https://api.github.com"),
  tokenEnv: envNameField,
  deadline: durationOr("10s"),
});
const gitlabScmSchema = z.strictObject({
  name: nameField,
  kind: z.literal("gitlab"),
  host: z.string().min(1).max(253).default("gitlab.com"),
  url: urlField.default("https://gitlab.com"),
  tokenEnv: envNameField,
  deadline: durationOr("10s"),
});
/** Hosts of Git repositories, where reverts are proposed. */
export const scmInstanceSchema = z.discriminatedUnion("kind", [githubScmSchema, gitlabScmSchema]);
export type ScmInstance = z.output<typeof scmInstanceSchema>;

const accessPolicySchema = z.strictObject({
  /** Teams whose people may ask. */
  requesters: z.array(nameField).min(1, "lets nobody ask; name at least one team"),
  /** Teams whose leads may approve; never the one who asked. */
  approvers: z.array(nameField).min(1, "lets nobody approve; name at least one team"),
  quorum: z.number().int().min(1).max(5).default(1),
  durationMax: durationOr("1h"),
  /** Cap over all extensions. */
  totalDurationMax: durationOr("8h"),
  reasonPattern: regexField.optional(),
  ticketRequired: z.boolean().default(false),
  /** Whether it may be taken at once, loudly, with a review after. */
  breakGlass: z.boolean().default(false),
});
export type AccessPolicy = z.output<typeof accessPolicySchema>;

const accessRoleSchema = z.strictObject({
  name: nameField,
  /** What it lets people do, in their words. */
  grants: wordsField,
  /** What the accessor is told. */
  terms: z.strictObject({
    grantRole: z
      .string()
      .regex(
        /^[a-z_][a-z0-9_]{0,62}$/,
        "must be a Postgres role: lower-case letters, digits, '_'; at most 63",
      ),
  }),
  policy: accessPolicySchema,
});
export type AccessRole = z.output<typeof accessRoleSchema>;

export const resourceSchema = z.strictObject({
  name: nameField,
  /** Accessor instance. */
  accessor: nameField,
  /** Service it belongs to; its team owns it. */
  service: nameField.optional(),
  description: wordsField.optional(),
  roles: z.array(accessRoleSchema).min(1),
});
export type Resource = z.output<typeof resourceSchema>;
