/** Named instances of outside systems: metrics, tickets, Git hosts. */
import { z } from "zod";
import { durationOr, envNameField, labelsField, nameField, urlField, wordsField } from "./fields.ts";

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
